"""The evaluation that a claim of robustness needs: the strongest attacks, error curves, what they took, and doubts.

It follows the recommendations of Carlini et al. 2019 (arXiv 1902.06705).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, final

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.attacks.gradient import PGD
from trainables.attacks.objectives import margin
from trainables.checks import must
from trainables.classifiers.foreign import averaged
from trainables.config import EvaluationConfig, ThreatModel, ThreatName
from trainables.evaluation.asked import Subject
from trainables.evaluation.book import Book
from trainables.evaluation.curve import Curve, error_curve
from trainables.evaluation.ensemble import Line, Strength, Watch, black_box, papers_own, papers_probe, white_box
from trainables.evaluation.errors import Probe, raising
from trainables.evaluation.flags import REPEATABLE, SATURATED, Flag, Steps, of_attacks, of_manifold, of_model
from trainables.evaluation.inspection import inspect, repeat_difference
from trainables.evaluation.measure import MANIFOLD_FIELDS, TRAVEL, manifold_threats, pixel_threats
from trainables.evaluation.members import Member
from trainables.evaluation.quality import Network
from trainables.evaluation.questions import Questions
from trainables.evaluation.turns import Setting, Turn
from trainables.geometry import NORMS
from trainables.manifolds.manifold import Manifolds
from trainables.seeding import stream

FRACTIONS = EvaluationConfig().radii  # of the study's radius: those that its search averages over
SUCCEED = 0.2  # of the examples, at least, must fall to attacks where numbers of steps are compared
TIMES = 10  # as many steps are compared with all of them
COST = ("gradient_evaluations", "forward_passes", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderThreat:
    """What attacks on one threat do to a model. Errors are fractions of the attacked examples.

    Attributes:
        radius: the study's.
        clean_error: of what the threat renders without a perturbation.
        error: at this radius, the worst of all attacks.
        mean_error: the same, mean over the study's radii.
        white_box_error: at this radius, of the attacks that know gradients; `black_box_error` of the others.
        success_rate: of the paper's attack, over correctly classified examples, mean over attempts; None where the
            paper has none, or nothing is classified correctly.
        curve: errors over radii from 0.
    """

    radius: float
    clean_error: float
    error: float
    mean_error: float
    white_box_error: float
    black_box_error: float
    success_rate: float | None
    curve: Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What is known of a model's robustness.

    Attributes:
        error: on all examples, without an attack.
        examples: how many these are.
        attacked: the first so many are attacked.
        passes: that predictions and gradients are averaged over: more than one where predictions are random.
        threats: by what the adversary changes.
        ledger: what every number took; it adds up to what the tally counted.
        flags: why the numbers may be no evidence of robustness.
    """

    error: float
    examples: int
    attacked: int
    passes: int
    threats: dict[ThreatName, UnderThreat]
    ledger: tuple[Line, ...]
    flags: tuple[Flag, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns nested plain values that JSON can hold; of the ledger, which is a table, the sums."""
        return {
            **{name: getattr(self, name) for name in ("error", "examples", "attacked", "passes")},
            "threats": {name: asdict(under) for name, under in self.threats.items()},
            "flags": [flag._asdict() for flag in self.flags],
            "cost": {name: sum(getattr(line, name) for line in self.ledger) for name in COST},
        }


def evaluating(
    subject: Subject,
    manifolds: Manifolds,
    threat_model: ThreatModel,
    strength: Strength,
    seed: int,
    *,
    attacked: int,
    surrogates: Sequence[Network] = (),
    further: Sequence[Member] = (),
    clock: Callable[[], float] = time.perf_counter,
    watch: Watch = lambda _: None,
) -> Questions[Evaluation]:
    """Measures a model under the strongest attacks, on the image and on manifolds.

    Args:
        subject: the model and its data.
        manifolds: of the data.
        threat_model: norm and radii.
        strength: how hard to look.
        seed: of all noise but the model's own.
        attacked: examples under attack, the first of the split.
        surrogates: other networks of the same data, whose adversarial images are shown to this one.
        further: attacks on images alone, made after all others of their kind.
        clock: tells the seconds that every line of the ledger takes.
        watch: is told every line of the ledger.

    Raises:
        ValueError: if there are not as many examples.
    """
    must(1 <= attacked <= len(subject.split), f"attacked are 1 to {len(subject.split)} examples; got {attacked}")
    book = Book(subject=subject, clock=clock, watch=watch)
    shaky = book.look("repeats", partial(repeat_difference, subject))
    passes = strength.passes if shaky > REPEATABLE else 1
    with _predicting(subject, passes) as asked:
        error = book.look("clean", asked.error)
        seen = book.look("inspection", partial(inspect, asked, seed, unrepeatable=shaky))
        sets = _sets(strength, seen.classes, surrogates)
        bench = _Bench(asked, strength, seed, attacked, sets, tuple(further), book)
        threats, doubts = yield from bench.everything(manifolds, threat_model)
    return Evaluation(
        error=error,
        examples=len(subject.split),
        attacked=attacked,
        passes=passes,
        threats=threats,
        ledger=tuple(book.lines),
        flags=(*of_model(seen, error), *doubts),
    )


def _sets(strength: Strength, classes: int, surrogates: Sequence[Network]) -> dict[str, tuple[Member, ...]]:
    """Returns the attacks by the kinds of a curve."""
    return {
        "white_box": white_box(strength, classes),
        "black_box": black_box(strength, surrogates),
        "paper": papers_own(),
    }


@contextmanager
def _predicting(subject: Subject, passes: int) -> Iterator[Subject]:
    """Asks a model several times for every prediction, and counts that, as long as it lasts."""
    if passes == 1:
        yield subject
        return
    before, subject.tally.passes = subject.tally.passes, passes
    try:
        yield replace(subject, classifier=averaged(subject.classifier, passes))
    finally:
        subject.tally.passes = before


@final
@dataclass(frozen=True, slots=True)
class _Bench:
    """Attacks one model."""

    subject: Subject
    strength: Strength
    seed: int
    attacked: int
    sets: dict[str, tuple[Member, ...]]
    further: tuple[Member, ...]
    book: Book

    def everything(
        self, manifolds: Manifolds, threat_model: ThreatModel
    ) -> Questions[tuple[dict[ThreatName, UnderThreat], list[Flag]]]:
        """Measures all threats, and returns what is doubtful about it."""
        norm, split, eta = NORMS[threat_model.norm], self.subject.split, threat_model.eta
        device = self.subject.device
        pixels = Setting(subject=self.subject, threat=pixel_threats(split, norm, device))
        pixel = yield from self.under("pixel", pixels, threat_model.epsilon, rated=True)
        threats: dict[ThreatName, UnderThreat] = {"pixel": pixel}
        steps = yield from self.steps(pixels, pixel.curve)
        flags = of_attacks(pixel.curve, self.attacked, steps)
        for number, (name, manifold) in enumerate(manifolds.items(), 1):
            rated, threat = MANIFOLD_FIELDS[name][1] is not None, manifold_threats(split, norm, manifold, device)
            setting = Setting(subject=self.subject, threat=threat, number=number, rowwise=manifold.rowwise)
            threats[name] = yield from self.under(name, setting, eta, rated=rated)
            flags += of_manifold(name, pixel.clean_error, threats[name].curve, eta, self.attacked)
        return threats, flags

    def under(self, name: ThreatName, setting: Setting, radius: float, *, rated: bool) -> Questions[UnderThreat]:
        """Measures everything under one threat.

        Args:
            name: of the threat.
            setting: the model, and the threat.
            radius: the study's.
            rated: whether the paper's success rate is wanted.
        """
        everyone = torch.arange(self.attacked)
        clean = self.book.look(f"clean, {name}", partial(self.subject.unperturbed, setting.threat, everyone))
        rate, fallen = (yield from self._rate(name, setting, radius, clean)) if rated else (None, clean)
        curve = yield from error_curve(
            setting,
            self._made(name),
            clean,
            self.seed,
            name=name,
            radius=radius,
            fractions=FRACTIONS,
            fallen=fallen,
            book=self.book,
        )
        return UnderThreat(
            radius=radius,
            clean_error=curve.worst[0],
            error=curve.at(radius),
            mean_error=sum(curve.at(fraction * radius) for fraction in FRACTIONS) / len(FRACTIONS),
            white_box_error=curve.at(radius, "white_box"),
            black_box_error=curve.at(radius, "black_box"),
            success_rate=rate,
            curve=curve,
        )

    def _made(self, name: ThreatName) -> dict[str, tuple[Member, ...]]:
        """Returns the attacks on one threat, by the kinds of a curve."""
        further = self.further if name == "pixel" else ()
        kinds = {True: "white_box", False: "black_box"}
        return self.sets | {
            kind: (*self.sets[kind], *(member for member in further if member.white_box == knows))
            for knows, kind in kinds.items()
        }

    def _rate(
        self, name: ThreatName, setting: Setting, radius: float, clean: Tensor
    ) -> Questions[tuple[float | None, Bool[Tensor, "example"]]]:
        """Returns the success rate of the paper's attack, and which examples are lost to any of its attempts."""
        attempts, left = self.strength.attempts, int((~clean).sum())
        turn, rng = Turn(setting.number, 0, radius, 0, 0, "rate"), partial(stream, self.seed, "strong", name, "rate")
        question = setting.breaks(papers_probe(setting.threat, radius), turn, clean, rng, attempts)

        def line(broken: Tensor | None) -> Line:
            fell = 0 if broken is None else int(broken.any(0).sum())
            return Line(name, "adam-pgd, rate", True, radius, left, fell, attempts)

        broken = yield from self.book.asked(question, line)
        if broken is None:
            return None, clean
        return broken.double().mean().item(), clean.masked_scatter(~clean, broken.any(0))

    def steps(self, setting: Setting, curve: Curve) -> Questions[Steps | None]:
        """Compares numbers of steps of one length, at the smallest radius where attacks succeed often, if there is one.

        The length is such that all steps together cross the ball, and the few do not.
        """
        pairs = zip(curve.radii, curve.worst, strict=True)
        radius = next((here for here, worst in pairs if curve.worst[0] + SUCCEED <= worst < SATURATED), None)
        if radius is None:
            return None
        many = self.strength.steps
        counts, errors = (max(1, many // TIMES), many), []
        unperturbed = partial(self.subject.unperturbed, setting.threat, torch.arange(self.attacked))
        clean, rng = self.book.look("clean, steps", unperturbed), partial(stream, self.seed, "strong", "steps")
        for number, count in enumerate(counts):
            probe = Probe(
                attack=PGD(), threat=setting.threat, steps=count, step_size=TRAVEL / many, objective=raising(margin)
            )
            name = f"pgd, {count} steps"
            question = setting.loses(probe, Turn(setting.number, 2, radius, number, 0, name), clean, rng)

            def line(lost: Tensor, name: str = name) -> Line:
                return Line("pixel", name, True, radius, int((~clean).sum()), int((lost & ~clean).sum()), 1)

            lost = yield from self.book.asked(question, line)
            errors.append(lost.double().mean().item())
        return Steps(radius, counts[0], errors[0], counts[1], errors[1])

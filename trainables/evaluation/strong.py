"""The evaluation that robustness is claimed by: the strongest attacks, error curves, what they cost, and doubts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.attacks.gradient import PGD
from trainables.attacks.objectives import margin
from trainables.checks import must
from trainables.classifiers.foreign import averaged
from trainables.config import EvaluationConfig, ThreatModel, ThreatName
from trainables.evaluation.curve import Curve, error_curve
from trainables.evaluation.ensemble import (
    Line,
    Strength,
    Watch,
    black_box,
    likeliest_others,
    papers_own,
    papers_probe,
    white_box,
)
from trainables.evaluation.errors import MakeThreat, Probe, Subject, lost_under_attack, successes
from trainables.evaluation.flags import REPEATABLE, SATURATED, Flag, Steps, of_attacks, of_model, reconstruction_gap
from trainables.evaluation.inspection import inspect, repeat_difference
from trainables.evaluation.measure import MANIFOLD_FIELDS, TRAVEL, manifold_threats, pixel_threats
from trainables.evaluation.quality import Network
from trainables.evaluation.tally import Result, costed
from trainables.geometry import NORMS
from trainables.manifolds.manifold import Manifolds
from trainables.seeding import stream

FRACTIONS = EvaluationConfig().radii
LOSES = 0.2  # of the examples, at least, where steps are compared: there attacks succeed
TENTH = 10  # as many steps are compared with all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderThreat:
    """What attacks on one threat do to a model. Errors are fractions of the attacked examples.

    Attributes:
        radius: the study's.
        error: at this radius, the worst of all attacks.
        mean_error: the same, mean over the study's radii.
        white_box_error: at this radius, of the attacks that know gradients; `black_box_error` of the others.
        success_rate: of the paper's attack, over correctly classified examples, mean over attempts; None where the
            paper has none, or no example is classified correctly.
        curve: errors over radii from 0.
    """

    radius: float
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
        flags: why the numbers may be no evidence.
    """

    error: float
    examples: int
    attacked: int
    passes: int
    threats: dict[ThreatName, UnderThreat]
    ledger: tuple[Line, ...]
    flags: tuple[Flag, ...]

    def to_dict(self) -> dict[str, Any]:
        """Returns nested plain values that JSON can hold, without the ledger, which is a table."""
        plain = {name: getattr(self, name) for name in ("error", "examples", "attacked", "passes")}
        return {
            **plain,
            "threats": {name: asdict(under) for name, under in self.threats.items()},
            "flags": [flag._asdict() for flag in self.flags],
            "cost": {
                name: sum(getattr(line, name) for line in self.ledger)
                for name in ("gradient_evaluations", "forward_passes", "seconds")
            },
        }


def evaluate(
    subject: Subject,
    manifolds: Manifolds,
    threat_model: ThreatModel,
    strength: Strength,
    seed: int,
    *,
    attacked: int,
    surrogate: Network | None = None,
    watch: Watch = lambda line: None,
) -> Evaluation:
    """Measures a model under the strongest attacks, on the image and on manifolds.

    Args:
        subject: the model and its data.
        manifolds: of the data.
        threat_model: norm and radii.
        strength: how hard to look.
        seed: of all noise but the model's own.
        attacked: examples under attack, the first of the split.
        surrogate: another network of the same data, whose adversarial images are tried too.
        watch: is told every line of the ledger.

    Raises:
        ValueError: if there are not as many examples.
    """
    must(1 <= attacked <= len(subject.split), f"attacked are 1 to {len(subject.split)} examples; got {attacked}")
    book = _Book(subject, watch)
    shaky = book.looked("repeats", partial(repeat_difference, subject))
    with _predicting(subject, strength.passes if shaky > REPEATABLE else 1) as asked:
        error = book.looked("clean", asked.error)
        seen = book.looked("inspection", partial(inspect, asked, seed, unrepeatable=shaky))
        bench = _Bench(asked, threat_model, strength, seed, attacked, surrogate, book)
        threats, flags = {}, of_model(seen, error)
        pixel = bench.measure("pixel", pixel_threats(subject.split, bench.norm), threat_model.epsilon)
        threats["pixel"] = pixel
        flags += of_attacks(pixel.curve, attacked, bench.compare_steps(pixel.curve))
        for name, manifold in manifolds.items():
            under = bench.measure(name, manifold_threats(subject.split, bench.norm, manifold), threat_model.eta)
            threats[name] = under
            gap = reconstruction_gap(pixel.curve.worst[0], under.curve.worst[0], under.error)
            flags += [gap] if gap else []
    ...

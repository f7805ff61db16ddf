"""Error against radius: from the clean error at 0 to where everything is lost, or everything may be changed.

A curve that does not get there says that the attacks fail, not that the model is robust (Carlini et al. 2019,
arXiv 1902.06705).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.config import ThreatName
from trainables.evaluation.asked import MakeThreat
from trainables.evaluation.book import Book
from trainables.evaluation.ensemble import line
from trainables.evaluation.members import Member
from trainables.evaluation.questions import Questions
from trainables.evaluation.turns import Setting, Turn
from trainables.seeding import stream

GROWTH = 1.5  # from one radius beyond the study's to the next
FAR = 1e6  # beyond every range: how far a perturbation is moved to see where it is stopped
KINDS = ("white_box", "black_box", "paper")
PART = 1  # of an evaluation's turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Errors of one model under one threat, fractions of the attacked examples.

    Attributes:
        radii: in rising order, from 0.
        whole: the radius at which everything may be changed.
        worst: error at each radius, over all attacks; what is lost at a radius is lost at every larger one.
        white_box: the same over attacks that know the model's gradients.
        black_box: over those that know its logits alone.
        paper: under the attack of Stutz, Hein and Schiele.
    """

    radii: tuple[float, ...]
    whole: float
    worst: tuple[float, ...]
    white_box: tuple[float, ...]
    black_box: tuple[float, ...]
    paper: tuple[float, ...]

    def at(self, radius: float, kind: str = "worst") -> float:
        """Returns the error at one of the radii."""
        error: float = getattr(self, kind)[self.radii.index(radius)]
        return error


def rising_radii(fractions: Sequence[float], radius: float, whole: float) -> Iterator[float]:
    """Yields the study's radii, and then ever larger ones until everything may be changed.

    Args:
        fractions: of the study's radius, in rising order.
        radius: the study's.
        whole: where everything may be changed.
    """
    for fraction in fractions:
        yield fraction * radius
    reached = fractions[-1] * radius
    while reached < whole:
        further = reached * GROWTH
        reached = whole if further * GROWTH**0.5 > whole else further
        yield reached


def whole_radius(threat: MakeThreat, examples: int) -> float:
    """Returns the smallest radius whose ball holds, around each of the first examples, all that may be made of it.

    It is 1 for L-inf on images that have a black or a white pixel, and at most the root of the pixels for L2.
    """
    made = threat(torch.arange(examples), torch.tensor(0.0))
    far = torch.full_like(made.anchor, FAR, dtype=torch.float64)
    reach = torch.maximum(made.bounded(far).abs(), made.bounded(-far).abs())
    return made.norm.length(reach).float().max().item()


def error_curve(
    setting: Setting,
    sets: Mapping[str, Sequence[Member]],
    clean: Bool[Tensor, "example"],
    seed: int,
    *,
    name: ThreatName,
    radius: float,
    fractions: Sequence[float],
    fallen: Bool[Tensor, "example"],
    book: Book,
) -> Questions[Curve]:
    """Measures a curve.

    Args:
        setting: the model, and what attacks may change.
        sets: of attacks, by the kinds of a curve, no two of one name; each is made on its own, on all examples that it
            has not taken at a smaller radius, so that a line of the ledger says what it does alone.
        clean: which of the first examples are misclassified without an attack.
        seed: of the attacks' noise; what is drawn at a radius depends on no other.
        name: of the threat.
        radius: the study's.
        fractions: of it to measure at, in rising order up to 1; beyond it the radius grows until everything is lost.
        fallen: which examples are known to fall at it.
        book: keeps the ledger.
    """
    alone: dict[str, Tensor] = {member.name: clean for kind in KINDS for member in sets[kind]}
    errors: dict[str, list[float]] = {kind: [_mean(clean)] for kind in (*KINDS, "worst")}
    measured, whole = [0.0], whole_radius(setting.threat, len(clean))
    for here in rising_radii(fractions, radius, whole):
        for member, kind_number, before_last in _in_turn(sets):
            lost, rng = alone[member.name], partial(stream, seed, "strong", name, member.name, f"{here:.6g}")
            turn = Turn(setting.number, PART, here, kind_number, before_last, member.name)
            question = setting.falls(member, turn, lost, rng)
            found = yield from book.asked(question, partial(line, name, member, here, lost))
            alone[member.name] = lost | found
        for kind in KINDS:
            errors[kind].append(_mean(_any(clean, *(alone[member.name] for member in sets[kind]))))
        worst = _any(*alone.values(), fallen if here >= radius else clean)
        errors["worst"].append(_mean(worst))
        measured.append(here)
        if here >= radius and bool(worst.all()):
            break
    return Curve(radii=tuple(measured), whole=whole, **{kind: tuple(own) for kind, own in errors.items()})


def _in_turn(sets: Mapping[str, Sequence[Member]]) -> Iterator[tuple[Member, int, int]]:
    """Yields members, and when their turn is: `kind` and `before_last` of a `Turn`."""
    for number, kind in enumerate(KINDS):
        for place, member in enumerate(sets[kind], 1 - len(sets[kind])):
            yield member, number, place


def _any(*masks: Tensor) -> Tensor:
    return torch.stack(masks).any(0)


def _mean(mask: Tensor) -> float:
    return mask.double().mean().item()

"""Error against radius: from the clean error at 0 to where everything is lost, or everything may be changed.

A curve that does not get there says that the attacks fail, not that the model is robust (Carlini et al. 2019,
arXiv 1902.06705).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.config import ThreatName
from trainables.evaluation.asked import MakeThreat, Subject
from trainables.evaluation.ensemble import Line, Watch, worst_case
from trainables.evaluation.members import Member
from trainables.seeding import stream

GROWTH = 1.5  # from one radius beyond the study's to the next
FAR = 1e6  # beyond every range: how far a perturbation is moved to see where it is stopped
KINDS = ("white_box", "black_box", "paper")


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
    subject: Subject,
    sets: Mapping[str, Sequence[Member]],
    threat: MakeThreat,
    clean: Bool[Tensor, "example"],
    seed: int,
    *,
    name: ThreatName,
    radius: float,
    fractions: Sequence[float],
    fallen: Bool[Tensor, "example"],
    watch: Watch = lambda _: None,
) -> tuple[Curve, list[Line]]:
    """Measures a curve, and says what it took.

    Args:
        subject: the model and its data.
        sets: of attacks, by the kinds of a curve, no two of one name; each is made on its own, on all examples that it
            has not taken at a smaller radius, so that a line of the ledger says what it does alone.
        threat: what they change.
        clean: which of the first examples are misclassified without an attack.
        seed: of the attacks' noise; what is drawn at a radius depends on no other.
        name: of the threat.
        radius: the study's.
        fractions: of it to measure at, in rising order up to 1; beyond it the radius grows until everything is lost.
        fallen: which examples are known to fall at it.
        watch: is told every line of the ledger.
    """
    alone: dict[str, Tensor] = {member.name: clean for kind in KINDS for member in sets[kind]}
    lines: list[Line] = []
    errors: dict[str, list[float]] = {kind: [_mean(clean)] for kind in (*KINDS, "worst")}
    measured, whole = [0.0], whole_radius(threat, len(clean))
    for here in rising_radii(fractions, radius, whole):
        for member in (member for kind in KINDS for member in sets[kind]):
            rng = stream(seed, "strong", name, member.name, f"{here:.6g}")
            (alone[member.name],), more = worst_case(
                subject, [member], threat, [here], alone[member.name], rng, name=name, watch=watch
            )
            lines += more
        for kind in KINDS:
            errors[kind].append(_mean(_any(clean, *(alone[member.name] for member in sets[kind]))))
        worst = _any(*alone.values(), fallen if here >= radius else clean)
        errors["worst"].append(_mean(worst))
        measured.append(here)
        if here >= radius and bool(worst.all()):
            break
    return Curve(radii=tuple(measured), whole=whole, **{kind: tuple(own) for kind, own in errors.items()}), lines


def _any(*masks: Tensor) -> Tensor:
    return torch.stack(masks).any(0)


def _mean(mask: Tensor) -> float:
    return mask.double().mean().item()

"""Many attacks on every example, and the worst of them.

The set and its default strength follow AutoAttack (Croce and Hein 2020, arXiv 2003.01690, section 5): gradients of two
losses, several targets, and an attack without gradients, here of 4000 queries instead of 5000. Targets are approached
from balls of three and two radii, as the same authors do in L1 (arXiv 2103.01208): where a network's loss is bumpy,
that finds what they have another attack for. All is made at many radii, and what has fallen at one is not attacked at a
larger one; and the attack without gradients is also made alone, on all examples: where it finds more than gradients do,
these are masked (Athalye et al. 2018, arXiv 1802.00420).
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.attacks.apgd import APGD, FIRST_STEP
from trainables.attacks.gradient import AdamPGD
from trainables.attacks.objectives import cross_entropy, margin
from trainables.attacks.square import Square
from trainables.checks import must
from trainables.evaluation.asked import MakeThreat, Subject
from trainables.evaluation.errors import MakeObjective, Probe, raising, towards
from trainables.evaluation.measure import PAPER_STEP, PAPER_STEPS
from trainables.evaluation.members import FEWEST_CLASSES, MakeProbe, Member, Probing, Transfer
from trainables.evaluation.quality import Network
from trainables.evaluation.tally import costed

WIDER, APPROACH = (3.0, 2.0), 0.3  # radii of the balls that are searched first, and the share of the steps in each
WHATEVER = 1.0  # radii a step: the attack without gradients has no steps of a size


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How hard an ensemble looks.

    Attributes:
        steps: gradient steps from every start.
        restarts: random starts on every loss.
        targets: wrong classes that are aimed at, the likeliest ones.
        queries: steps of the attack without gradients from every start, each a forward pass.
        attempts: of the paper's attack, for its success rate.
        sources: other networks whose adversarial images are shown to the model, at most.
        passes: over which predictions that are random are averaged.
    """

    steps: int = 100
    restarts: int = 1
    targets: int = 9
    queries: int = 4000
    attempts: int = 5
    sources: int = 3
    passes: int = 16

    def __post_init__(self) -> None:
        least = min(astuple(self))
        must(least >= 1, f"all numbers of an ensemble are at least 1; got {self}")


STRENGTHS = {
    "standard": Strength(),
    "fast": Strength(steps=20, targets=3, queries=300, attempts=1, sources=1, passes=8),
}
"""By name: as AutoAttack's, and one that a processor has patience for."""


class Line(NamedTuple):
    """What one attack on one threat at one radius did and took: a line of the ledger.

    Attributes:
        threat: what was changed; "none" where the model was merely looked at.
        attack: its name, or what was looked at.
        white_box: whether it knows the model's gradients.
        radius: of the ball.
        attacked: examples that it was made on: all but those that are lost without it, or fell at a smaller radius.
        lost: how many of them fell.
        restarts: starts of an example that survives them all.
        gradient_evaluations: as in `Tally`; so are `forward_passes`, which are a black box's queries.
        seconds: wall time.
    """

    threat: str
    attack: str
    white_box: bool
    radius: float
    attacked: int
    lost: int
    restarts: int
    gradient_evaluations: int = 0
    forward_passes: int = 0
    seconds: float = 0.0


Watch = Callable[[Line], None]


def line(threat: str, member: Member, radius: float, lost: Tensor, fallen: Tensor) -> Line:
    """Returns what is written down of an attack on one threat at one radius, but for what it took.

    Args:
        threat: its name.
        member: the attack.
        radius: of the ball.
        lost: which examples it was not made on.
        fallen: which of the others fell.
    """
    left, starts = int((~lost).sum()), member.starts
    return Line(threat, member.name, member.white_box, radius, left, int(fallen.sum()), starts)


# -- the sets --------------------------------------------------------------------------------------------------------


def white_box(strength: Strength, classes: int) -> tuple[Member, ...]:
    """Returns the attacks that know a model's gradients."""

    def member(name: str, *objectives: MakeObjective) -> Member:
        probes = tuple(_climbing(strength.steps, objective) for objective in objectives)
        return Probing(name=name, white_box=True, probes=probes, restarts=strength.restarts)

    entropy = member("apgd-ce", raising(cross_entropy))
    if classes < FEWEST_CLASSES:
        return entropy, member("apgd-margin", raising(margin))
    places = range(1, min(strength.targets, classes - 1) + 1)
    probes = tuple(_approaching(strength.steps, towards(place)) for place in places)
    return entropy, Probing(name="apgd-dlr-targeted", white_box=True, probes=probes, restarts=strength.restarts)


def black_box(strength: Strength, surrogates: Sequence[Network] = ()) -> tuple[Member, ...]:
    """Returns the attacks that know a model's logits alone.

    Args:
        strength: of all of them.
        surrogates: other networks of the same data, to transfer images from; the first ones are taken.
    """

    def blind(threat: MakeThreat, _: float) -> Probe:
        objective, queries = raising(margin), strength.queries
        return Probe(attack=Square(), threat=threat, steps=queries, step_size=WHATEVER, objective=objective)

    square = Probing(name="square", white_box=False, probes=(blind,), restarts=strength.restarts)
    taken = tuple(surrogates[: strength.sources])
    if not taken:
        return (square,)
    return Transfer(surrogates=taken, steps=strength.steps, restarts=strength.restarts), square


def papers_probe(threat: MakeThreat, radius: float) -> Probe:
    """Returns the attack of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740)."""
    return Probe(attack=AdamPGD(), threat=threat, steps=PAPER_STEPS, step_size=PAPER_STEP / radius)


def papers_own() -> tuple[Member, ...]:
    """Returns the paper's attack, made once."""
    return (Probing(name="adam-pgd", white_box=True, probes=(papers_probe,), restarts=1),)


def _climbing(steps: int, objective: MakeObjective) -> MakeProbe:
    def make(threat: MakeThreat, _: float) -> Probe:
        return Probe(attack=APGD(), threat=threat, steps=steps, step_size=FIRST_STEP, objective=objective)

    return make


def _approaching(steps: int, objective: MakeObjective) -> MakeProbe:
    """Returns what searches two larger balls first, in as many steps all together."""
    each = int(APPROACH * steps)
    wider = tuple((times, each) for times in WIDER if each)

    def make(threat: MakeThreat, _: float) -> Probe:
        return Probe(
            attack=APGD(),
            threat=threat,
            steps=steps - each * len(wider),
            step_size=FIRST_STEP,
            objective=objective,
            approach=wider,
        )

    return make


# -- the worst of them -----------------------------------------------------------------------------------------------


def worst_case(
    subject: Subject,
    members: Sequence[Member],
    threat: MakeThreat,
    radii: Sequence[float],
    lost: Bool[Tensor, "example"],
    rng: torch.Generator,
    *,
    name: str,
) -> tuple[list[Bool[Tensor, "example"]], list[Line]]:
    """Returns which of the first examples are lost at each radius, over all members, and what each took.

    What is lost at one radius is lost at every larger one, and leaves with its first success.

    Args:
        subject: the model and its data.
        members: in the order in which they are made, the cheap ones first.
        threat: what they change.
        radii: in rising order.
        lost: which examples are misclassified without an attack.
        rng: gives the starts, the same for every model that is attacked with an equal generator.
        name: of the threat, for the ledger.
    """
    masks, lines = [], []
    for radius in radii:
        for member in members:
            fallen, cost = costed(subject.tally, partial(member.falls, subject, threat, radius, lost, rng))
            lines.append(line(name, member, radius, lost, fallen)._replace(**cost._asdict()))
            lost = lost | fallen
        masks.append(lost)
    return masks, lines

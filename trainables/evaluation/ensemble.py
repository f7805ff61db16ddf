"""Many attacks on every example, and the worst of them.

The set and its default strength follow AutoAttack (Croce and Hein 2020, arXiv 2003.01690, section 5): gradients of two
losses, several targets, and an attack without gradients. Unlike there, it is made at many radii, and what has fallen
at one is not attacked at a larger one; and the attack without gradients is also made alone, on all examples: where it
finds more than gradients do, these are masked (Athalye et al. 2018, arXiv 1802.00420).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainables.attacks.apgd import APGD
from trainables.attacks.attack import NO_SLACK, search
from trainables.attacks.gradient import PGD, AdamPGD
from trainables.attacks.objectives import cross_entropy, dlr_targeted, margin
from trainables.attacks.square import CodeSquare, Square
from trainables.checks import must
from trainables.config import ThreatName
from trainables.evaluation.errors import CHUNK, MakeThreat, Probe, Subject, starting_noise
from trainables.evaluation.measure import PAPER_STEP, PAPER_STEPS, TRAVEL
from trainables.evaluation.quality import Network
from trainables.evaluation.tally import costed
from trainables.threats.threat import Threat

FEWEST_CLASSES = 4  # that the targeted difference of logits ratio compares
FIRST_STEP = 2.0  # radii that APGD's first steps are long
Watch = Callable[["Line"], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How hard an ensemble looks.

    Attributes:
        steps: gradient steps from every start.
        restarts: random starts on every loss.
        targets: other classes that are aimed at, the most likely ones.
        queries: steps of the attack without gradients from every start, each a forward pass.
        attempts: of the paper's attack, for its success rate.
        passes: over which predictions that are random are averaged.
    """

    steps: int = 100
    restarts: int = 1
    targets: int = 9
    queries: int = 5000
    attempts: int = 5
    passes: int = 16

    def __post_init__(self) -> None:
        least = min(self.steps, self.restarts, self.targets, self.queries, self.attempts, self.passes)
        must(least >= 1, f"all of an ensemble's numbers are at least 1; got {self}")


STRENGTHS = {
    "standard": Strength(),
    "fast": Strength(steps=20, targets=3, queries=300, attempts=1, passes=8),
}
"""By name: AutoAttack's, and one that a processor has patience for."""


class Line(NamedTuple):
    """What one attack on one threat at one radius did and took: a line of the ledger.

    Attributes:
        threat: what was changed; "none" where the model was merely looked at.
        attack: its name, or what was looked at.
        white_box: whether it knows the model's gradients.
        radius: of the ball.
        attacked: examples that it was made on.
        lost: how many of them fell.
        restarts: starts of an example that survives them all.
    """

    threat: str
    attack: str
    white_box: bool
    radius: float
    attacked: int
    lost: int
    restarts: int
    gradient_evaluations: int
    forward_passes: int
    seconds: float


class Member(ABC):
    """One attack of an ensemble.

    Attributes:
        name: as tables show it.
        white_box: whether it knows the model's gradients.
        starts: of an example that survives them all.
    """

    name: str
    white_box: bool

    @property
    @abstractmethod
    def starts(self) -> int: ...

    @abstractmethod
    def falls(
        self, subject: Subject, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        """Returns which of the examples that are not lost yet fall.

        What it draws from the generator does not depend on which these are.
        """


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Probing(Member):
    """The same attack on one loss after another.

    Attributes:
        probes: make one for each loss, for a threat and a radius.
        restarts: random starts on each.
    """

    name: str
    white_box: bool
    probes: tuple[Callable[[MakeThreat, float], Probe], ...]
    restarts: int

    @property
    def starts(self) -> int:
        return self.restarts * len(self.probes)

    def falls(
        self, subject: Subject, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        everyone, fallen = torch.arange(len(lost)), torch.zeros_like(lost)
        for make in self.probes:
            probe = make(threat, radius)
            starts, left = starting_noise(probe, everyone, self.restarts, rng), everyone[~(lost | fallen)]
            if len(left):
                fallen[left] = probe.succeeds(subject, left, radius, starts, once=True).any(0)
        return fallen


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Member):
    """Images that fool another network (Papernot et al. 2016, arXiv 1605.07277), shown to this one once each.

    Passes through the other network are not counted.

    Attributes:
        surrogate: the other network.
        steps: that its images are made in.
        restarts: of each.
    """

    surrogate: Network
    steps: int
    restarts: int
    name: str = "transfer"
    white_box: bool = False

    @property
    def starts(self) -> int:
        return self.restarts

    def falls(
        self, subject: Subject, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        everyone, fallen = torch.arange(len(lost)), torch.zeros_like(lost)
        made = Probe(attack=PGD(), threat=threat, steps=self.steps, step_size=TRAVEL / self.steps)
        starts = starting_noise(made, everyone, self.restarts, rng)
        for gaussian, uniform in zip(*starts, strict=True):
            for some in torch.split(everyone[~(lost | fallen)], CHUNK):
                images = self._images(subject, threat(some, torch.tensor(radius)), some, gaussian[some], uniform[some])
                fallen[some] = subject.wrong(some, images)
        return fallen

    def _images(
        self, subject: Subject, threat: Threat, examples: Tensor, gaussian: Tensor, uniform: Tensor
    ) -> Float[Tensor, "batch channel height width"]:
        """Returns the images of highest loss that were found on the other network."""
        labels = subject.split.labels[examples]
        found = search(
            PGD(),
            cross_entropy(self.surrogate.classifier, self.surrogate.folded, labels),
            threat,
            threat.start(gaussian, uniform),
            step_size=torch.tensor(TRAVEL / self.steps),
            steps=torch.tensor(self.steps),
            slack=torch.tensor(NO_SLACK),
            longest=self.steps,
            alone=True,
        )
        return threat.render(found.delta)


def likeliest_others(subject: Subject, threat: MakeThreat, examples: int) -> Int[Tensor, "example other"]:
    """Returns all classes but its label for each of the first examples, the most likely one first.

    They are ranked by the logits of what the threat renders without a perturbation.
    """
    ranked = []
    for some in torch.split(torch.arange(examples), CHUNK):
        made = threat(some, torch.tensor(0.0))
        logits = subject.logits(made.render(torch.zeros_like(made.anchor)))
        order = logits.nan_to_num().argsort(dim=1, descending=True, stable=True)
        ranked.append(order[order != subject.split.labels[some, None]].reshape(len(some), -1))
    return torch.cat(ranked)


def white_box(strength: Strength, others: Int[Tensor, "example other"]) -> tuple[Member, ...]:
    """Returns the attacks that know a model's gradients.

    Args:
        strength: of all of them.
        others: the classes to aim at, see `likeliest_others`.
    """

    def climb(objective: MakeObjective) -> Callable[[MakeThreat, float], Probe]:
        def make(threat: MakeThreat, _: float) -> Probe:
            return Probe(
                attack=APGD(), threat=threat, steps=strength.steps, step_size=FIRST_STEP, objective=objective
            )

        return make

    shared: dict[str, Any] = {"white_box": True, "restarts": strength.restarts}
    entropy = Probing(name="apgd-ce", probes=(climb(cross_entropy),), **shared)
    if others.shape[1] + 1 < FEWEST_CLASSES:
        return entropy, Probing(name="apgd-margin", probes=(climb(margin),), **shared)
    aimed = tuple(climb(aiming(others[:, place])) for place in range(min(strength.targets, others.shape[1])))
    return entropy, Probing(name="apgd-dlr-targeted", probes=aimed, **shared)


def black_box(strength: Strength, threat: ThreatName, surrogate: Network | None = None) -> tuple[Member, ...]:
    """Returns the attacks that know a model's logits alone.

    Args:
        strength: of all of them.
        threat: that they are made on.
        surrogate: another network of the same data, to transfer images from.
    """
    attack = Square() if threat == "pixel" else CodeSquare()

    def make(threat: MakeThreat, _: float) -> Probe:
        return Probe(attack=attack, threat=threat, steps=strength.queries, step_size=1.0, objective=margin)

    blind = Probing(name="square", white_box=False, probes=(make,), restarts=strength.restarts)
    if surrogate is None:
        return (blind,)
    return Transfer(surrogate=surrogate, steps=strength.steps, restarts=strength.restarts), blind


def papers_own() -> tuple[Member, ...]:
    """Returns the attack of Stutz, Hein and Schiele, once."""

    def make(threat: MakeThreat, radius: float) -> Probe:
        return Probe(attack=AdamPGD(), threat=threat, steps=PAPER_STEPS, step_size=PAPER_STEP / radius)

    return (Probing(name="adam-pgd", white_box=True, probes=(make,), restarts=1),)


def worst_case(
    subject: Subject,
    members: Sequence[Member],
    threat: MakeThreat,
    radii: Sequence[float],
    lost: Bool[Tensor, "example"],
    rng: torch.Generator,
    *,
    name: str,
    watch: Watch = lambda line: None,
) -> tuple[list[Bool[Tensor, "example"]], list[Line]]:
    """Returns which of the first examples are lost at each radius, over all members, and what each took.

    What is lost at one radius is lost at every larger one, and leaves with its first success.

    Args:
        subject: the model and its data.
        members: in the order in which they are made; the cheap ones first.
        threat: what they change.
        radii: in rising order.
        lost: which examples are misclassified without an attack.
        rng: gives the starts, the same for every model that is attacked with an equal generator.
        name: of the threat, for the ledger.
        watch: is told every line as soon as it is written.
    """
    masks, lines = [], []
    for radius in radii:
        for member in members:
            left = int((~lost).sum())
            fallen, cost = costed(subject.tally, partial(member.falls, subject, threat, radius, lost, rng))
            lost = lost | fallen
            about = (name, member.name, member.white_box, radius, left, int(fallen.sum()), member.starts)
            lines.append(Line(*about, *cost))
            watch(lines[-1])
        masks.append(lost)
    return masks, lines

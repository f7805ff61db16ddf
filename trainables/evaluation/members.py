"""One attack of an ensemble: the same search on one loss after another, or images that fool another network."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trainables.attacks.attack import NO_SLACK, search
from trainables.attacks.gradient import PGD
from trainables.attacks.objectives import cross_entropy
from trainables.evaluation.asked import Asked, MakeThreat, Subject, chunks
from trainables.evaluation.errors import Probe, starting_noise
from trainables.evaluation.measure import TRAVEL
from trainables.evaluation.quality import Network
from trainables.threats.threat import Threat

FEWEST_CLASSES = 4  # that the targeted difference of logits ratio compares

MakeProbe = Callable[[MakeThreat, float], Probe]
"""Makes a probe of a threat at a radius."""


class Member(ABC):
    """One attack of an ensemble. Whoever wraps another library's attack makes a subclass of this.

    Attributes:
        name: as tables show it.
        white_box: whether it knows the model's gradients.
    """

    name: str
    white_box: bool

    @property
    @abstractmethod
    def starts(self) -> int:
        """Of an example that survives them all."""

    @abstractmethod
    def falls(
        self, subject: Subject, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        """Returns which of the first examples fall, of those that are not lost yet.

        What it draws from the generator does not depend on which these are.
        """


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Probing(Member):
    """The same attack on one loss after another.

    Attributes:
        probes: one for each loss.
        restarts: random starts on each.
    """

    name: str
    white_box: bool
    probes: tuple[MakeProbe, ...]
    restarts: int

    @property
    def starts(self) -> int:
        """Of an example that survives them all."""
        return self.restarts * len(self.probes)

    def falls(
        self, subject: Asked, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        """Does what every member does; several models may be attacked together, `lost` is then model by model."""
        examples = len(lost) // subject.models
        everyone, fallen = subject.first(examples), torch.zeros_like(lost)
        for make in self.probes:
            probe, left = make(threat, radius), ~(lost | fallen)
            starts = starting_noise(probe, torch.arange(examples), self.restarts, rng)
            if left.any():
                fallen[left] = probe.succeeds(subject, everyone[left], radius, starts, once=True).any(0)
        return fallen


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer(Member):
    """Images that fool other networks (Papernot et al. 2016, arXiv 1605.07277), each shown to this one once.

    Passes through the other networks are not counted.

    Attributes:
        surrogates: the other networks, at least one.
        steps: that their images are made in.
        restarts: of each, on every network.
    """

    surrogates: tuple[Network, ...]
    steps: int
    restarts: int
    name: str = "transfer"
    white_box: bool = False

    @property
    def starts(self) -> int:
        """Of an example that survives them all."""
        return self.restarts * len(self.surrogates)

    def falls(
        self, subject: Subject, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        everyone, fallen = torch.arange(len(lost)), torch.zeros_like(lost)
        made = Probe(attack=PGD(), threat=threat, steps=self.steps, step_size=TRAVEL / self.steps)
        starts = starting_noise(made, everyone, self.starts, rng)
        for attempt, surrogate in enumerate(each for each in self.surrogates for _ in range(self.restarts)):
            for some in chunks(everyone[~(lost | fallen)]):
                ball = threat(some, torch.tensor(radius))
                begin = ball.start(*starts.of(attempt, some, subject.device))
                images = self._images(surrogate, ball, begin, subject.labels(some))
                fallen[some] = subject.wrong(some, images)
        return fallen

    def _images(
        self, surrogate: Network, threat: Threat, start: Tensor, labels: Tensor
    ) -> Float[Tensor, "batch channel height width"]:
        """Returns the images of the highest loss that were found on another network."""
        found = search(
            PGD(),
            cross_entropy(surrogate.classifier, surrogate.folded, labels),
            threat,
            start,
            step_size=torch.tensor(TRAVEL / self.steps),
            steps=torch.tensor(self.steps),
            slack=torch.tensor(NO_SLACK),
            longest=self.steps,
            alone=True,
        )
        return threat.render(found.delta)

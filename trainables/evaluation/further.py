"""Attacks that the ensemble does without, since they seldom find more: made after it where somebody asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import final

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.attacks.apgd import APGD, FIRST_STEP
from trainables.attacks.carlini_wagner import CarliniWagner, smallest
from trainables.attacks.objectives import dlr, margin
from trainables.evaluation.asked import MakeThreat, Subject, chunks
from trainables.evaluation.ensemble import Strength
from trainables.evaluation.errors import Probe, raising
from trainables.evaluation.members import Member, Probing

CONSTANTS = 9  # that each example's search tries; the strength's steps are made with each


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Smallest(Member):
    """The smallest distance of Carlini and Wagner 2017 (arXiv 1608.04644): who is as near as a radius is lost there.

    There is no radius in the search: an example is looked at once, at the first radius that it survives, and that line
    of the ledger has all that it took.

    Attributes:
        settings: of the search.
        distances: that were found, by example; infinite where nothing was.
    """

    settings: CarliniWagner
    distances: dict[int, float] = field(default_factory=dict)
    name: str = "carlini-wagner"
    white_box: bool = True

    @property
    def starts(self) -> int:
        """Of an example that survives."""
        return 1

    def falls(
        self, subject: Subject, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        del rng  # nothing is drawn
        left, fallen = torch.arange(len(lost))[~lost], torch.zeros_like(lost)
        unknown = [example for example in left.tolist() if example not in self.distances]
        for some in chunks(torch.tensor(unknown, dtype=torch.int64)):
            ball = threat(some, torch.tensor(radius))
            found = smallest(self.settings, raising(margin)(subject, some, ball), ball)
            subject.tally.add(int(found.looks.sum()), forward=1, backward=1)
            self.distances.update(zip(some.tolist(), found.distance.tolist(), strict=True))
        fallen[left] = torch.tensor([self.distances[example] <= radius for example in left.tolist()], dtype=torch.bool)
        return fallen


def further(names: Sequence[str], strength: Strength) -> tuple[Member, ...]:
    """Returns attacks by their names, as hard as the ensemble's; a name is one of `FURTHER`."""
    return tuple(FURTHER[name](strength) for name in names)


def _dlr(strength: Strength) -> Member:
    """APGD on the difference of logits ratio, without a target (Croce and Hein 2020, arXiv 2003.01690)."""
    make = partial(_climbing, strength.steps)
    return Probing(name="apgd-dlr", white_box=True, probes=(make,), restarts=strength.restarts)


def _climbing(steps: int, threat: MakeThreat, _: float) -> Probe:
    return Probe(attack=APGD(), threat=threat, steps=steps, step_size=FIRST_STEP, objective=raising(dlr))


def _smallest(strength: Strength) -> Member:
    return Smallest(settings=CarliniWagner(constants=CONSTANTS, iterations=strength.steps))


FURTHER = {"apgd-dlr": _dlr, "carlini-wagner": _smallest}

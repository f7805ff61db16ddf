"""What a number cost: passes through the classifier, counted per example."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts per-example passes of one trial.

    Attributes:
        gradient_evaluations: backward passes through the classifier.
        forward_passes: forward passes, those that come before a backward pass included.
        passes: that one look at an example takes: more than one where predictions are random and averaged.
    """

    gradient_evaluations: int = 0
    forward_passes: int = 0
    passes: int = 1

    def add(self, examples: int, *, forward: int = 0, backward: int = 0) -> None:
        """Adds so many passes for each of the examples."""
        self.forward_passes += examples * forward * self.passes
        self.gradient_evaluations += examples * backward * self.passes

    def since(self, before: "Tally", seconds: float) -> "Cost":
        """Returns what was counted since a copy was made, which took so many seconds."""
        gradients = self.gradient_evaluations - before.gradient_evaluations
        return Cost(gradients, self.forward_passes - before.forward_passes, seconds)

    def back_to(self, before: "Tally") -> None:
        """Forgets what was counted since a copy was made."""
        self.forward_passes, self.gradient_evaluations = before.forward_passes, before.gradient_evaluations


class Cost(NamedTuple):
    """What some work took: passes as in `Tally`, and wall time."""

    gradient_evaluations: int
    forward_passes: int
    seconds: float


def costed(tally: Tally, work: Callable[[], Result]) -> tuple[Result, Cost]:
    """Does some work, and returns what comes of it and what it took."""
    before, started = replace(tally), time.perf_counter()
    result = work()
    return result, tally.since(before, time.perf_counter() - started)

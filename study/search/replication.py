"""Adaptive replication: further seeds for the points near the front, none for the others.

Seeds are replicates of one configuration, and one seed's errors are noisy: of many points that look best, some were
lucky. In round r = 1, 2, ... the points of the first two validation fronts get their r-th further seed, the fronts
being those of the means over all seeds of the rounds before. A round begins when the one before has ended, so that
who is in it depends on nothing but results: a point that its new seeds push behind the second front gets no more.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from study.search.front import near_front
from study.storage.state import Trial

NEAR = 2  # fronts


class Wait(Enum):
    """What is asked next depends on trials that are still running."""

    WAIT = "wait"


WAIT: Final = Wait.WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicate:
    """A trial to repeat with another seed.

    Attributes:
        index: among the repetitions of the same trial, from 1.
    """

    original: Trial
    index: int

    @property
    def trial_id(self) -> str:
        """Names the repetition after its original, such as conv-012.r1."""
        return f"{self.original.trial_id}.r{self.index}"


def next_replicate(own: Sequence[Trial], replicates: Sequence[Trial], most: int) -> Replicate | Wait | None:
    """Returns what an architecture needs next, or None where it needs nothing more.

    A paused trial is not waited for: it may never go on.

    Args:
        own: all trials of the architecture that are no replicates.
        replicates: those asked for so far.
        most: replicates of a point.
    """
    known = {trial.trial_id: trial for trial in replicates}
    counted = list(own)
    for _ in range(most):
        if any(trial.state == "RUNNING" for trial in counted):
            return WAIT
        had = Counter(trial.replicate_of for trial in counted)
        due = [Replicate(original=trial, index=had[trial.trial_id] + 1) for trial in near_front(counted, NEAR)]
        for replicate in due:
            if replicate.trial_id not in known:
                return replicate
        counted += [known[replicate.trial_id] for replicate in due]
    return None

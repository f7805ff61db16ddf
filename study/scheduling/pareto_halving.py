"""Stops what is not worth training on: asynchronous successive halving by non-dominated rank.

Schmucker and others, "Multi-objective Asynchronous Successive Halving" (2021, arXiv 2106.12639), after
Li and others, "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020, arXiv 1810.05934). Trials of one
group are compared with each other only. At a rung - an epoch - a trial goes on if it is among the best 1 / factor of
those that were ever measured there or, unlike in the papers, if none of them dominates it: what may be on the front is
not stopped for want of places. Nothing here runs a trial: what it says depends on the calls that were made, in
their order, and on the seed, so that the same calls rebuild it.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from study.scheduling.rung import Rung
from trainables.checks import must, must_choose


class Decision(StrEnum):
    """What becomes of a trial after a report."""

    CONTINUE = "CONTINUE"
    STOP = "STOP"
    PAUSE = "PAUSE"


@dataclass(frozen=True, kw_only=True)
class HalvingConfig:
    """When trials are compared, and how many go on.

    Attributes:
        rungs: the epochs, rising, counted from 1.
        factor: one in so many goes on from a rung, beside the trials that no other dominates.
        mode: whether the others are stopped for good, or paused until they are among the best of a larger rung.
    """

    rungs: tuple[int, ...]
    factor: float = 2.0
    mode: Literal["stop", "pause"] = "stop"

    def __post_init__(self) -> None:
        must_choose(self)
        rising = list(self.rungs) == sorted(set(self.rungs)) and min(self.rungs, default=1) >= 1
        must(rising, f"rungs are epochs, counted from 1, in rising order; got {self.rungs}")
        must(1 < self.factor < math.inf, f"factor is a finite number above 1; got {self.factor}")


def rungs(epochs: int, grace: int, factor: float) -> tuple[int, ...]:
    """Returns the epochs grace, grace x factor, ... that lie below the last one.

    Args:
        epochs: of a whole trial.
        grace: epochs before the first comparison.
        factor: between one rung and the next.
    """
    must(grace >= 1, f"grace counts epochs and is at least 1; got {grace}")
    must(1 < factor < math.inf, f"factor is a finite number above 1; got {factor}")
    found, epoch = [], float(grace)
    while round(epoch) < epochs:
        found.append(round(epoch))
        epoch *= factor
    return tuple(sorted(set(found)))


def usual_grace(epochs: int) -> int:
    """Returns the epochs before the first rung that suit trials of so many; why is in docs/decisions/013."""
    return max(2, round(0.15 * epochs))


class ParetoHalving:
    """Decides which trials go on.

    Args:
        config: when and how many.
        seed: of the order among trials of equal rank.
    """

    def __init__(self, config: HalvingConfig, *, seed: int = 0) -> None:
        self._config, self._seed = config, seed
        self._rungs: dict[tuple[str, int], Rung] = {}
        # Trials that ran on from a rung, where others pause: a crash may take them back to it, but no pause does.
        self._advanced: set[tuple[str, int]] = set()
        self._reached: dict[str, int] = {}

    def decide(self, trial_id: str, group: str, epoch: int, values: Sequence[float]) -> Decision:
        """Takes the values of a trial after an epoch, all objectives minimised, and says what becomes of it.

        A second report of the same epoch replaces the first. A trial that no other dominates goes on; one that all
        others dominate does not, however many go on.

        Raises:
            ValueError: for NaN, which has no rank, or another number of objectives than the rung's.
        """
        point = tuple(map(float, values))
        must(bool(point) and not any(map(math.isnan, point)), f"trials are ranked without NaN; got {point}")
        if epoch not in self._config.rungs:
            return Decision.CONTINUE
        rung = self._rungs.setdefault((group, epoch), Rung(len(point)))
        rung.put(trial_id, point, self._tie(trial_id, epoch))
        self._reached[trial_id] = max(epoch, self._reached.get(trial_id, epoch))
        goes_on = (trial_id, epoch) in self._advanced or rung.position(trial_id) < self._going_on(rung)
        if goes_on:
            # For good: what a trial says again after a crash is not tried twice.
            self._advanced.add((trial_id, epoch))
            return Decision.CONTINUE
        return Decision.PAUSE if self._config.mode == "pause" else Decision.STOP

    def promotable(self, group: str) -> str | None:
        """Returns the paused trial to run on next, None if there is none: the furthest first, then the best."""
        if self._config.mode == "stop":
            return None
        for epoch in reversed(self._config.rungs):
            rung = self._rungs.get((group, epoch))
            best = rung.best(self._going_on(rung)) if rung else []
            waiting = [trial_id for trial_id in best if (trial_id, epoch) not in self._advanced]
            if waiting:
                return waiting[0]
        return None

    def promoted(self, trial_id: str, epoch: int | None = None) -> None:
        """Notes that a paused trial runs on.

        Args:
            trial_id: of the trial.
            epoch: of the rung; None is the one that it has reached last. A trial that began anew after its promotion
                may have reached none again.

        Raises:
            ValueError: if the trial has not been measured at a rung, and none is given.
        """
        rung = self._reached.get(trial_id) if epoch is None else epoch
        if rung is None:
            raise ValueError(f"a trial is promoted from a rung; got {trial_id}, which has reached none")
        self._advanced.add((trial_id, rung))

    def forget(self, trial_id: str) -> None:
        """Takes a trial out of all rungs: one that failed or collapsed is no measure for others."""
        self._reached.pop(trial_id, None)
        self._advanced -= {(trial_id, epoch) for epoch in self._config.rungs}
        for rung in self._rungs.values():
            rung.remove(trial_id)

    def _going_on(self, rung: Rung) -> int:
        """Returns how many trials of a rung go on: the best, and all that no other dominates."""
        return max(rung.front_size(), math.floor(len(rung) / self._config.factor))

    def _tie(self, trial_id: str, epoch: int) -> float:
        return random.Random(f"{self._seed}/{epoch}/{trial_id}").random()

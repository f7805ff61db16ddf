"""A study without training: asynchronous workers on courses that are known beforehand.

A study ends when its trials have, and loses none: under a budget a trial begins, or goes on from a pause, as soon as it
and all that are under way could be finished within it. What workers are idle for in the end is no cost.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from analysis.pareto import hypervolume

Errors = tuple[float, float]


class Scheduler(Protocol):
    """What `study.scheduling.pareto_halving.ParetoHalving` is to a study."""

    def decide(self, trial_id: str, group: str, epoch: int, values: Sequence[float]) -> str: ...
    def promotable(self, group: str) -> str | None: ...
    def promoted(self, trial_id: str) -> None: ...
    def forget(self, trial_id: str) -> None: ...


class Sampler(Protocol):
    """Hands out courses by number, and hears how they ended."""

    def ask(self) -> "Plan | None": ...
    def complete(self, number: int, values: Errors) -> None: ...
    def stopped(self, number: int, values: Errors) -> None: ...
    def failed(self, number: int) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A trial as a worker will find it.

    Attributes:
        measured: one row an epoch: error and robust error as measured.
        epoch_costs: gradient evaluations of each epoch's training.
        measurement_costs: those of a measurement after each epoch.
        ends: the epoch that ends it without a result, or None.
        final: what it is worth at the end, or None if it has collapsed by then.
    """

    number: int
    measured: NDArray[np.float64]
    epoch_costs: NDArray[np.float64]
    measurement_costs: NDArray[np.float64]
    ends: int | None
    final: Errors | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a simulated study leaves: the cost at which each finished trial came, and its final values."""

    costs: list[float]
    finals: list[Errors]
    total: float
    trials: int

    def hypervolume(self, reference: Errors, budget: float = np.inf) -> float:
        """Returns the hypervolume of what had finished when so much was spent."""
        return hypervolume([f for cost, f in zip(self.costs, self.finals, strict=True) if cost <= budget], reference)

    def cost_of(self, target: float, reference: Errors) -> float:
        """Returns the cost at which a hypervolume was reached; infinite if it never was."""
        low, high = 0, len(self.costs)
        if hypervolume(self.finals, reference) < target:
            return np.inf
        while low < high:
            middle = (low + high) // 2
            reached = hypervolume(self.finals[: middle + 1], reference) >= target
            low, high = (low, middle) if reached else (middle + 1, high)
        return self.costs[low]


class Study:
    """Runs trials on workers until the budget or the trials are spent.

    Args:
        rungs: epochs after which trials are measured and decided upon, beside the last.
        rng: of the workers' speeds.
    """

    def __init__(
        self, sampler: Sampler, scheduler: Scheduler | None, rungs: Sequence[int], rng: np.random.Generator
    ) -> None:
        self._sampler, self._scheduler, self._rungs, self._rng = sampler, scheduler, tuple(rungs), rng
        self._plans: dict[str, tuple[Plan, int]] = {}
        self._events: list[tuple[float, int, str]] = []
        self._outcome = Outcome([], [], 0.0, 0)
        self._order, self._spent = 0, 0.0
        self._waiting: Plan | None = None

    def run(self, workers: int, *, budget: float = np.inf, trials: int | None = None) -> Outcome:
        """Returns what had finished when nothing more could."""
        limit = trials if trials is not None else np.inf
        now, asked = 0.0, 0
        idle = workers
        while True:
            while idle and (started := self._start(now, asked < limit, budget)) is not None:
                asked += started
                idle -= 1
            if not self._events:
                return Outcome(self._outcome.costs, self._outcome.finals, self._spent, asked)
            now, _, name = heapq.heappop(self._events)
            idle += self._arrive(name, now)

    def _start(self, now: float, may_ask: bool, budget: float) -> int | None:
        """Puts a trial on a worker: 1 for a new one, 0 for one that had paused, None if there is none."""
        left = budget - self._spent - sum(self._rest(*self._plans[name]) for _, _, name in self._events)
        name = self._scheduler.promotable("only") if self._scheduler else None
        if name is not None and self._scheduler and self._rest(*self._plans[name]) <= left:
            self._scheduler.promoted(name)
            self._go_on(name, now)
            return 0
        self._waiting = self._waiting or (self._sampler.ask() if may_ask else None)
        plan = self._waiting
        if plan is None or self._rest(plan, 0) > left:
            return None
        self._waiting = None
        name = f"only-{plan.number:04d}"
        self._plans[name] = (plan, 0)
        self._go_on(name, now)
        return 1

    def _rest(self, plan: Plan, epoch: int) -> float:
        """Returns what a trial costs from an epoch to its end."""
        last = len(plan.measured) if plan.ends is None else plan.ends
        looks = [rung for rung in (*self._rungs, len(plan.measured)) if epoch < rung <= last and rung != plan.ends]
        return float(plan.epoch_costs[epoch:last].sum() + sum(plan.measurement_costs[rung - 1] for rung in looks))

    def _go_on(self, name: str, now: float) -> None:
        plan, epoch = self._plans[name]
        until = min([rung for rung in self._rungs if rung > epoch], default=len(plan.measured))
        if plan.ends is not None:
            until = min(until, plan.ends)
        cost = self._rest(plan, epoch) - self._rest(plan, until)
        self._plans[name] = (plan, until)
        # A worker is up to a twentieth faster or slower than the cost says: trials overtake each other.
        self._order, self._spent = self._order + 1, self._spent + cost
        heapq.heappush(self._events, (now + cost * self._rng.uniform(0.95, 1.05), self._order, name))

    def _arrive(self, name: str, now: float) -> bool:
        """Takes a report; tells whether the worker is free."""
        plan, epoch = self._plans[name]
        seen = (float(plan.measured[epoch - 1][0]), float(plan.measured[epoch - 1][1]))
        if epoch == plan.ends or (epoch == len(plan.measured) and plan.final is None):
            self._sampler.failed(plan.number)
            if self._scheduler:
                self._scheduler.forget(name)
            return True
        decision = self._scheduler.decide(name, "only", epoch, seen) if self._scheduler else "CONTINUE"
        if epoch == len(plan.measured):
            assert plan.final is not None
            self._outcome.costs.append(self._spent - sum(end - now for end, _, _ in self._events))
            self._outcome.finals.append(plan.final)
            self._sampler.complete(plan.number, seen)
        elif decision == "CONTINUE":
            self._go_on(name, now)
            return False
        else:
            self._sampler.stopped(plan.number, seen)
        return True

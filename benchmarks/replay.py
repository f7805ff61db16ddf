"""Recorded trials as a world to search in: they come in a random order, again and again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pyarrow import parquet
from scipy.stats import spearmanr
from simulation import Errors, Plan
from surrogate import REFERENCE

from analysis.pareto import hypervolume
from study.scheduling.pareto_halving import rungs


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """The recorded trials of one architecture; a third of them are what a search without stopping runs."""

    name: str
    plans: tuple[Plan, ...]

    @property
    def trials(self) -> int:
        return len(self.plans) // 3

    @property
    def epochs(self) -> int:
        return max(len(plan.measured) for plan in self.plans)

    def rungs(self) -> list[tuple[int, ...]]:
        return [rungs(self.epochs, grace, 2) for grace in (1, 2, 3)]

    def order(self, seed: int) -> "Order":
        order = np.random.default_rng(seed).permutation(len(self.plans))
        return Order([self.plans[place] for place in order])

    def best(self) -> float:
        return hypervolume([plan.final for plan in self.plans if plan.final], REFERENCE)

    def describe(self) -> str:
        """Says how much an epoch tells about the end."""
        whole = [plan for plan in self.plans if plan.final]
        finals = np.asarray([plan.final for plan in whole])
        lines = []
        for epoch in range(1, self.epochs):
            seen = np.asarray([plan.measured[epoch - 1] for plan in whole])
            both = [float(spearmanr(seen[:, column], finals[:, column]).statistic) for column in (0, 1)]
            lines.append(f"{epoch}: {both[0]:.2f} {both[1]:.2f}")
        return (
            f"{self.name}: {len(self.plans)} recorded trials, {len(self.plans) - len(whole)} without a result; rank "
            f"correlation of error and of robust error with the final order after epoch {'; '.join(lines)}"
        )


class Order:
    """Hands out each plan once."""

    def __init__(self, plans: list[Plan]) -> None:
        self._plans, self._asked = plans, 0

    def ask(self) -> Plan | None:
        if self._asked == len(self._plans):
            return None
        self._asked += 1
        return self._plans[self._asked - 1]

    def complete(self, number: int, values: Errors) -> None: ...
    def stopped(self, number: int, values: Errors) -> None: ...
    def failed(self, number: int) -> None: ...


def worlds(path: Path) -> list[Replay]:
    """Reads the trials of each architecture."""
    rows: dict[str, dict[int, list[dict[str, Any]]]] = {}
    for row in parquet.read_table(path).to_pylist():
        rows.setdefault(row["architecture"], {}).setdefault(row["number"], []).append(row)
    return [
        Replay(name=name, plans=tuple(_plan(number, epochs) for number, epochs in sorted(trials.items())))
        for name, trials in sorted(rows.items())
    ]


def _plan(number: int, epochs: list[dict[str, Any]]) -> Plan:
    last, infeasible = epochs[-1], epochs[-1]["infeasible"]
    training = np.diff([0, *(row["training_evaluations"] for row in epochs)])
    measuring = np.diff([0, *(row["measurement_evaluations"] for row in epochs)])
    return Plan(
        number=number,
        measured=np.asarray([(row["error"], row["robust_error"]) for row in epochs], dtype=np.float64),
        epoch_costs=training.astype(np.float64),
        measurement_costs=measuring.astype(np.float64),
        ends=last["epoch"] if infeasible else None,
        final=None if infeasible else (last["error"], last["robust_error"]),
    )

"""What a search had found when so much was spent, beside what random search would have found for as much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.attainment import BAND
from analysis.constraints import violations
from analysis.load import Study
from analysis.objectives import reference_of
from analysis.pareto import as_points, hypervolume
from analysis.replicates import originals

Array = NDArray[np.float64]
Budget = Literal["gradient_evaluations", "seconds"]
ORDERS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trace:
    """What was known after each trial.

    Attributes:
        costs: spent until then, rising.
        volumes: hypervolume of the points until then, rising.
    """

    costs: Array
    volumes: Array

    def at(self, costs: ArrayLike) -> Array:
        """Returns the hypervolumes that were known when so much was spent; 0 before the first trial had ended."""
        places = np.searchsorted(self.costs, np.asarray(costs, dtype=np.float64), side="right")
        return np.concatenate([[0.0], self.volumes])[places]

    def cost_of(self, volume: float) -> float:
        """Returns what was spent when a hypervolume was reached; infinity if it never was."""
        place = int(np.searchsorted(self.volumes, volume, side="left"))
        return float(self.costs[place]) if place < len(self.costs) else float("inf")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Control:
    """What random search knows at given costs, over the orders in which it might have drawn its trials.

    Attributes:
        costs: spent.
        low: first quartile of the hypervolumes.
        middle: their median.
        high: third quartile.
        orders: how many there were.
    """

    costs: Array
    low: Array
    middle: Array
    high: Array
    orders: int


def trace(points: ArrayLike, costs: ArrayLike, reference: Sequence[float]) -> Trace:
    """Returns hypervolume against cost of trials in the order given, each known once it is paid.

    Args:
        points: one row a trial, one column an objective; infinite for a trial that gave none.
        costs: of each trial, none below 0.
        reference: up to which volumes count.

    Raises:
        ValueError: for NaN, for costs that are none or of another number than trials, or as `hypervolume` does.
    """
    rows, paid = as_points(points), np.asarray(costs, dtype=np.float64)
    if paid.shape != (len(rows),) or not (np.isfinite(paid) & (paid >= 0)).all():
        raise ValueError(f"every trial has a cost of at least 0; got {paid.shape} costs for {len(rows)} trials")
    if len(rows) and rows.shape[1] != len(reference):
        raise ValueError(f"the reference has one value per objective; got {len(reference)} for {rows.shape[1]}")
    volumes, known, volume = np.zeros(len(rows)), rows[:0], 0.0
    useful = np.all(rows < np.asarray(reference), axis=1) if len(rows) else []
    for number, row in enumerate(rows):
        if useful[number] and not (known <= row).all(axis=1).any():
            known = np.vstack([known[~(known >= row).all(axis=1)], row])
            volume = hypervolume(known, reference)
        volumes[number] = volume
    return Trace(costs=np.cumsum(paid), volumes=volumes)


def control(
    points: ArrayLike,
    costs: ArrayLike,
    reference: Sequence[float],
    rng: np.random.Generator,
    *,
    at: ArrayLike,
    fixed: int = 0,
    orders: int = ORDERS,
) -> Control:
    """Returns what random search knows at given costs: its trials might have come in any order.

    The quartiles are over orders of these trials, so they meet where all of them are paid; how much another random
    search would differ is told there only by another random search.

    Args:
        points: as of `trace`, of trials drawn at random.
        costs: of each trial, none below 0.
        reference: up to which volumes count.
        rng: draws the orders.
        at: costs, of which the volumes are wanted.
        fixed: number of leading trials that come first in every order, as baselines do.
        orders: how many to draw.

    Raises:
        ValueError: as `trace` does, or for less than one order.
    """
    rows, paid, places = as_points(points), np.asarray(costs, dtype=np.float64), np.asarray(at, dtype=np.float64)
    if orders < 1 or not 0 <= fixed <= len(rows):
        raise ValueError(f"of {len(rows)} trials some are fixed, and there is an order; got {fixed=} and {orders=}")
    drawn = []
    for _ in range(orders):
        order = np.concatenate([np.arange(fixed), fixed + rng.permutation(len(rows) - fixed)])
        drawn.append(trace(rows[order], paid[order], reference).at(places))
    low, middle, high = np.quantile(drawn, BAND, axis=0)
    return Control(costs=places, low=low, middle=middle, high=high, orders=orders)


def search_trace(study: Study, architecture: str, budget: Budget = "gradient_evaluations") -> Trace:
    """Returns hypervolume on validation against cost of an architecture's trials, in the order they were asked for."""
    points, costs, _ = _trials(study, architecture, budget)
    return trace(points, costs, reference_of(study.objectives))


def random_control(
    study: Study,
    architecture: str,
    rng: np.random.Generator,
    *,
    at: ArrayLike,
    budget: Budget = "gradient_evaluations",
    orders: int = ORDERS,
) -> Control:
    """Returns what a study that searched at random (`--sampler random`) knows at given costs; baselines come first."""
    points, costs, baselines = _trials(study, architecture, budget)
    return control(points, costs, reference_of(study.objectives), rng, at=at, fixed=baselines, orders=orders)


def _trials(study: Study, architecture: str, budget: Budget) -> tuple[Array, Array, int]:
    violated = violations(study)
    columns = ["trial_id", "architecture", "state", "label", budget, *(each.on_validation for each in study.objectives)]
    rows = [row for row in originals(study).select(columns).to_pylist() if row["architecture"] == architecture]
    rows.sort(key=lambda row: row["label"] is None)  # baselines are asked for first
    found = []
    for row in rows:
        point = [row[each.on_validation] for each in study.objectives]
        counts = row["state"] == "COMPLETE" and row["trial_id"] not in violated
        known = counts and all(value is not None and value == value for value in point)
        found.append(point if known else [np.inf] * len(point))
    points = np.asarray(found, dtype=np.float64).reshape(-1, len(study.objectives))
    costs = np.asarray([row[budget] or 0.0 for row in rows], dtype=np.float64)
    return points, costs, sum(row["label"] is not None for row in rows)

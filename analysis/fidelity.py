"""Whether a cheap look ranks configurations as the full one does: early epochs, and search beside confirmation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from analysis.front import ConfirmedFront
from analysis.intervals import LEVEL
from analysis.load import Study
from analysis.objectives import Objective
from analysis.replicates import originals
from analysis.statistics import Interval, Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Fidelity:
    """How well an objective after some epoch ranks the trials by their last one.

    Attributes:
        epoch: after which it was measured, counted from 1.
        objective: what was measured.
        correlation: of ranks, over the trials of one architecture that came to the last epoch.
    """

    epoch: int
    objective: Objective
    correlation: Interval


def rank_correlation(one: Values, other: Values, level: float = LEVEL) -> Interval | None:
    """Returns Spearman's rank correlation with its interval; equal values share their mean rank.

    The interval is Fisher's transformation with the variance (1 + r^2 / 2) / (n - 3) (Bonett and Wright, "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65, 2000).

    Args:
        one: values of as many things as `other`.
        other: in the same order.
        level: of confidence, in (0, 1).

    Returns:
        Without ends below four values or at a correlation of 1 or -1; None where all values of a side are equal.

    Raises:
        ValueError: for NaN or lists of unequal length.
    """
    sides = [np.asarray(values, dtype=np.float64) for values in (one, other)]
    if sides[0].ndim != 1 or sides[0].shape != sides[1].shape or any(np.isnan(side).any() for side in sides):
        raise ValueError(f"ranks are of two lists of one length without NaN; got {sides[0].shape}, {sides[1].shape}")
    first, second = (_ranks(side) for side in sides)
    n = len(first)
    if n < 2 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    found = float(np.clip(np.corrcoef(first, second)[0, 1], -1, 1))
    if n < 4 or abs(found) > 1 - 1e-12:
        return Interval(mean=found, low=None, high=None, n=n, method="none: n < 4 or equal ranks")
    half = float(ndtri((1 + level) / 2)) * ((1 + found**2 / 2) / (n - 3)) ** 0.5
    low, high = np.tanh(np.arctanh(found) + np.asarray([-half, half])).tolist()
    return Interval(mean=found, low=low, high=high, n=n, method="Spearman, Bonett and Wright")


def by_epoch(study: Study, architecture: str) -> tuple[Fidelity, ...]:
    """Returns the rank correlation of every epoch's objectives with those of the last, where both were measured."""
    names = [objective.on_validation for objective in study.objectives]
    columns = study.curves.select(["trial_id", "architecture", "epoch", *names])
    rows = [row for row in columns.to_pylist() if row["architecture"] == architecture]
    last = max((row["epoch"] for row in rows), default=0)
    found = []
    for objective in study.objectives:
        values: dict[int, dict[str, float]] = {}
        for row in rows:
            value = row[objective.on_validation]
            if value is not None and value == value:
                values.setdefault(row["epoch"], {})[row["trial_id"]] = value
        final = values.get(last, {})
        for epoch in sorted(set(values) - {last}):
            both = [trial for trial in final if trial in values[epoch]]
            correlation = rank_correlation([values[epoch][trial] for trial in both], [final[trial] for trial in both])
            if correlation is not None:
                found.append(Fidelity(epoch=epoch, objective=objective, correlation=correlation))
    return tuple(found)


def search_and_confirmation(study: Study, front: ConfirmedFront) -> dict[str, Interval]:
    """Returns by objective how validation ranks an architecture's candidates beside their means on test.

    Candidates were chosen, so they differ less than all trials do, and correlate less.
    """
    columns = originals(study).select(["trial_id", *(objective.on_validation for objective in study.objectives)])
    rows = {row["trial_id"]: row for row in columns.to_pylist()}
    found = {}
    for axis, objective in enumerate(study.objectives):
        pairs: list[Sequence[Any]] = [
            (rows[candidate.trial_id][objective.on_validation], candidate.means[axis]) for candidate in front.candidates
        ]
        known = [(one, other) for one, other in pairs if one is not None and one == one]
        correlation = rank_correlation([one for one, _ in known], [other for _, other in known])
        if correlation is not None:
            found[objective.name] = correlation
    return found


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns ranks from 0, equal values with the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks: NDArray[np.float64] = (ends - (counts + 1) / 2)[place]
    return ranks

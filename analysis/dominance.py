"""How probably a point is non-dominated when all candidates are retrained with one more seed.

A point whose mean lies on the front may owe that to its seeds. What a reader can expect of one further training, of
the point and of all its rivals with the same seed on the same images, is a probability for each point.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.intervals import LEVEL, above_zero
from analysis.statistics import Interval

METHOD: Final = "noncentral t of the margin"
DIGITS: Final = 12  # the mean over radii of equal counts may differ in the last one of a float


def chances(values: ArrayLike, level: float = LEVEL) -> tuple[Interval, ...]:
    """Returns for each candidate how probably a further seed leaves it non-dominated, with an interval.

    Candidates keep their seeds together, so what a seed does to all of them alike changes nothing.

    Args:
        values: of shape (seeds, candidates, objectives), every objective minimised.
        level: of confidence, in (0, 1).

    Returns:
        One interval a candidate; without ends where there is one seed, and 1 where there is one candidate.

    Raises:
        ValueError: for another shape, for what is not finite, or for a level outside (0, 1).
    """
    found = margins(values)
    seeds, candidates = found.shape
    if candidates == 1:
        return (Interval(mean=1.0, low=1.0, high=1.0, n=seeds, method="none: it has no rival"),)
    if seeds == 1:
        alone: Sequence[float] = (found[0] > 0).astype(np.float64).tolist()
        return tuple(Interval(mean=value, low=None, high=None, n=1, method="none: n = 1") for value in alone)
    ends = np.stack(above_zero(found.T, level), axis=-1).tolist()
    return tuple(Interval(mean=middle, low=low, high=high, n=seeds, method=METHOD) for low, middle, high in ends)


def margins(values: ArrayLike) -> NDArray[np.float64]:
    """Returns by how much each candidate escapes domination in each seed, of shape (seeds, candidates).

    A candidate escapes a rival by the objective in which it is furthest ahead, and domination by the rival that it
    escapes least: the margin is positive just where no rival dominates it (all of equal points are non-dominated).
    Objectives are measured in their standard deviations over seeds, pooled over candidates. Errors are whole
    numbers of images, and of two candidates with equal errors the other objective decides: half the smallest step
    is taken off a candidate's lead, so that the margins of a coarse objective, too, lie evenly around 0.

    Args:
        values: of shape (seeds, candidates, objectives), every objective minimised.

    Raises:
        ValueError: for another shape, or for what is not finite.
    """
    sample = np.round(np.asarray(values, dtype=np.float64), DIGITS)
    if sample.ndim != 3 or 0 in sample.shape:
        raise ValueError(f"values are of shape (seeds, candidates, objectives), none of them 0; got {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError("values are numbers, neither NaN nor infinite; drop the candidates that have others")
    step = np.asarray([_step(column) for column in np.moveaxis(sample, -1, 0)])
    noise = np.sqrt(sample.var(axis=0, ddof=min(1, len(sample) - 1)).mean(axis=0))
    unit = np.where(noise > 0, noise, step)
    leads = sample[:, None, :, :] - sample[:, :, None, :]  # seed, candidate, rival, objective
    leads = (np.where((leads == 0).all(axis=-1, keepdims=True), step / 2, leads - step / 2)) / unit
    escapes = leads.max(axis=-1)
    own = np.arange(sample.shape[1])
    escapes[:, own, own] = np.inf
    found: NDArray[np.float64] = escapes.min(axis=-1)
    return found


def _step(values: NDArray[np.float64]) -> float:
    """Returns the smallest difference of two values, or 1 where all are equal."""
    return float(np.diff(np.unique(values)).min(initial=np.inf)) if np.ptp(values) > 0 else 1.0

"""How probably a point is non-dominated when all candidates are retrained with one more seed.

A point whose mean lies on the front may owe that to its seeds. What a reader can expect of one further training, of
the point and of all its rivals with the same seed on the same images, is a probability for each point.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.intervals import LEVEL, above_zero
from analysis.statistics import NO_SPREAD, Interval

METHOD: Final = "noncentral t of the margin"
DIGITS: Final = 12  # the mean over radii of equal counts may differ in the last one of a float
Array = NDArray[np.float64]


def chances(values: ArrayLike, most: float | Sequence[float] = 1.0, level: float = LEVEL) -> tuple[Interval, ...]:
    """Returns for each candidate how probably a further seed leaves it non-dominated, with an interval.

    Candidates keep their seeds together, so what a seed does to all of them alike changes nothing.

    Args:
        values: of shape (seeds, candidates, objectives), every objective minimised.
        most: that a value can be, of every objective or of each: 1 for fractions, infinity for lengths.
        level: of confidence, in (0, 1).

    Returns:
        One interval a candidate; without ends where there is one seed or all margins are equal, and 1 where there is
        one candidate.

    Raises:
        ValueError: for another shape, for values that cannot be or NaN, or for a level outside (0, 1).
    """
    found = margins(values, most)
    seeds, candidates = found.shape
    if candidates == 1:
        return (Interval(mean=1.0, low=1.0, high=1.0, n=seeds, method="none: it has no rival"),)
    if seeds == 1:
        alone: Sequence[float] = (found[0] > 0).astype(np.float64).tolist()
        return tuple(Interval(mean=value, low=None, high=None, n=1, method="none: n = 1") for value in alone)
    ends = np.stack(above_zero(found.T, level), axis=-1).tolist()
    return tuple(
        Interval(mean=middle, low=low, high=high, n=seeds, method=METHOD)
        if varies
        else Interval(mean=middle, low=None, high=None, n=seeds, method=NO_SPREAD)
        for (low, middle, high), varies in zip(ends, np.ptp(found, axis=0) > 0, strict=True)
    )


def margins(values: ArrayLike, most: float | Sequence[float] = 1.0) -> Array:
    """Returns by how much each candidate escapes domination in each seed, of shape (seeds, candidates).

    A candidate escapes a rival by the objective in which it is furthest ahead, and domination by the rival that it
    escapes least: the margin is positive just where no rival dominates it (all of equal points are non-dominated).
    So that margins are as good as normal, leads are measured where a fraction varies as much at any mean, in
    arcsin(sqrt(p)), and in standard deviations over seeds, pooled over candidates. Errors are whole numbers of images,
    and of two candidates with equal errors the other objective decides: half the smallest step is taken off a
    lead, so that those in a coarse objective, too, lie evenly around 0.

    Args:
        values: of shape (seeds, candidates, objectives), every objective minimised.
        most: that a value can be, of every objective or of each.

    Raises:
        ValueError: for another shape, or for values that cannot be or NaN.
    """
    sample: Array = np.asarray(values, dtype=np.float64).round(DIGITS)
    if sample.ndim != 3 or 0 in sample.shape:
        raise ValueError(f"values are of shape (seeds, candidates, objectives), none of them 0; got {sample.shape}")
    ends = np.broadcast_to(np.asarray(most, dtype=np.float64), sample.shape[-1:])
    if not ((sample >= 0) & (sample <= ends) & np.isfinite(sample)).all():
        raise ValueError(f"values are numbers from 0 to {ends.tolist()}; drop the candidates that have others")
    half = np.asarray([_step(column) for column in np.moveaxis(sample, -1, 0)]) / 2
    here = _even(sample, ends)
    shifted: list[Array] = [np.clip(sample + shift, 0, ends) for shift in (-half, half)]
    below, above = (_even(values, ends) for values in shifted)
    leads = ((here + below)[:, None] - (here + above)[:, :, None]) / 2  # seed, candidate, rival, objective
    noise = here.var(axis=0, ddof=min(1, len(here) - 1)).mean(axis=0) ** 0.5
    leads /= np.where(noise > 0, noise, (above - below).mean(axis=(0, 1)))  # where nothing varies: in steps
    same = (sample[:, None] == sample[:, :, None]).all(axis=-1, keepdims=True)
    escapes = np.where(same, -leads, leads).max(axis=-1)
    own = np.arange(sample.shape[1])
    escapes[:, own, own] = np.inf
    found: Array = escapes.min(axis=-1)
    return found


def _even(values: Array, most: Array) -> Array:
    """Returns values where their variance is even if it goes with p (1 - p), or with p where there is no end."""
    bounded = np.isfinite(most)
    return np.where(bounded, np.arcsin(np.sqrt(values / np.where(bounded, most, np.inf))), np.sqrt(values))


def _step(values: Array) -> float:
    """Returns the smallest difference of two values, or 1 where all are equal."""
    return float(np.diff(np.unique(values)).min(initial=np.inf)) if np.ptp(values) > 0 else 1.0

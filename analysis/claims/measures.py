"""Numbers that curves over training sizes give, of one seed or of the paper's figures alike."""

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Curve = Mapping[int, float]
"""A value by number of training examples."""
Curves = Mapping[str, Curve]
"""Curves by strategy."""
Pick = Callable[[str, str], Curves]
"""Returns the curves of a metric, given what is fixed for all sizes: "epochs" or "updates"."""
Statistic = Callable[[Pick], float | None]
FEWEST: Final = 3  # points that a correlation is told from: that of two is 1 or -1
LEAST: Final = 1e-6  # error: its logarithm is taken
Pairs = tuple[NDArray[np.float64], NDArray[np.float64]]


def within(one: Curves, other: Curves, methods: Iterable[str]) -> Pairs:
    """Returns pairs of values of all sizes, without what strategies differ by: each less its strategy's mean."""
    return _centred([[(one[m][n], other[m][n]) for n in _shared(one, other, m)] for m in methods])


def between(one: Curves, other: Curves, methods: Iterable[str]) -> Pairs:
    """Returns pairs of values of all strategies, without what sizes differ by: each less its size's mean."""
    known = [(n, (one[m][n], other[m][n])) for m in methods for n in _shared(one, other, m)]
    return _centred([[pair for size, pair in known if size == n] for n in sorted({n for n, _ in known})])


def correlation(pairs: Pairs) -> float | None:
    """Returns Pearson's correlation of pairs without a mean; None where one side does not vary."""
    one, other = pairs
    size = math.sqrt(float((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if len(one) >= FEWEST and size > 1e-12 else None


def slope(pairs: Pairs) -> float | None:
    """Returns the slope by least squares of the second of pairs without a mean; None where the first does not vary."""
    one, other = pairs
    size = float((one**2).sum())
    return float((one * other).sum()) / size if size > 1e-12 else None


def equal_error_ratio(one: Curve, other: Curve) -> float | None:
    """Returns how many examples one strategy needs for an error that takes the other one example.

    It is read off at the smallest error that both reach with their most examples, on lines between the points in
    logarithms. Where a strategy is below that error with its fewest examples already, these are taken: then the
    ratio errs towards 1.
    """
    if len(one) < 2 or len(other) < 2:
        return None
    needed = [_needed(curve, _level(one, other)) for curve in (one, other)]
    return needed[0] / needed[1]


def at_the_fewest(one: Curve, other: Curve) -> bool:
    """Tells whether `equal_error_ratio` is a bound: one of the strategies has that error with its fewest examples."""
    measured = len(one) >= 2 and len(other) >= 2
    return measured and any(curve[min(curve)] <= _level(one, other) for curve in (one, other))


def gap(one: Curve, other: Curve, sizes: Iterable[int] | None = None) -> float | None:
    """Returns the mean over sizes of one minus other; None where they share none."""
    shared = [n for n in (sorted(one) if sizes is None else sizes) if n in one and n in other]
    return float(np.mean([one[n] - other[n] for n in shared])) if shared else None


def mean(curve: Curve) -> float | None:
    """Returns the mean over sizes; None without any."""
    return float(np.mean(list(curve.values()))) if curve else None


def least(curve: Curve) -> float | None:
    """Returns the smallest value over sizes; None without any."""
    return min(curve.values()) if curve else None


def _shared(one: Curves, other: Curves, method: str) -> list[int]:
    return sorted(set(one.get(method, {})) & set(other.get(method, {})))


def _centred(groups: Iterable[list[tuple[float, float]]]) -> Pairs:
    parts = [np.asarray(group) - np.mean(group, axis=0) for group in groups if len(group) >= 2]
    whole = np.concatenate(parts) if parts else np.empty((0, 2))
    return whole[:, 0], whole[:, 1]


def _level(one: Curve, other: Curve) -> float:
    return max(one[max(one)], other[max(other)])


def _needed(curve: Curve, level: float) -> float:
    """Returns the examples with which a curve first gets down to an error."""
    sizes = sorted(curve)
    if curve[sizes[0]] <= level:
        return float(sizes[0])
    for few, many in pairwise(sizes):
        if curve[many] <= level:
            high, low, target = (math.log(max(value, LEAST)) for value in (curve[few], curve[many], level))
            part = (high - target) / (high - low) if high > low else 1.0
            return float(few * (many / few) ** part)
    return float(sizes[-1])

"""How sure a mean over seeds is, and by which method that was said.

Student's t (in the form that `analysis.intervals.mean_ends` gives it), because a bootstrap of so few seeds is far
too narrow: resampling three values covers the truth in three of four cases where 95 % is claimed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.intervals import LEVEL, difference_ends, mean_ends

METHOD: Final = "t, Wilson's form"
PLAIN: Final = "t"
NO_SPREAD: Final = "none: all values are equal"
Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and how far it may be off.

    Attributes:
        mean: of the values, or what is estimated from them.
        low: lower end, or None where the values allow no statement.
        high: upper end, or None.
        n: number of values.
        method: how the ends were found.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    method: str

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"an interval is of at least one value; got {self.n=}")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"both ends are known or neither is; got {self.low=} and {self.high=}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low lies at or below high; got {self.low=} and {self.high=}")

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON can hold them."""
        return asdict(self)


def interval(values: Values, level: float = LEVEL, most: float = 1.0) -> Interval:
    """Returns the mean with the interval of `analysis.intervals.mean_ends`; without ends where all values are equal.

    Equal values say nothing about how others would differ, and are not so rare: three counts of some 2.5 images are
    equal once in 25 times.

    Args:
        values: one a seed, each in [0, most].
        level: of confidence, in (0, 1).
        most: that a value can be: 1 for fractions, which may be infinity.

    Raises:
        ValueError: without values, for values that cannot be or NaN, or for a level outside (0, 1).
    """
    sample = _possible(values, most)
    mean, n = float(sample.mean()), len(sample)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1, method="none: n = 1")
    if np.ptp(sample) == 0:
        return Interval(mean=mean, low=None, high=None, n=n, method=NO_SPREAD)
    low, high = map(float, mean_ends(sample, most, level))
    return Interval(mean=mean, low=low, high=high, n=n, method=METHOD)


def difference(one: Values, other: Values, level: float = LEVEL) -> Interval:
    """Returns the mean of one minus other, paired seed by seed, with Student's t interval unless all are equal.

    Args:
        one: values, one a seed.
        other: of the same seeds in the same order.
        level: of confidence, in (0, 1).

    Raises:
        ValueError: for lists of unequal length or none, for what is not finite, or for a level outside (0, 1).
    """
    pair = [np.asarray(values, dtype=np.float64) for values in (one, other)]
    if pair[0].ndim != 1 or pair[0].shape != pair[1].shape or len(pair[0]) == 0:
        raise ValueError(f"pairs are of as many values on both sides; got the shapes {pair[0].shape}, {pair[1].shape}")
    gaps = pair[0] - pair[1]
    if not np.isfinite(gaps).all():
        raise ValueError(f"values are numbers, neither NaN nor infinite; got the differences {gaps[:10].tolist()}")
    mean, n = float(gaps.mean()), len(gaps)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1, method="none: n = 1")
    if np.ptp(gaps) <= 1e-12 * np.abs(gaps).max():
        return Interval(mean=mean, low=None, high=None, n=n, method=NO_SPREAD)
    low, high = map(float, difference_ends(gaps, level))
    return Interval(mean=mean, low=low, high=high, n=n, method=PLAIN)


def spread(values: Values, most: float | None = 1.0) -> Interval:
    """Returns what an error bar shows: the interval of the mean, but of two values their range.

    At n = 2 the interval is 13 standard errors to either side and would fill any figure.

    Args:
        values: one a seed.
        most: that a value can be, where none is below 0; None for those that may be any number.

    Raises:
        ValueError: without values, or for values that cannot be.
    """
    sample = np.asarray(values, dtype=np.float64) if most is None else _possible(values, most)
    if len(sample) != 2:
        return difference(sample, np.zeros_like(sample)) if most is None else interval(sample, most=most)
    low, high = float(sample.min()), float(sample.max())
    return Interval(mean=float(sample.mean()), low=low, high=high, n=2, method="range")


def _possible(values: Values, most: float) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"an interval needs a list of at least one value; got the shape {sample.shape}")
    if not ((sample >= 0) & (sample <= most)).all():
        raise ValueError(f"values lie in [0, {most:g}]; got {sample.tolist()}")
    return sample

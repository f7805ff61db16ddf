"""How sure a mean over seeds is, and by which method that was said.

Student's t, because a bootstrap of so few seeds is far too narrow: resampling three values covers the truth
in three of four cases where 95 % is claimed.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A mean and how far it may be off.

    Attributes:
        mean: of the values.
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


def interval(values: Sequence[float] | NDArray[np.float64], level: float = 0.95, most: float = 1.0) -> Interval:
    """Returns Student's t interval of a mean, clipped to where values can lie if it leaves that.

    Args:
        values: one a seed, each in [0, most].
        level: of confidence, in (0, 1).
        most: that a value can be: 1 for fractions, which may be infinity.

    Raises:
        ValueError: without values, for values that cannot be or NaN, or for a level outside (0, 1).
    """
    sample = _possible(values, most)
    if not 0 < level < 1:
        raise ValueError(f"level is a confidence in (0, 1); got {level}")
    mean, n = float(sample.mean()), len(sample)
    if n == 1:
        return Interval(mean=mean, low=None, high=None, n=1, method="none: n = 1")
    half = float(stdtrit(n - 1, (1 + level) / 2)) * float(sample.std(ddof=1)) / n**0.5
    low, high = max(mean - half, 0.0), min(mean + half, most)
    clipped = mean - half < 0 or mean + half > most
    return Interval(mean=mean, low=low, high=high, n=n, method=f"t, clipped to [0, {most:g}]" if clipped else "t")


def spread(values: Sequence[float] | NDArray[np.float64], most: float = 1.0) -> Interval:
    """Returns what an error bar shows: Student's t interval, but of two values their range.

    At n = 2 the t interval is 13 standard errors to either side and would fill any figure.
    """
    sample = _possible(values, most)
    if len(sample) != 2:
        return interval(sample, most=most)
    low, high = float(sample.min()), float(sample.max())
    return Interval(mean=float(sample.mean()), low=low, high=high, n=2, method="range")


def _possible(values: Sequence[float] | NDArray[np.float64], most: float) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size == 0:
        raise ValueError(f"an interval needs a list of at least one value; got the shape {sample.shape}")
    if not ((sample >= 0) & (sample <= most)).all():
        raise ValueError(f"values lie in [0, {most:g}]; got {sample.tolist()}")
    return sample

"""Differences between what shared seeds gave, pair by pair, and which of them hold when many are looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtr

from analysis.statistics import Interval, Values, difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One pair.

    Attributes:
        one: its name.
        other: the other's.
        difference: mean of one minus other over shared seeds, with its own interval, of this pair alone.
        p: of no difference, by the paired t test.
        adjusted: the same for all pairs together, by Holm.
    """

    one: str
    other: str
    difference: Interval
    p: float
    adjusted: float

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON can hold them."""
        return {
            "one": self.one,
            "other": self.other,
            "difference": self.difference.to_dict(),
            "p": self.p,
            "p_holm": self.adjusted,
        }


def compare(values: Mapping[str, Values], against: str | None = None) -> tuple[Comparison, ...]:
    """Returns the paired comparisons of all pairs, or of all others against one, corrected for their number.

    Args:
        values: by name one value a seed, the same seeds in the same order everywhere, at least two.
        against: the name that all others are compared with; None compares every pair.

    Raises:
        ValueError: for fewer than two seeds, unequal numbers of them, what is not finite, or an unknown name.
    """
    if against is not None and against not in values:
        raise ValueError(f"comparisons are with one of {', '.join(values)}; got {against}")
    pairs = (
        [(name, against) for name in values if name != against]
        if against is not None
        else list(combinations(values, 2))
    )
    differences = [difference(values[one], values[other]) for one, other in pairs]
    p_values = [paired_p(values[one], values[other]) for one, other in pairs]
    return tuple(
        Comparison(one=one, other=other, difference=found, p=p, adjusted=adjusted)
        for (one, other), found, p, adjusted in zip(pairs, differences, p_values, holm(p_values).tolist(), strict=True)
    )


def paired_p(one: Values, other: Values) -> float:
    """Returns the two-sided p value of the paired t test.

    Differences that are all equal show no noise to measure them by; their signs alone count then, as in the sign test.

    Args:
        one: values, one a seed, at least two.
        other: of the same seeds in the same order.

    Raises:
        ValueError: for fewer than two seeds, unequal numbers of them, or what is not finite.
    """
    found = difference(one, other)
    if found.n < 2:
        raise ValueError(f"a test needs at least two seeds; got {found.n}")
    gaps = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    error = float(gaps.std(ddof=1)) / found.n**0.5
    if error <= 1e-12 * abs(found.mean) or error == 0:
        return 1.0 if found.mean == 0 else float(2.0 ** (1 - found.n))
    return float(2 * stdtr(found.n - 1, -abs(found.mean) / error))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Returns adjusted p values: those at or below a level may be rejected with that chance of any false rejection.

    The k-th smallest of m is multiplied by m - k + 1, and none lies below a smaller one's (Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6, 1979). It asks for no
    independence, so seeds may be shared.

    Args:
        p_values: a list, which may be empty.

    Raises:
        ValueError: for what is no list, or values outside [0, 1] or NaN.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueError(f"p values are a list of numbers in [0, 1]; got {np.ravel(given)[:10].tolist()}")
    order = given.argsort(kind="stable")
    adjusted = np.empty_like(given)
    adjusted[order] = np.minimum(np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1)), 1)
    return adjusted


def shared(names: Sequence[str], seeds: Sequence[Sequence[int]]) -> bool:
    """Tells whether all of several names have the same seeds, at least two, so that they may be compared."""
    return len(names) > 1 and len(set(map(tuple, seeds))) == 1 and len(seeds[0]) > 1

"""Which point of a front to take: its knee, or the best in one objective under a limit on another.

All of these choose among given points and return the index of one; every objective is minimised.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.pareto import as_points, front_order

FLAT: Final = 1e-9  # of the front's extent: what bulges less lies on the plane


def knee(points: ArrayLike) -> int | None:
    """Returns the point at which a front bulges most: beyond it, a little of one objective costs much of another.

    It lies furthest from the plane through the front's ends, on the side of the ideal point (Das, "On characterizing
    the 'knee' of the Pareto curve based on normal-boundary intersection", Structural Optimization 18, 1999), each
    objective as a part of its extent on the front. With three objectives the ends are taken to have the best value of
    one and the worst of both others. Of points equally far the first along the front is taken.

    Args:
        points: one row a point, one column an objective; dominated ones are never chosen.

    Returns:
        The point's row, or None where nothing bulges: for fewer than three different points on the front, or where
        all lie on the plane or behind it.

    Raises:
        ValueError: for what is not finite.
    """
    rows = _finite(points)
    front = front_order(rows)
    if len(front) < 3 or len(np.unique(rows[front], axis=0)) < 3:
        return None
    best, worst = rows[front].min(axis=0), rows[front].max(axis=0)
    extent = np.where(worst > best, worst - best, 1.0)
    bulges = (worst > best).sum() - 1 - ((rows[front] - best) / extent).sum(axis=1)
    found = int(bulges.argmax())
    return int(front[found]) if bulges[found] > FLAT else None


def best_under(points: ArrayLike, limit: float, *, on: int, best: int) -> int | None:
    """Returns the point with the lowest value in one objective among those within a limit on another.

    To be surer than by means, give upper ends of intervals in the column that is limited.

    Args:
        points: one row a point, one column an objective.
        limit: that may be reached but not exceeded.
        on: column of the limited objective.
        best: column of the objective to be low; of equal points that with less in the limited one is taken.

    Returns:
        The point's row, or None where none is within the limit.

    Raises:
        ValueError: for what is not finite, NaN as a limit, or columns that are none or the same.
    """
    rows = _finite(points)
    if np.isnan(limit):
        raise ValueError("a limit is a number; got NaN")
    if len(rows) == 0:
        return None
    if on == best or not {on, best} <= set(range(rows.shape[1])):
        raise ValueError(f"the limited and the lowest are two of {rows.shape[1]} objectives; got {on=} and {best=}")
    within = np.flatnonzero(rows[:, on] <= limit)
    order = np.lexsort((rows[within, on], rows[within, best]))
    return int(within[order[0]]) if len(within) else None


def _finite(points: ArrayLike) -> NDArray[np.float64]:
    rows = as_points(points)
    if not np.isfinite(rows).all():
        raise ValueError("points to choose from are finite; drop the others first")
    return rows

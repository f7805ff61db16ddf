"""Dominance, staircases and hypervolume; every objective is minimised.

The sweeps are moocore's (Fonseca, Paquete and López-Ibáñez, "An improved dimension-sweep algorithm for the
hypervolume indicator", CEC 2006); this module settles ties, duplicates and points out of reach.
"""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray


def nondominated(points: ArrayLike) -> NDArray[np.bool_]:
    """Marks the points that no other point dominates; all duplicates of a marked point are marked.

    One point dominates another that it nowhere exceeds and somewhere undercuts.

    Args:
        points: one row a point, one column an objective.

    Raises:
        ValueError: for NaN, which has no order.
    """
    rows = as_points(points)
    if len(rows) == 0:
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(moocore.is_nondominated(rows, keep_weakly=True), dtype=np.bool_)


def front_order(points: ArrayLike) -> NDArray[np.intp]:
    """Returns the indices of the non-dominated points, ordered by the first objective, then by the next."""
    rows = as_points(points)
    indices = np.flatnonzero(nondominated(rows))
    return indices[np.lexsort(rows[indices].T[::-1])] if len(indices) else indices


def staircase(points: ArrayLike, reference: Sequence[float]) -> NDArray[np.float64]:
    """Returns the corners of the border of what two-objective points dominate, up to the reference.

    Drawn as straight lines they give the steps: down, right, down, right. Points outside the reference are
    left out.
    """
    rows = as_points(points)
    inside = rows[np.all(rows < np.asarray(reference), axis=1)] if len(rows) else rows
    if len(inside) == 0:
        return np.empty((0, 2))
    front = np.unique(inside[front_order(inside)], axis=0)
    corners = [(front[0, 0], reference[1])]
    for here, after in zip(front, [*front[1:], np.asarray(reference)], strict=True):
        corners += [(here[0], here[1]), (after[0], here[1])]
    return np.asarray(corners, dtype=np.float64)


def hypervolume(points: ArrayLike, reference: Sequence[float]) -> float:
    """Returns the volume that the points dominate, up to the reference; 0 where none lies inside it.

    Raises:
        ValueError: for NaN, for an unbounded volume, or for a reference of another length than the points.
    """
    rows = as_points(points)
    corner = np.asarray(reference, dtype=np.float64)
    if len(rows) == 0:
        return 0.0
    if rows.shape[1] != len(corner):
        raise ValueError(f"the reference has one value per objective; got {len(corner)} for {rows.shape[1]}")
    if not np.isfinite(corner).all() or np.isneginf(rows).any():
        raise ValueError(f"a volume needs a finite reference and no point at -inf; got {corner=}")
    inside = rows[np.all(rows < corner, axis=1)]
    return float(moocore.hypervolume(inside, ref=corner)) if len(inside) else 0.0


def as_points(points: ArrayLike) -> NDArray[np.float64]:
    """Returns points as a matrix of floats, one row a point, one column an objective; no points are no rows.

    Raises:
        ValueError: for NaN, which has no order, or for what is no matrix.
    """
    rows = np.asarray(points, dtype=np.float64)
    if rows.size == 0:
        return rows.reshape(0, rows.shape[1] if rows.ndim == 2 else 0)
    if rows.ndim != 2:
        raise ValueError(f"points are rows of objectives, a matrix; got the shape {rows.shape}")
    if np.isnan(rows).any():
        bad = np.flatnonzero(np.isnan(rows).any(axis=1)).tolist()
        raise ValueError(f"points can be ordered only without NaN; got NaN in rows {bad[:5]}; drop them first")
    return rows

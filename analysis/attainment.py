"""Which part of the plane of objectives how many runs attain; every objective is minimised.

A run is the points of one seed, and it attains whatever one of its points weakly dominates. The part of runs that
attain a place is the empirical attainment function (Grunert da Fonseca, Fonseca and Hall, "Inferential performance
assessment of stochastic optimisers and the attainment function", EMO 2001); the border of what a part p of them
attains is its p-attainment surface, computed by moocore (Fonseca, Guerreiro, López-Ibáñez and Paquete, "On the
computation of the empirical attainment function", EMO 2011). Its mean in the sense of random sets is Vorob'ev's
expectation (Binois, Ginsbourger and Roustant, "Quantifying uncertainty on Pareto fronts with Gaussian process
conditional simulations", EJOR 243, 2015).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import moocore
import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.pareto import as_points, hypervolume, nondominated

BAND: Final = (0.25, 0.5, 0.75)
CHUNK: Final = 2_000_000  # comparisons at once
Array = NDArray[np.float64]
Runs = Sequence[ArrayLike] | Array
"""One matrix of points a run, a row a point; or an array of shape (runs, points, objectives)."""


def surface(runs: Runs, part: float = 0.5) -> Array:
    """Returns the corners of the border of what at least a part of the runs attain, ordered by the first objective.

    Args:
        runs: of two or three objectives, each with at least one point.
        part: of the runs, in (0, 1]; .5 gives the median surface.

    Raises:
        ValueError: for NaN, runs without points or of other objectives, or a part outside (0, 1].
    """
    fronts = _fronts(runs)
    if not 0 < part <= 1:
        raise ValueError(f"a part of the runs lies in (0, 1]; got {part}")
    if fronts[0].shape[1] not in (2, 3):
        raise ValueError(f"attainment surfaces are of two or three objectives; got {fronts[0].shape[1]}")
    labels = np.repeat(np.arange(len(fronts)), [len(front) for front in fronts])
    # Of n runs moocore takes the level ceil(n * percentile / 100), so ask for the middle between two of them.
    level = _level(part, len(fronts))
    corners = moocore.eaf(np.concatenate(fronts), labels, percentiles=[100 * (level - 0.5) / len(fronts)])[:, :-1]
    found: Array = np.unique(corners, axis=0)
    return found


def attained(runs: Runs, places: ArrayLike) -> Array:
    """Returns the part of the runs that attain each place, by definition.

    Args:
        runs: of any number of objectives, each with at least one point.
        places: one row a place, one column an objective.

    Raises:
        ValueError: for NaN, runs without points, or places of other objectives than the runs.
    """
    fronts, where = _fronts(runs), as_points(places)
    if len(where) and where.shape[1] != fronts[0].shape[1]:
        raise ValueError(f"places have as many objectives as points; got {where.shape[1]} for {fronts[0].shape[1]}")
    counts = np.zeros(len(where))
    for front in fronts:
        size = max(1, CHUNK // front.size)
        for start in range(0, len(where), size):
            part = where[start : start + size]
            counts[start : start + size] += np.any(np.all(front[None] <= part[:, None], axis=2), axis=1)
    return counts / len(fronts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expectation:
    """The mean of what runs attain, itself something that a front attains.

    Attributes:
        part: of the runs that attain it, at least.
        surface: corners of its border.
        volume: hypervolume of these, at or above the runs' mean; with few runs it may lie well above.
        mean_volume: of the runs.
        deviation: mean volume of what a run attains and the expectation does not, or the other way round.
    """

    part: float
    surface: Array
    volume: float
    mean_volume: float
    deviation: float


def vorobev(runs: Runs, reference: Sequence[float]) -> Expectation:
    """Returns Vorob'ev's expectation: of the attainment surfaces the highest whose volume reaches the runs' mean.

    Unlike moocore's bisection, which may end on the surface above or below the threshold, this tries the parts 1/n
    to 1, of which there are no more.

    Args:
        runs: of two or three objectives, each with at least one point.
        reference: up to which volumes count.

    Raises:
        ValueError: as `surface` and `analysis.pareto.hypervolume` do.
    """
    fronts = _fronts(runs)
    volumes = np.asarray([hypervolume(front, reference) for front in fronts])
    mean, low, high = float(volumes.mean()), 1, len(fronts)
    while low < high:  # volumes fall with the part
        middle = (low + high + 1) // 2
        enough = hypervolume(surface(fronts, middle / len(fronts)), reference) >= mean * (1 - 1e-12)
        low, high = (middle, high) if enough else (low, middle - 1)
    border = surface(fronts, low / len(fronts))
    volume = hypervolume(border, reference)
    joint = np.mean([hypervolume(np.concatenate([front, border]), reference) for front in fronts])
    return Expectation(
        part=low / len(fronts),
        surface=border,
        volume=volume,
        mean_volume=mean,
        deviation=max(0.0, float(2 * joint - mean - volume)),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Difference:
    """By how many more of its runs one side attains what another attains, cell by cell; exact.

    Attributes:
        edges: of the cells, in rising order for each objective, up to the reference.
        values: part of one's runs minus part of the other's, an axis an objective.
    """

    edges: tuple[Array, ...]
    values: Array

    @property
    def gain(self) -> float:
        """Volume under the places that one attains more often; less `loss` it is the difference of mean volumes."""
        return float((np.clip(self.values, 0, None) * self._sizes()).sum())

    @property
    def loss(self) -> float:
        """Volume under the places that the other attains more often."""
        return float((np.clip(-self.values, 0, None) * self._sizes()).sum())

    def _sizes(self) -> Array:
        sizes = np.ones(())
        for edges in self.edges:
            sizes = np.multiply.outer(sizes, np.diff(edges))
        return sizes


def difference(one: Runs, other: Runs, reference: Sequence[float]) -> Difference:
    """Returns where one side, an architecture or a study, attains more than another up to a reference.

    The attainment functions change at the points' coordinates alone, so cells between these tell everything.

    Args:
        one: its runs, each with at least one point.
        other: those of the other side, of the same objectives.
        reference: where cells end.

    Raises:
        ValueError: for NaN, runs without points, or unlike numbers of objectives.
    """
    sides = [_fronts(one), _fronts(other)]
    points, corner = [np.concatenate(side) for side in sides], np.asarray(reference, dtype=np.float64)
    if not points[0].shape[1] == points[1].shape[1] == len(corner):
        raise ValueError(
            f"both sides and the reference have the same objectives; got {points[0].shape[1]}, {points[1].shape[1]} "
            f"and {len(corner)}"
        )
    inside = [np.unique(column[column < end]) for column, end in zip(np.concatenate(points).T, corner, strict=True)]
    cells = np.stack(np.meshgrid(*inside, indexing="ij"), axis=-1)
    ours, theirs = (attained(side, cells.reshape(-1, len(corner))).reshape(cells.shape[:-1]) for side in sides)
    edges = tuple(np.append(column, end) for column, end in zip(inside, corner, strict=True))
    return Difference(edges=edges, values=ours - theirs)


def _level(part: float, runs: int) -> int:
    """Returns the least number of runs that is at least a part of them."""
    return max(1, int(np.ceil(part * runs - 1e-9)))


def _fronts(runs: Runs) -> list[Array]:
    """Returns the non-dominated points of every run; no others attain anything more."""
    found = [as_points(run) for run in runs]
    if not found or not all(len(run) for run in found):
        raise ValueError(f"attainment is of runs that have points; got runs of {[len(run) for run in found]} points")
    if len({run.shape[1] for run in found}) > 1:
        raise ValueError(f"runs are of the same objectives; got {sorted({run.shape[1] for run in found})} of them")
    return [run[nondominated(run)] for run in found]

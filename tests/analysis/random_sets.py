"""Random runs of points, with ties and duplicates, and what is true of them by definition, place by place."""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

SETS = 1000
Array = NDArray[np.float64]


def random_runs(objectives: int, seed: int = 0, sets: int = SETS) -> Iterator[list[Array]]:
    """Yields lists of one to four runs of one to four points in [0, 1.25]; on a coarse grid every other time."""
    rng = np.random.default_rng([seed, objectives])
    for number in range(sets):
        runs = [rng.uniform(0, 1.25, (rng.integers(1, 5), objectives)) for _ in range(rng.integers(1, 5))]
        yield [np.floor(4 * run) / 4 for run in runs] if number % 2 else runs


def places(points: Array, reference: float = 1.0) -> tuple[Array, Array]:
    """Returns the lower corners of all cells between the points' coordinates, and the cells' volumes."""
    edges = [np.append(np.unique(column[column < reference]), reference) for column in points.T]
    corners = np.asarray(list(product(*(each[:-1] for each in edges)))).reshape(-1, points.shape[1])
    sizes = np.asarray(list(product(*(np.diff(each) for each in edges)))).reshape(-1, points.shape[1])
    return corners, sizes.prod(axis=1)


def attains(run: Array, corners: Array) -> NDArray[np.bool_]:
    """Tells of each place whether some point of the run lies nowhere above it, objective by objective."""
    within = np.ones((len(corners), len(run)), dtype=np.bool_)
    for limits, values in zip(corners.T, run.T, strict=True):
        within &= limits[:, None] >= values
    found: NDArray[np.bool_] = np.any(within, axis=1)
    return found

"""Trials measured at one epoch, in the order of their non-dominated fronts; every objective is minimised."""

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

from trainables.checks import must


class Rung:
    """Trials with their values, ranked by the number of their front, then by a tie-breaker.

    The first front holds what no trial dominates, the second what only trials of the first dominate, and so on.

    Args:
        objectives: how many values a trial has.
    """

    def __init__(self, objectives: int) -> None:
        self._names: list[str] = []
        self._places: dict[str, int] = {}
        self._points: NDArray[np.float64] = np.empty((16, objectives))
        self._ties: NDArray[np.float64] = np.empty(16)
        self._ranked: NDArray[np.int_] | None = None

    def __len__(self) -> int:
        return len(self._names)

    def put(self, name: str, point: Sequence[float], tie: float) -> None:
        """Adds a trial, in place of the one that has its name.

        Raises:
            ValueError: for another number of objectives than the rung's.
        """
        width = self._points.shape[1]
        must(len(point) == width, f"trials of a rung have equally many objectives, {width}; got {len(point)}")
        place = self._places.setdefault(name, len(self._names))
        if place == len(self._names):
            self._names.append(name)
        if place == len(self._points):
            self._points = np.concatenate([self._points, np.empty_like(self._points)])
            self._ties = np.concatenate([self._ties, np.empty_like(self._ties)])
        self._points[place], self._ties[place], self._ranked = point, tie, None

    def remove(self, name: str) -> None:
        """Takes a trial away, if it is there."""
        if name not in self._places:
            return
        place, last = self._places.pop(name), self._names.pop()
        self._ranked = None
        if last != name:
            end = len(self._names)
            self._names[place], self._places[last] = last, place
            self._points[place], self._ties[place] = self._points[end], self._ties[end]

    def position(self, name: str) -> int:
        """Returns how many trials come before one."""
        place, fronts, ties = self._places[name], self._fronts(), self._ties[: len(self)]
        before = (fronts < fronts[place]) | ((fronts == fronts[place]) & (ties < ties[place]))
        return int(np.count_nonzero(before))

    def front_size(self) -> int:
        """Returns how many trials no other dominates."""
        return int(np.count_nonzero(self._fronts() == 0))

    def best(self, count: int) -> list[str]:
        """Returns the names of the first trials, best first."""
        order = np.lexsort((self._ties[: len(self)], self._fronts()))
        return [self._names[place] for place in order[:count]]

    def _fronts(self) -> NDArray[np.int_]:
        if self._ranked is None:
            self._ranked = np.asarray(moocore.pareto_rank(self._points[: len(self)]))
        return self._ranked

"""A pair of axes on the page, and what they share with matplotlib's: limits, ticks, names placed beside points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from analysis.charts.svg import element, group, polyline, text
from analysis.labels import Label, arrange
from analysis.panels import Limits

LETTER: Final = (5.9, 13.0)  # mean width and height of a letter at the size of names, in the picture's coordinates
CUT: Final = 0.5  # a tick so close to an end, in pixels, counts as inside
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Axes from the lower left.

    Attributes:
        across: limits of the horizontal axis, in data units.
        upward: limits of the vertical one.
        width: of the picture.
        height: of it.
        left: of the frame.
        right: of the room that the frame leaves.
        top: of the same.
        bottom: of the same.
    """

    across: Limits
    upward: Limits
    width: float = 460
    height: float = 330
    left: float = 54
    right: float = 10
    top: float = 10
    bottom: float = 40

    @property
    def frame(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the axes, in the picture's coordinates."""
        return self.left, self.top, self.width - self.right, self.height - self.bottom

    def at(self, points: ArrayLike) -> Array:
        """Returns where points lie in the picture, one row a point."""
        rows = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        left, top, right, bottom = self.frame
        lows, highs = np.asarray([self.across, self.upward]).T
        parts = (rows - lows) / np.where(highs > lows, highs - lows, 1)
        places: Array = np.column_stack([left + parts[:, 0] * (right - left), bottom - parts[:, 1] * (bottom - top)])
        return places

    def inside(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Tells of each point whether the axes show it."""
        rows = np.asarray(points, dtype=np.float64).reshape(-1, 2)
        lows, highs = np.asarray([self.across, self.upward]).T
        shown: NDArray[np.bool_] = ((rows >= lows) & (rows <= highs)).all(axis=1)
        return shown

    def axes(self, across: str, upward: str, *, digits: str = ".3g") -> Markup:
        """Returns the axes with their ticks and names; the upward one's stands above it, where it can be read."""
        left, top, right, bottom = self.frame
        parts = []
        for value, x in _ticks(self.across, left, right):
            parts += [polyline(np.asarray([[x, top], [x, bottom]]), class_="rule")]
            parts += [text(format(value, digits), x, bottom + 15, class_="tick", text_anchor="middle")]
        for value, y in _ticks(self.upward, bottom, top):
            parts += [polyline(np.asarray([[left, y], [right, y]]), class_="rule")]
            parts += [text(format(value, digits), left - 6, y + 4, class_="tick", text_anchor="end")]
        parts += [polyline(np.asarray([[left, top], [left, bottom], [right, bottom]]), class_="axis")]
        parts += [text(across, (left + right) / 2, self.height - 6, class_="name", text_anchor="middle")]
        middle = (top + bottom) / 2
        turned = f"rotate(-90 11 {middle:.1f})"
        parts += [text(upward, 11, middle, class_="name", text_anchor="middle", transform=turned)]
        return group("axes", *parts)

    def clipped(self, *children: str) -> Markup:
        """Returns elements of which nothing shows outside the axes; their coordinates stay the picture's."""
        left, top, right, bottom = self.frame
        size = {"x": left, "y": top, "width": right - left, "height": bottom - top}
        return element("svg", *children, **size, viewBox=f"{left} {top} {right - left} {bottom - top}")

    def named(self, labels: Sequence[Label], points: ArrayLike, lines: ArrayLike = ()) -> Markup:
        """Returns names beside points, where they cover neither each other nor points nor lines.

        Args:
            labels: of points in the axes, in order of importance; their colours are by the page's names, or empty for
                the picture's own.
            points: that no name should cover.
            lines: points close together on lines that none should cover.
        """
        own = self.at([(label.x, label.y) for label in labels])
        sizes = [(LETTER[0] * len(label.text), LETTER[1]) for label in labels]
        spots = arrange(sizes, own, np.asarray(self.frame), marks=self.at(points), strokes=self.at(lines), scale=1.3)
        parts = []
        for label, (x, y), spot in zip(labels, own.tolist(), spots, strict=True):
            across, up = spot.offset
            if spot.tied:
                ends = np.asarray([[x + 0.2 * across, y + 0.2 * up], [x + 0.75 * across, y + 0.75 * up]])
                parts.append(polyline(ends, class_="tie"))
            parts.append(
                text(label.text, x + across, y + up + 4, text_anchor="middle", class_=f"label {label.colour}".strip())
            )
        return group("names", *parts)


def _ticks(limits: Limits, start: float, end: float) -> list[tuple[float, float]]:
    """Returns round values between limits, each with its place between two ends in pixels."""
    low, high = limits
    values = MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    found = [(float(value), start + (value - low) / (high - low) * (end - start)) for value in values]
    first, last = sorted((start, end))
    return [(value + 0.0, float(x)) for value, x in found if first - CUT <= x <= last + CUT]

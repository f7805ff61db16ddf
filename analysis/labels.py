"""Names beside points, placed so that they cover neither each other nor the points."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patheffects import withStroke
from matplotlib.text import Annotation
from numpy.typing import NDArray

DISTANCES: Final = (7.0, 11.0, 16.0, 23.0, 32.0, 44.0, 58.0)  # from point to label, in points of print
DIRECTIONS: Final = tuple(math.tau * turn / 16 for turn in range(16))
LEADER_FROM: Final = 14.0  # a label further off than this is tied to its point by a line


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name for the point at (x, y) in data units."""

    x: float
    y: float
    text: str
    colour: str
    alpha: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where a label stands.

    Attributes:
        offset: of its centre from its point, in pixels.
        tied: whether it wants a line to its point: it stands far off, or nearer to another.
    """

    offset: tuple[float, float]
    tied: bool


def place(
    axes: Axes,
    labels: Sequence[Label],
    points: Sequence[Sequence[float]],
    paper: str,
    lines: Sequence[Sequence[float]] = (),
) -> None:
    """Writes the labels near their points: greedily, each where it costs least.

    Fixes the figure's layout, since a label that was placed on one layout would be misplaced on the next.

    Args:
        axes: with its final limits.
        labels: in order of importance; the first finds most room.
        points: in data units, that no label should cover, nor come closer to than to its own.
        paper: colour of the halo around the letters.
        lines: points close together on lines that no label should cover.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("labels are placed in axes that belong to a figure; got axes without one")
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call] # matplotlib has no types
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    scale = figure.dpi / 72  # pixels in a point of print
    notes = [_write(axes, label, paper) for label in labels]
    found = arrange(
        [note.get_window_extent(renderer).size for note in notes],
        _pixels(axes, [(label.x, label.y) for label in labels]),
        np.asarray(axes.bbox.extents),
        marks=_pixels(axes, points),
        strokes=_pixels(axes, lines),
        scale=scale,
    )
    for label, note, spot in zip(labels, notes, found, strict=True):
        note.set_position((spot.offset[0] / scale, spot.offset[1] / scale))
        if spot.tied:
            _leader(axes, label, note)


def arrange(
    sizes: Sequence[Sequence[float]],
    own: NDArray[np.float64],
    room: NDArray[np.float64],
    *,
    marks: NDArray[np.float64],
    strokes: NDArray[np.float64],
    scale: float = 1.0,
) -> list[Spot]:
    """Returns where labels stand near their points: greedily, each where it costs least.

    Args:
        sizes: width and height of the labels in pixels, in order of importance; the first finds most room.
        own: their points, one row a label, in pixels.
        room: left, bottom, right and top of what they should stay in.
        marks: points that no label should cover, nor come closer to than to its own.
        strokes: points close together on lines that no label should cover.
        scale: pixels in a point of print.
    """
    taken = np.vstack([np.hstack([dots - 3.5 * scale, dots + 3.5 * scale]) for dots in (marks, strokes)])
    spots = []
    for extent, point in zip(sizes, own, strict=True):
        size = np.asarray(extent, dtype=np.float64)
        offsets = _ring_offsets(size, scale)
        boxes = np.hstack([point + offsets - size / 2, point + offsets + size / 2])
        mistakable = _closer_to_others(boxes, point[None], marks)
        outside = size.prod() - _overlap(boxes, room[None])[:, 0]
        cost = 3 * _overlap(boxes, taken).sum(axis=1) + 10 * outside + 2 * mistakable
        best = int((cost + np.repeat(DISTANCES, len(DIRECTIONS)) * scale).argmin())
        taken = np.vstack([taken, boxes[best]])
        far = DISTANCES[best // len(DIRECTIONS)] > LEADER_FROM
        spots.append(
            Spot(offset=(float(offsets[best, 0]), float(offsets[best, 1])), tied=bool(far or mistakable[best] > 0))
        )
    return spots


def _pixels(axes: Axes, points: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    rows = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    return np.asarray(axes.transData.transform(rows), dtype=np.float64).reshape(-1, 2)


def _closer_to_others(
    boxes: NDArray[np.float64], own: NDArray[np.float64], marks: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Returns how much closer each box lies to another mark than to its own, in pixels; 0 where it does not."""
    others = marks[np.abs(marks - own).max(axis=1) > 1]
    nearest = _gaps(boxes, others).min(axis=1, initial=np.inf)
    excess: NDArray[np.float64] = np.clip(_gaps(boxes, own)[:, 0] - nearest, 0, None)
    return excess


def _gaps(boxes: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the distance of every box from every point, 0 inside it."""
    beyond = np.maximum(boxes[:, None, :2] - points[None], points[None] - boxes[:, None, 2:])
    gaps: NDArray[np.float64] = np.hypot(*np.clip(beyond, 0, None).transpose(2, 0, 1))
    return gaps


def _ring_offsets(size: NDArray[np.float64], scale: float) -> NDArray[np.float64]:
    """Returns places of a label's centre around its point, in pixels, nearest ring first."""
    directions = np.column_stack([np.cos(DIRECTIONS), np.sin(DIRECTIONS)])
    rings = np.asarray(DISTANCES)[:, None, None] * scale + size / 2
    offsets: NDArray[np.float64] = (rings * directions[None]).reshape(-1, 2)
    return offsets


def _overlap(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the common area of every box with every other one; a box is (left, bottom, right, top)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    area: NDArray[np.float64] = np.clip(high - low, 0, None).prod(axis=2)
    return area


def _write(axes: Axes, label: Label, paper: str) -> Annotation:
    return axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=(0, 0),
        textcoords="offset points",
        color=label.colour,
        alpha=label.alpha,
        fontsize=7,
        ha="center",
        va="center",
        zorder=6,
        path_effects=[withStroke(linewidth=2, foreground=paper, alpha=0.85)],
    )


def _leader(axes: Axes, label: Label, note: Annotation) -> None:
    axes.annotate(
        "",
        (label.x, label.y),
        xytext=note.get_position(),
        textcoords="offset points",
        arrowprops={
            "arrowstyle": "-",
            "color": label.colour,
            "alpha": 0.5 * label.alpha,
            "linewidth": 0.5,
            "shrinkA": 4,
            "shrinkB": 3,
        },
        zorder=3,
    )

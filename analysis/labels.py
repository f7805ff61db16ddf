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
from matplotlib.transforms import Bbox
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


def place(axes: Axes, labels: Sequence[Label], obstacles: Sequence[Sequence[float]], paper: str) -> None:
    """Writes the labels near their points: greedily, each where it costs least.

    Fixes the figure's layout, since a label that was placed on one layout would be misplaced on the next.

    Args:
        axes: with its final limits.
        labels: in order of importance; the first finds most room.
        obstacles: points in data units that no label should cover.
        paper: colour of the halo around the letters.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("labels are placed in axes that belong to a figure; got axes without one")
    renderer: Any = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    taken = [_square(axes.transData.transform(point), 3.5 * figure.dpi / 72) for point in obstacles]
    for label in labels:
        note = axes.annotate(
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
        size = note.get_window_extent(renderer)
        dx, dy, box = _cheapest(axes, label, size, taken)
        note.set_position((dx, dy))
        if math.hypot(dx, dy) - min(abs(dx), size.width * 36 / figure.dpi) > LEADER_FROM:
            _leader(axes, label, note)
        taken.append(box)


def _cheapest(axes: Axes, label: Label, size: Bbox, taken: Sequence[Bbox]) -> tuple[float, float, Bbox]:
    """Returns the offset in points of print, and the box in pixels, of the best place around the point."""
    scale = axes.figure.dpi / 72
    x, y = axes.transData.transform((label.x, label.y))
    best = (math.inf, 0.0, 0.0, size)
    for distance in DISTANCES:
        for angle in DIRECTIONS:
            dx = math.cos(angle) * (distance * scale + size.width / 2)
            dy = math.sin(angle) * (distance * scale + size.height / 2)
            box = Bbox.from_bounds(x + dx - size.width / 2, y + dy - size.height / 2, size.width, size.height)
            cost = _cost(box, axes.bbox, taken) + distance * scale
            if cost < best[0]:
                best = (cost, dx / scale, dy / scale, box)
    return best[1:]


def _cost(box: Bbox, room: Bbox, taken: Sequence[Bbox]) -> float:
    outside = box.width * box.height - _overlap(box, room)
    return 10 * outside + 3 * sum(_overlap(box, other) for other in taken)


def _overlap(one: Bbox, other: Bbox) -> float:
    common = Bbox.intersection(one, other)
    return 0.0 if common is None else float(common.width * common.height)


def _square(centre: NDArray[np.float64], half: float) -> Bbox:
    return Bbox.from_bounds(centre[0] - half, centre[1] - half, 2 * half, 2 * half)


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

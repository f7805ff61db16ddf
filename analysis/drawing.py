"""Looks, names and strokes that all pictures share.

Colours are Okabe and Ito's, told apart with every common colour blindness, one fixed for each architecture; a
marker of its own says the same without colour.
"""

import io
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analysis.front import Candidate, ConfirmedFront
from analysis.pareto import staircase

PRINTED: Final = ("pdf", "svg", "png")  # kinds of files of a figure
INK: Final = "#1c1e21"
PAPER: Final = "#ffffff"
STAR: Final = "#6f757e"
STYLE: Final[Any] = {
    "text.parse_math": False,  # names are written as they are, dollars and all
    "font.size": 8,
    "axes.labelsize": 9,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "pdf.fonttype": 42,  # fonts embedded as TrueType; many publishers refuse Type 3
    "svg.fonttype": "path",
    "svg.hashsalt": "disentangle",  # the same study gives the same file
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How an architecture is drawn, in every picture."""

    colour: str
    marker: str
    letters: str  # the colour's darker shade, since thin strokes need more contrast than markers do


LOOKS: Final = {
    "conv": Look(colour="#0072b2", marker="o", letters="#00629b"),
    "mlp": Look(colour="#d55e00", marker="s", letters="#8f3d00"),
    "resnet": Look(colour="#009e73", marker="^", letters="#007253"),
    "vgg": Look(colour="#cc79a7", marker="D", letters="#a1437a"),
    "vit": Look(colour="#e69f00", marker="v", letters="#946a00"),
}
OTHER_LOOK: Final = Look(colour="#56b4e9", marker="P", letters="#1b6f9f")


def look(architecture: str) -> Look:
    """Returns the fixed look of an architecture; those without one share the last."""
    return LOOKS.get(architecture, OTHER_LOOK)


def in_style() -> AbstractContextManager[None]:
    """Sets the house style for a `with` block: for drawing a figure, and again for saving it."""
    return mpl.rc_context(STYLE)


def rendered(figure: Figure, kind: str) -> bytes:
    """Returns a figure as "png", "svg" or "pdf", the same bytes for the same figure."""
    buffer = io.BytesIO()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with in_style():
        figure.savefig(buffer, format=kind, dpi=240, metadata=undated)
    return buffer.getvalue()


def model_name(architecture: str, width: float, parameters: Sequence[int]) -> str:
    """Returns an architecture as legends name it: "conv, 100k parameters", "resnet ×1/8, 45k parameters".

    Args:
        architecture: its name.
        width: multiplies its channels.
        parameters: of all its models; they differ where a search chooses among sizes.
    """
    times = "" if width == 1 else f" ×{Fraction(width).limit_denominator(64)}"
    ends = sorted({min(parameters), max(parameters)}) if parameters else []
    return f"{architecture}{times}" + (f", {' to '.join(map(_count, ends))} parameters" if ends else "")


def _count(number: int) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.3g}{unit}" if number < 10 * size else f"{number / size:.0f}{unit}"
    return str(number)


def limits(values: NDArray[np.float64], worst: float = 1.0) -> tuple[float, float]:
    """Returns limits of an axis from 0 to the worst value at most that leave some room around the values."""
    if len(values) == 0:
        return 0.0, worst
    low, high = float(values.min()), float(values.max())
    room = max(0.07 * (high - low), 0.01 * worst)
    return max(low - room, -0.02 * worst), min(high + room, 1.02 * worst)  # a point at 0 or the worst is drawn whole


def draw_flagged(axes: Axes, x: float, y: float, architecture: str) -> None:
    """Draws a point that counts on no front, since what attacks say of it is doubtful: hollow and struck through."""
    style = look(architecture)
    edge: Any = {"color": style.colour, "markeredgecolor": style.colour, "zorder": 4}
    axes.plot(x, y, style.marker, markerfacecolor=PAPER, markeredgewidth=0.9, markersize=6.5, **edge)
    axes.plot(x, y, "x", markeredgewidth=0.9, markersize=4, **edge)


def draw_point(axes: Axes, x: float, y: float, architecture: str, *, filled: bool) -> None:
    """Draws a candidate's mark: filled where it is on the front, smaller and hollow where it is dominated."""
    style = look(architecture)
    axes.plot(
        x,
        y,
        style.marker,
        color=style.colour,
        markerfacecolor=style.colour if filled else PAPER,
        markeredgecolor=PAPER if filled else style.colour,
        markeredgewidth=0.5 if filled else 0.9,
        markersize=6 if filled else 4.5,
        zorder=5 if filled else 4,
    )


def draw_candidate(axes: Axes, candidate: Candidate, columns: Sequence[str], *, filled: bool) -> None:
    """Draws a candidate's mean over seeds with its spread to both sides; hollow where it is dominated."""
    style = look(candidate.architecture)
    x, y = (candidate.spread(column) for column in columns)
    stroke: Any = {"color": style.colour, "alpha": 0.45, "linewidth": 0.8, "zorder": 3}
    if x.low is not None and x.high is not None:
        axes.hlines(y.mean, x.low, x.high, **stroke)
    if y.low is not None and y.high is not None:
        axes.vlines(x.mean, y.low, y.high, **stroke)
    draw_point(axes, x.mean, y.mean, candidate.architecture, filled=filled)


def draw_front(axes: Axes, front: ConfirmedFront, *, pale: bool = False) -> None:
    """Draws the border of what an architecture's confirmed means dominate, as far as the axes go."""
    corners = staircase([candidate.means for candidate in front.members], front.reference)
    style = look(front.architecture)
    if not pale:
        axes.plot(*corners.T, "-", color=style.colour, alpha=0.85, linewidth=1.3, zorder=2)
        return
    axes.plot(*corners.T, "-", color=style.colour, alpha=0.4, linewidth=0.8, zorder=1)
    means = np.asarray([candidate.means for candidate in front.members]).reshape(-1, 2)
    axes.plot(*means.T, style.marker, color=style.colour, alpha=0.4, markersize=3, markeredgewidth=0, zorder=1)


def along_front(front: ConfirmedFront) -> NDArray[np.float64]:
    """Returns points close together on the line that `draw_front` draws, one row a point."""
    corners = staircase([candidate.means for candidate in front.members], front.reference)
    pieces = [np.linspace(start, end, 40) for start, end in pairwise(corners)]
    return np.concatenate(pieces) if pieces else np.empty((0, 2))


def model_handle(architecture: str, name: str, *, line: bool) -> Line2D:
    """Returns the legend's entry of an architecture."""
    style = look(architecture)
    return Line2D(
        [],
        [],
        color=style.colour,
        marker=style.marker,
        markeredgecolor=PAPER,
        markersize=6.5,
        linestyle="-" if line else "",
        linewidth=1.3,
        label=name,
    )


def pale_handle(name: str) -> Line2D:
    """Returns the legend's entry of the fronts that are repeated palely."""
    return Line2D([], [], color=INK, alpha=0.4, linewidth=0.8, marker="o", markersize=3, markeredgewidth=0, label=name)


def meaning_handle(marker: str, name: str, *, hollow: bool = False, faint: bool = False) -> Line2D:
    """Returns the legend's entry of a kind of point, in the colour of the ink."""
    return Line2D(
        [],
        [],
        linestyle="",
        marker=marker,
        color=INK,
        alpha=0.35 if faint else 1.0,
        markerfacecolor=PAPER if hollow else INK,
        markeredgewidth=0 if faint else 0.9,
        markersize=4.5 if hollow else 5,
        label=name,
    )

"""The sheet that a picture is drawn on: one panel, or several on the same axes, with its legends."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from analysis.drawing import INK, PAPER

PRINT_WIDTH: Final = 6.0  # inches: scaled to the text of a one-column page, letters keep more than 6 points
HEIGHTS: Final = {1: 4.6, 2: 5.4, 3: 7.4}  # inches, by rows of panels
UPWARD_SIZE: Final = 8.2  # points: the name of the robust error lists its radii and is as long as its axis
Limits = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sheet:
    """A figure of print width and its panels, which share both axes.

    Attributes:
        panels: row by row, two a row where there are several.
        spare: the place that an odd number of panels leaves, or None.
    """

    figure: Figure
    panels: tuple[Axes, ...]
    spare: Axes | None

    def set_limits(self, across: Limits, upward: Limits) -> None:
        """Sets the limits of all panels."""
        for axes in self.panels:
            axes.set(xlim=across, ylim=upward)

    def name(self, panel: int, handles: Sequence[Artist]) -> None:
        """Writes above a panel which architectures it shows."""
        if handles and len(self.panels) > 1:
            place: Any = {"loc": "lower left", "bbox_to_anchor": (0, 1.01), "borderaxespad": 0, "borderpad": 0}
            self.panels[panel].legend(handles=list(handles), frameon=False, fontsize=8.5, handlelength=1.8, **place)

    def explain(self, handles: Sequence[Artist]) -> None:
        """Puts a legend in the spare place, or above the panels, where it covers no point."""
        if handles and self.spare is not None:
            self.spare.legend(handles=list(handles), loc="center left", frameon=False, fontsize=8, labelspacing=0.9)
        elif handles:
            columns = 2 if len(handles) == 4 else min(len(handles), 3)
            place: Any = {"loc": "outside upper left", "ncols": columns, "columnspacing": 1.5, "handlelength": 1.8}
            self.figure.legend(handles=list(handles), frameon=False, fontsize=8, **place)

    def say(self, text: str) -> None:
        """Writes a sentence into the first panel, for want of anything to draw."""
        axes = self.panels[0]
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center")


def new_sheet(count: int, across: str, upward: str) -> Sheet:
    """Returns an empty sheet.

    Args:
        count: of panels, at least 1.
        across: what the horizontal axes measure.
        upward: what the vertical axes measure.
    """
    columns = 1 if count == 1 else 2
    rows = -(-count // columns)
    size = (PRINT_WIDTH, HEIGHTS.get(rows, 2.5 * rows))
    figure = Figure(figsize=size, dpi=100, layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for place, axes in enumerate(grid):
        axes.set_facecolor(PAPER)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(color=INK, alpha=0.09, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.tick_params(labelbottom=place + columns >= count)
    if count == 1:
        grid[0].set_xlabel(across)
        grid[0].set_ylabel(upward, fontsize=UPWARD_SIZE)
    else:
        figure.supxlabel(across, fontsize=9)
        figure.supylabel(upward, fontsize=UPWARD_SIZE)
    spare = grid[count] if count < len(grid) else None
    if spare is not None:
        spare.set_axis_off()
    return Sheet(figure=figure, panels=tuple(grid[:count]), spare=spare)

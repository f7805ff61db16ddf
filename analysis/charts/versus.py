"""The charts of studies beside each other: their fronts on the same axes, and where one attains more than another."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from analysis.attainment import Difference
from analysis.charts.fronts import candidate_point, front_line, hue
from analysis.charts.plane import Plane
from analysis.charts.svg import element, group, picture
from analysis.findings import Findings
from analysis.front import ConfirmedFront
from analysis.panels import Limits

Window = tuple[Limits, Limits]


def overlaid_chart(sides: Sequence[tuple[int, Findings, ConfirmedFront]], window: Window) -> Markup:
    """Returns an architecture's confirmed fronts in several studies.

    Args:
        sides: the study's place among all, the study, and its front of the architecture.
        window: limits of both axes.
    """
    plane = Plane(across=window[0], upward=window[1])
    lines = [group(_look(place), front_line(plane, front, "front")) for place, _, front in sides]
    points = [
        group(_look(place), *(candidate_point(plane, findings, c, ring=False) for c in reversed(front.members)))
        for place, findings, front in sides
    ]
    first = sides[0][2]
    one, other = (f"test {objective.axis}" for objective in first.objectives)
    parts = [plane.axes(one, other), plane.clipped(*lines), *points]
    label = f"{first.architecture}: fronts of the studies"
    return picture(plane.width, plane.height, label, parts, class_=f"chart {hue(first.architecture)}")


def difference_chart(found: Difference, front: ConfirmedFront, places: tuple[int, int], window: Window) -> Markup:
    """Returns where one study attains more often than another, the deeper the more often.

    Args:
        found: the difference.
        front: one of the two, for what the axes measure.
        places: of both among all studies.
        window: limits of both axes.
    """
    plane = Plane(across=window[0], upward=window[1])
    parts = []
    for value in np.unique(found.values[np.abs(found.values) > 1e-9]).tolist():
        side = places[0] if value > 0 else places[1]
        cells = element("path", d=_cells(plane, found, value), class_="more", fill_opacity=f"{0.75 * abs(value):.2f}")
        parts.append(group(_look(side), cells))
    one, other = (f"test {objective.axis}" for objective in front.objectives)
    label = f"{front.architecture}: where one study attains more"
    drawn = [plane.clipped(*parts), plane.axes(one, other)]
    return picture(plane.width, plane.height, label, drawn, class_=f"chart {hue(front.architecture)}")


def _look(place: int) -> str:
    return f"study-{min(place, 3)}"


def _cells(plane: Plane, found: Difference, value: float) -> str:
    """Returns the directions around all cells of a value, those above each other as one."""
    across, upward = (np.append(edges[:-1], max(edges[-1], 2.0)) for edges in found.edges)
    said = []
    for column, cells in enumerate(np.abs(found.values - value) < 1e-9):
        changes = np.flatnonzero(np.diff(np.concatenate([[0], cells.astype(int), [0]])))
        for low, high in changes.reshape(-1, 2):
            corners = [(across[column], upward[low]), (across[column + 1], upward[high])]
            (x, y), (right, top) = plane.at(corners).round(1).tolist()
            said.append(f"M{x:g} {y:g}H{right:g}V{top:g}H{x:g}z")
    return "".join(said)

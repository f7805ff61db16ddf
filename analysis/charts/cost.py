"""The chart of what a search had found when so much was spent."""

from collections.abc import Mapping
from typing import Final

import numpy as np
from markupsafe import Markup

from analysis.charts.plane import Plane
from analysis.charts.svg import element, group, picture, polyline, trail
from analysis.cost import Budget, Control, Trace
from analysis.drawing import limits

MOST: Final = 600  # steps of a line that a screen can show
UNITS: Final[Mapping[Budget, tuple[float, str]]] = {
    "gradient_evaluations": (1e6, "gradient evaluations, millions"),
    "seconds": (60.0, "minutes of trials, one after another"),
}
"""By kind of cost how many of its units make one of the axis', and what that is called."""


def cost_chart(
    traces: Mapping[str, Trace],
    controls: Mapping[str, Control],
    budget: Budget,
    looks: Mapping[str, str],
    hue: str = "",
) -> Markup:
    """Returns hypervolume on validation against what it took.

    Args:
        traces: by name, of the search; none of them empty.
        controls: of random search, by the same names, of which some may be missing.
        budget: what costs are counted in.
        looks: by name, what the page's style calls it.
        hue: the same for the whole picture.
    """
    volumes = np.concatenate([trace.volumes[trace.volumes > 0] for trace in traces.values()])
    unit, across = UNITS[budget]
    most = max(float(trace.costs[-1]) for trace in traces.values()) / unit
    plane = Plane(across=(0.0, 1.02 * most), upward=limits(volumes, float(volumes.max()) * 1.05 if len(volumes) else 1))
    bands = [_band(plane, looks[name], found, unit) for name, found in controls.items()]
    lines = [
        group(looks[name], polyline(plane.at(_steps(trace, unit)), class_="front")) for name, trace in traces.items()
    ]
    label = f"Hypervolume of the search against {across}"
    parts = [plane.axes(across, "hypervolume on validation"), plane.clipped(*bands, *lines)]
    return picture(plane.width, plane.height, label, parts, class_=f"chart {hue}".strip())


def _steps(trace: Trace, unit: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Returns the corners of a rising staircase: where the volume rises, and where the last trial ends."""
    rises = np.flatnonzero(np.diff(np.concatenate([[0.0], trace.volumes])) > 0)
    rises = rises[np.unique(np.linspace(0, len(rises) - 1, min(len(rises), MOST)).astype(int))] if len(rises) else rises
    corners = []
    before = 0.0
    for place in rises:
        corners += [(trace.costs[place], before), (trace.costs[place], trace.volumes[place])]
        before = trace.volumes[place]
    corners.append((trace.costs[-1], before))
    return np.asarray(corners, dtype=np.float64).reshape(-1, 2) / (unit, 1.0)


def _band(plane: Plane, look: str, control: Control, unit: float) -> Markup:
    costs = control.costs / unit
    low, middle, high = (
        plane.at(np.column_stack([costs, values])) for values in (control.low, control.middle, control.high)
    )
    area = element("path", d=f"{trail(low)}L{trail(high[::-1])[1:]}Z", class_="band")
    return group(f"control {look}", area, polyline(middle, class_="median"))

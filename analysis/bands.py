"""The picture of how fronts vary over seeds: bands of attainment, and where one network attains more than another."""

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from analysis.attainment import BAND, difference, surface, vorobev
from analysis.drawing import INK, in_style, limits, look, model_handle
from analysis.front import ConfirmedFront, confirmed_fronts
from analysis.load import Study
from analysis.panels import Limits, new_sheet
from analysis.pareto import staircase

Array = NDArray[np.float64]


def bands(study: Study, pair: tuple[str, str] | None = None) -> Figure:
    """Draws, a panel a network, what the seeds' fronts attain: the middle half, the median, Vorob'ev's expectation.

    A last panel compares two networks: where one attains more often than the other, in its own colour, the deeper the
    more often.

    Args:
        study: with two objectives.
        pair: of architectures to compare; None takes the two with the largest mean hypervolume.

    Raises:
        ValueError: for a pair of which one has no confirmed front.
    """
    fronts = [front for front in confirmed_fronts(study) if front.candidates]
    compared = _pair(fronts, pair)
    one, other = study.objectives
    with in_style():
        sheet = new_sheet(max(1, len(fronts) + bool(compared)), f"test {one.axis}", other.axis)
        if not fronts:
            sheet.say("no candidate is confirmed")
            return sheet.figure
        window = window_of(fronts)
        sheet.set_limits(*window)
        for number, front in enumerate(fronts):
            _draw_band(sheet.panels[number], front)
            sheet.name(number, [model_handle(front.architecture, _named(front), line=True)])
        if compared:
            colours = (look(compared[0].architecture).colour, look(compared[1].architecture).colour)
            draw_difference(sheet.panels[-1], *compared, window, colours)
            sheet.name(len(fronts), [_more(front) for front in compared])
        models = [model_handle(fronts[0].architecture, _named(fronts[0]), line=True)] if len(fronts) == 1 else []
        sheet.explain([*models, *_meanings()])
    return sheet.figure


def _pair(
    fronts: Sequence[ConfirmedFront], names: tuple[str, str] | None
) -> tuple[ConfirmedFront, ConfirmedFront] | None:
    known = {front.architecture: front for front in fronts}
    if names is not None:
        if not set(names) <= set(known):
            raise ValueError(f"a comparison is of two of {', '.join(known) or 'no'} confirmed fronts; got {names}")
        return known[names[0]], known[names[1]]
    best = sorted(fronts, key=lambda front: -float(np.mean(front.volumes)))[:2]
    return (best[0], best[1]) if len(best) == 2 else None


def window_of(fronts: Sequence[ConfirmedFront]) -> tuple[Limits, Limits]:
    """Returns limits of both axes that hold all corners of what one seed attains and of what all do."""
    parts = [(front, part) for front in fronts for part in (1 / len(front.values), 1.0)]
    points = np.concatenate([surface(front.values, part) for front, part in parts])
    across, upward = (limits(points[:, axis], worst) for axis, worst in enumerate(fronts[0].reference))
    return across, upward


def _draw_band(axes: Axes, front: ConfirmedFront) -> None:
    colour = look(front.architecture).colour
    low, middle, high = (staircase(surface(front.values, part), front.reference) for part in BAND)
    columns = np.unique(np.concatenate([low[:, 0], high[:, 0], [front.reference[0]]]))
    upper, lower = (_height(corners, columns, front.reference[1]) for corners in (high, low))
    axes.fill_between(columns, lower, upper, step="post", color=colour, alpha=0.25, linewidth=0, zorder=2)
    axes.plot(*middle.T, "-", color=colour, linewidth=1.3, zorder=3)
    expected = staircase(vorobev(front.values, front.reference).surface, front.reference)
    axes.plot(*expected.T, "--", color=INK, linewidth=0.7, zorder=4)


def _height(corners: Array, columns: Array, top: float) -> Array:
    """Returns the height of a staircase right of each column; the top where it has not begun."""
    if len(corners) == 0:
        return np.full(len(columns), top)
    found: Array = np.asarray([corners[corners[:, 0] <= x, 1].min(initial=top) for x in columns])
    return found


def draw_difference(
    axes: Axes, one: ConfirmedFront, other: ConfirmedFront, window: tuple[Limits, Limits], colours: tuple[str, str]
) -> None:
    """Draws where one side attains more often than the other, the deeper the more often, and both medians.

    Args:
        axes: with their limits.
        one: a side.
        other: the other.
        window: these limits.
        colours: of the sides.
    """
    found = difference(one.values, other.values, one.reference)
    rgb = np.asarray([to_rgb(colour) for colour in colours])
    shown = np.concatenate([rgb[(found.values < 0).astype(int)], np.abs(found.values)[..., None]], axis=-1)
    across, upward = (np.append(edges[:-1], max(edges[-1], window[axis][1])) for axis, edges in enumerate(found.edges))
    if shown.size:  # nothing lies below the reference where all points of an objective are at their worst
        axes.pcolormesh(across, upward, shown.transpose(1, 0, 2), rasterized=True, linewidth=0, zorder=1)
    for front, colour in zip((one, other), colours, strict=True):
        median = staircase(surface(front.values), front.reference)
        axes.plot(*median.T, "-", color=colour, linewidth=0.8, zorder=2)


def _named(front: ConfirmedFront) -> str:
    volume = front.hypervolume
    return front.architecture if volume is None else f"{front.architecture}, {volume.n} seeds"


def _more(front: ConfirmedFront) -> Patch:
    return Patch(color=look(front.architecture).colour, linewidth=0, label=f"more of {front.architecture}")


def _meanings() -> list[Artist]:
    return [
        Patch(color=INK, alpha=0.25, linewidth=0, label="25 to 75 % of the seeds attain it"),
        Line2D([], [], color=INK, linewidth=1.3, label="half of them"),
        Line2D([], [], color=INK, linewidth=0.7, linestyle="--", label="Vorob'ev expectation"),
    ]

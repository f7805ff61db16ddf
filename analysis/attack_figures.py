"""Figures of strong attacks: the front by what an attacker knows, and the paper's attack beside the strongest ones."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analysis.attacked import AttackedCandidate, attacked_candidates
from analysis.drawing import (
    INK,
    PAPER,
    draw_flagged,
    draw_point,
    in_style,
    limits,
    look,
    meaning_handle,
    model_handle,
    model_name,
)
from analysis.formats import norm_name
from analysis.labels import Label, place
from analysis.load import Study
from analysis.panels import new_sheet
from analysis.pareto import front_order, staircase

TITLES: Final = {
    "attacks": "Test error against robust error, with and without gradients",
    "strength": "The strongest attacks against the paper's",
}
"""The figures, and what they are called."""
KNOWLEDGE: Final = {
    "strong_white_box_error": "attacks with gradients (white box)",
    "strong_black_box_error": "attacks without gradients (black box)",
}
CORNER: Final = (1.0, 1.0)
Candidates = Sequence[AttackedCandidate]
Points = NDArray[np.float64]


def attack_figures(study: Study) -> dict[str, Callable[[], Figure]]:
    """Returns what draws the figures, by the names of `TITLES`; nothing where no strong attacks were made."""
    found = attacked_candidates(study)
    drawn = {"attacks": by_knowledge, "strength": beside_the_papers}
    return {name: partial(draw, study, found) for name, draw in drawn.items()} if found else {}


def by_knowledge(study: Study, found: Candidates) -> Figure:
    """Draws test error against robust error, with gradients on the left and without them on the right."""
    points = {column: [(c.error, c.values[column]) for c in found] for column in KNOWLEDGE}
    every = np.asarray([point for known in points.values() for point in known])
    with in_style():
        sheet = new_sheet(
            len(KNOWLEDGE), "test error", f"robust error (mean over radii {_radii(study)}; {_norm(study)})"
        )
        sheet.set_limits(limits(every[:, 0]), limits(every[:, 1]))
        sheet.explain([*_models(study, found), *_meanings(found), _line("-", "front"), _line(":", "the other panel's")])
        for axes, (column, title) in zip(sheet.panels, KNOWLEDGE.items(), strict=True):
            axes.set_title(title, loc="left", fontsize=8.5)
            other = next(name for name in KNOWLEDGE if name != column)
            for architecture in dict.fromkeys(c.architecture for c in found):
                own = [c for c in found if c.architecture == architecture]
                _draw_front(axes, own, other, ":", 0.5)
                _draw_front(axes, own, column, "-", 0.85)
                for candidate in own:
                    _draw(axes, candidate, candidate.error, candidate.values[column], on=_members(own, column))
        for axes, known in zip(sheet.panels, points.values(), strict=True):
            _name_baselines(axes, found, known)
    return sheet.figure


def beside_the_papers(study: Study, found: Candidates) -> Figure:
    """Draws errors under the strongest attacks against those under the paper's, a panel for each of their radii."""
    radii = [radius for radius in study.radii if all(radius in c.at for c in found)]
    with in_style():
        sheet = new_sheet(
            max(1, len(radii)), "error under the paper's attack", "error under the strongest of all attacks"
        )
        sheet.set_limits((-0.02, 1.02), (-0.02, 1.02))
        sheet.explain([*_models(study, found), *_meanings(found), _line("--", "equal")])
        for axes, radius in zip(sheet.panels, radii, strict=False):
            axes.set_title(f"radius {radius:.3g}, {_norm(study)}", loc="left", fontsize=8.5)
            axes.plot([0, 1], [0, 1], "--", color=INK, alpha=0.4, linewidth=0.8, zorder=1)
            for candidate in found:
                _draw(axes, candidate, candidate.at[radius]["paper"], candidate.at[radius]["worst"], on=found)
        for axes, radius in zip(sheet.panels, radii, strict=False):
            left = [c for c in found if c.at[radius]["paper"] < 1]  # the others lie in the corner, above each other
            _name_baselines(axes, left, [(c.at[radius]["paper"], c.at[radius]["worst"]) for c in left])
        if not radii:
            sheet.say("no error was measured at the study's radii")
    return sheet.figure


def _draw(axes: Axes, candidate: AttackedCandidate, x: float, y: float, *, on: Candidates) -> None:
    if candidate.flags:
        draw_flagged(axes, x, y, candidate.architecture)
        return
    draw_point(axes, x, y, candidate.architecture, filled=candidate in on)


def _members(own: Candidates, column: str) -> list[AttackedCandidate]:
    """Returns those on the front of one architecture, of which flagged ones are none."""
    counting = [c for c in own if not c.flags]
    return [counting[i] for i in front_order([(c.error, c.values[column]) for c in counting])]


def _draw_front(axes: Axes, own: Candidates, column: str, line: str, alpha: float) -> None:
    corners = staircase([(c.error, c.values[column]) for c in _members(own, column)], CORNER)
    axes.plot(*corners.T, line, color=look(own[0].architecture).colour, alpha=alpha, linewidth=1.2, zorder=2)


def _name_baselines(axes: Axes, found: Candidates, points: Sequence[tuple[float, float]]) -> None:
    labels = [
        Label(x=x, y=y, text=c.label, colour=look(c.architecture).letters)
        for c, (x, y) in zip(found, points, strict=True)
        if c.label
    ]
    place(axes, labels, points, PAPER)


def _models(study: Study, found: Candidates) -> list[Line2D]:
    names = dict.fromkeys(c.architecture for c in found)
    return [model_handle(name, model_name(name, study.width(name), ()), line=False) for name in names]


def _meanings(found: Candidates) -> list[Line2D]:
    return [meaning_handle("X", "doubtful", hollow=True)] if any(c.flags for c in found) else []


def _line(style: str, name: str) -> Line2D:
    stroke: Any = {"color": INK, "linewidth": 1.0, "alpha": 0.6, "linestyle": style}
    return Line2D([], [], label=name, **stroke)


def _radii(study: Study) -> str:
    return ", ".join(f"{radius:.3g}" for radius in study.radii)


def _norm(study: Study) -> str:
    return norm_name(study.config["threat_model"]["norm"])

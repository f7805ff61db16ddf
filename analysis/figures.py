"""The two pictures of a study, fit for print: the confirmed front, and the comparison with the paper."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analysis.drawing import (
    PAPER,
    STAR,
    along_front,
    draw_candidate,
    draw_flagged,
    draw_front,
    in_style,
    limits,
    look,
    meaning_handle,
    model_handle,
    model_name,
    pale_handle,
)
from analysis.formats import norm_name
from analysis.front import Candidate, ConfirmedFront, confirmed_fronts
from analysis.labels import Label, place
from analysis.load import Study
from analysis.panels import Limits, new_sheet
from analysis.paper_reference import PaperPoint, comparable_points

SUCCESS: Final = ("test_error", "test_success_rate")
TOGETHER: Final = 2  # as many architectures' names and points still find room in one panel
CROWD: Final = 200  # more dots than these are drawn smaller and fainter
Fronts = tuple[ConfirmedFront, ...]


def in_panels(fronts: Fronts) -> list[Fronts]:
    """Shares a study's architectures out over panels: all in one, or each in its own."""
    return [fronts] if len(fronts) <= TOGETHER else [(front,) for front in fronts]


def pareto(study: Study) -> Figure:
    """Draws the objectives against each other: all trials faintly, the confirmed candidates, their fronts."""
    fronts = confirmed_fronts(study)
    groups = in_panels(fronts)
    with in_style():
        split = "test" if any(front.candidates or front.flagged for front in fronts) else "validation"
        sheet = new_sheet(len(groups), f"{split} {study.objectives[0].axis}", _upward_axis(study))
        sheet.set_limits(*visible_window(study))
        for number, (axes, group) in enumerate(zip(sheet.panels, groups, strict=True)):
            for front in fronts:
                if front in group:
                    _draw_group(axes, study, front, alpha=0.4 if split == "test" else 0.8)
                else:
                    draw_front(axes, front, pale=True)
            sheet.name(number, _models(study, group, lines=True))
        names = _models(study, fronts, lines=True) if len(groups) == 1 else []
        sheet.explain([*names, *_meanings(study, fronts, several=len(groups) > 1)])
        for axes, group in zip(sheet.panels, groups, strict=True):
            _name_baselines(axes, study, group)
        if not len(validation_points(study)):
            sheet.say("no trial has given a point yet")
    return sheet.figure


def success(study: Study) -> Figure:
    """Draws test error against the success rate of the paper's attack, and the paper's points if they fit."""
    fronts = confirmed_fronts(study)
    groups = in_panels(fronts)
    stars = comparable_points(study).points
    shown = [[c for front in group for c in front.candidates if SUCCESS[1] in c.values] for group in groups]
    every = np.asarray(
        [*(_success(c) for group in shown for c in group), *((s.test_error, s.success_rate) for s in stars)]
    ).reshape(-1, 2)
    with in_style():
        sheet = new_sheet(len(groups), "test error", "success rate of the paper's attack")
        sheet.set_limits(limits(every[:, 0]), limits(every[:, 1]))
        for number, group in enumerate(groups):
            sheet.name(number, _models(study, group, lines=False))
        names = _models(study, fronts, lines=False) if len(groups) == 1 else []
        published = "conv as published (Stutz et al., 2019)"
        paper = [Line2D([], [], ls="", marker="*", color=STAR, markersize=9, label=published)]
        sheet.explain([*names, *(paper if stars else [])])
        for axes, group, candidates in zip(sheet.panels, groups, shown, strict=True):
            ours = any(front.architecture == "conv" for front in group)
            _draw_success(axes, candidates, stars if ours else ())
        if not len(every):
            sheet.say("no success rate was measured")
    return sheet.figure


def validation_points(study: Study, architecture: str | None = None) -> NDArray[np.float64]:
    """Returns both objectives on validation of the trials that have them, one row a trial."""
    names = ["architecture", *(objective.on_validation for objective in study.objectives)]
    columns = [study.trials[name].to_pylist() for name in names]
    rows = [row[1:] for row in zip(*columns, strict=True) if architecture in (None, row[0]) and None not in row]
    points = np.asarray(rows, dtype=np.float64).reshape(-1, 2)
    found: NDArray[np.float64] = points[np.isfinite(points).all(axis=1)]
    return found


def visible_window(study: Study) -> tuple[Limits, Limits]:
    """Returns the limits of both axes: every confirmed point with its bars, and nine tenths of the trials.

    A few collapsed trials would otherwise press all that matters into a corner. Before the confirmation there
    is nothing but trials, and all of them are shown.
    """
    confirmed = [
        [[value for value in (bar.low, bar.mean, bar.high) if value is not None] for bar in bars]
        for front in confirmed_fronts(study)
        for bars in (
            [c.spread(objective.on_test) for objective in study.objectives] for c in (*front.candidates, *front.flagged)
        )
    ]
    trials = validation_points(study)
    central = np.quantile(trials, [0.0, 0.9], axis=0) if len(trials) else np.empty((0, 2))
    if not confirmed:
        central = trials
    across, upward = (
        limits(np.asarray([*(value for ends in confirmed for value in ends[axis]), *central[:, axis]]), objective.worst)
        for axis, objective in enumerate(study.objectives)
    )
    return across, upward


def trials_outside(study: Study) -> int:
    """Returns the number of trials that the figure of the front does not show, for the caption to say so."""
    points, window = validation_points(study), np.asarray(visible_window(study))
    return int(((points < window[:, 0]) | (points > window[:, 1])).any(axis=1).sum())


def _draw_group(axes: Axes, study: Study, front: ConfirmedFront, alpha: float) -> None:
    points = validation_points(study, front.architecture)
    colour = look(front.architecture).colour
    crowd = min(1.0, (CROWD / max(1, len(points))) ** 0.5)  # thousands of dots must not hide what stands among them
    faint: Any = {"alpha": alpha * max(0.4, crowd), "markersize": 5 * max(0.5, crowd)}
    axes.plot(*points.T, ".", color=colour, markeredgewidth=0, zorder=1, **faint)
    draw_front(axes, front)
    for candidate in front.candidates:
        columns = [objective.on_test for objective in study.objectives]
        draw_candidate(axes, candidate, columns, filled=candidate in front.members)
    for candidate in front.flagged:
        draw_flagged(axes, candidate.means[0], candidate.means[1], candidate.architecture)


def _name_baselines(axes: Axes, study: Study, fronts: Fronts) -> None:
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    labels = [label for label in _baselines(study, fronts) if left <= label.x <= right and low <= label.y <= high]
    means = [(c.means[0], c.means[1]) for front in fronts for c in front.candidates]
    named = [(label.x, label.y) for label in labels]
    along = [point for front in fronts for point in along_front(front)]
    # Where nothing is confirmed the trials are all there is to see.
    trials = [] if means else [point for front in fronts for point in validation_points(study, front.architecture)]
    place(axes, labels, [*means, *named, *trials], PAPER, lines=along)


def _draw_success(axes: Axes, candidates: Sequence[Candidate], stars: Sequence[PaperPoint]) -> None:
    labels = [Label(x=s.test_error, y=s.success_rate, text=s.method, colour=STAR) for s in stars]
    for star in stars:
        axes.plot(star.test_error, star.success_rate, "*", color=STAR, markersize=9, markeredgewidth=0)
    for candidate in candidates:
        draw_candidate(axes, candidate, SUCCESS, filled=True)
        if candidate.label:
            x, y = _success(candidate)
            labels.append(Label(x=x, y=y, text=candidate.label, colour=look(candidate.architecture).letters))
    points = [*map(_success, candidates), *((s.test_error, s.success_rate) for s in stars)]
    place(axes, labels, points, PAPER)


def _success(candidate: Candidate) -> tuple[float, float]:
    x, y = (candidate.interval(column).mean for column in SUCCESS)
    return x, y


def _upward_axis(study: Study) -> str:
    """Names the second objective, and the adversary behind it where there is one."""
    objective, threat = study.objectives[1], study.config["threat_model"]
    radii, norm = ", ".join(f"{radius:.3g}" for radius in study.radii), norm_name(threat["norm"])
    under = {
        "robust_error": f" (mean over radii {radii}; {norm})",
        "label_disagreement": f" (of on-manifold adversarial examples; {norm}, η = {threat['eta']:g})",
    }
    return f"{objective.axis}{under.get(objective.name, '')}"


def model_names(study: Study, front: ConfirmedFront) -> str:
    """Returns an architecture with the widths and numbers of parameters that it has in the study."""
    kinds: set[tuple[float, int | None]] = {
        (row["width"], row["parameters"])
        for row in study.trials.select(["architecture", "width", "parameters"]).to_pylist()
        if row["architecture"] == front.architecture and row["width"] is not None
    }
    kinds |= {(candidate.width, candidate.parameters) for candidate in front.candidates}
    widths = sorted({width for width, _ in kinds} or {study.width(front.architecture)})
    sizes = [[size for width, size in kinds if width == each and size is not None] for each in widths]
    return " / ".join(model_name(front.architecture, *kind) for kind in zip(widths, sizes, strict=True))


def _models(study: Study, fronts: Fronts, *, lines: bool) -> list[Line2D]:
    return [
        model_handle(front.architecture, model_names(study, front), line=lines and bool(front.members))
        for front in fronts
    ]


def _meanings(study: Study, fronts: Fronts, *, several: bool) -> list[Line2D]:
    handles = []
    if any(front.members for front in fronts):
        handles.append(meaning_handle("o", "confirmed on test, on the front"))
    if any(len(front.members) < len(front.candidates) for front in fronts):
        handles.append(meaning_handle("o", "confirmed on test, dominated", hollow=True))
    if any(front.flagged for front in fronts):
        handles.append(meaning_handle("X", "doubtful under strong attacks", hollow=True))
    if len(validation_points(study)):
        handles.append(meaning_handle(".", "a trial, on validation", faint=True))
    if several and any(front.members for front in fronts):
        handles.append(pale_handle("the fronts of the other networks"))
    return handles


def _baselines(study: Study, fronts: Fronts) -> list[Label]:
    """Names the baselines at their confirmed points; faintly on validation where they have none."""
    confirmed = {c.trial_id: c for front in fronts for c in (*front.candidates, *front.flagged) if c.label}
    labels = [
        Label(x=c.means[0], y=c.means[1], text=c.label or "", colour=look(c.architecture).letters)
        for c in confirmed.values()
    ]
    shown = {front.architecture for front in fronts}
    columns = ["trial_id", "label", "architecture", *(objective.on_validation for objective in study.objectives)]
    for row in study.trials.select(columns).to_pylist():
        x, y = (row[objective.on_validation] for objective in study.objectives)
        unconfirmed = row["label"] and row["trial_id"] not in confirmed and row["architecture"] in shown
        if unconfirmed and x is not None and y is not None:
            colour = look(row["architecture"]).letters
            labels.append(Label(x=x, y=y, text=row["label"], colour=colour, alpha=0.55))
    return labels

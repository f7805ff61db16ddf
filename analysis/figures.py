"""The two pictures of a study, fit for print: the confirmed front, and the comparison with the paper."""

from typing import Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from analysis.drawing import (
    PAPER,
    STAR,
    along_front,
    draw_candidate,
    draw_front,
    in_style,
    legend,
    limits,
    look,
    meaning_handle,
    model_handle,
    model_name,
    new_axes,
    norm_name,
)
from analysis.front import OBJECTIVES, ConfirmedFront, confirmed_fronts
from analysis.labels import Label, place
from analysis.load import Study
from analysis.paper_reference import comparable_points

SUCCESS: Final = ("test_error", "test_success_rate")
Limits = tuple[float, float]


def pareto(study: Study) -> Figure:
    """Draws test error against robust error: all trials faintly, the confirmed candidates, their fronts."""
    fronts = confirmed_fronts(study)
    with in_style():
        split = "test" if any(front.candidates for front in fronts) else "validation"
        figure, axes = new_axes(f"{split} error", _robust_axis(study))
        xlim, ylim = visible_window(study)
        axes.set(xlim=xlim, ylim=ylim)
        for front in fronts:
            points = validation_points(study, front.architecture)
            colour = look(front.architecture).colour
            alpha = 0.4 if split == "test" else 0.8
            axes.plot(*points.T, ".", color=colour, alpha=alpha, markersize=5, markeredgewidth=0, zorder=1)
            draw_front(axes, front)
            for candidate in front.candidates:
                draw_candidate(axes, candidate, OBJECTIVES, filled=candidate in front.members)
        legend(axes, [*_models(study, fronts, lines=True), *_meanings(study, fronts)])
        labels = [label for label in _baselines(study, fronts) if _within(label.x, xlim) and _within(label.y, ylim)]
        means = [candidate.means for front in fronts for candidate in front.candidates]
        place(axes, labels, [*means, *(point for front in fronts for point in along_front(front))], PAPER)
        if not len(validation_points(study)):
            axes.text(0.5, 0.5, "no trial has given a point yet", transform=axes.transAxes, ha="center")
    return figure


def success(study: Study) -> Figure:
    """Draws test error against the success rate of the paper's attack, and the paper's points if they fit."""
    fronts = confirmed_fronts(study)
    shown = [c for front in fronts for c in front.candidates if SUCCESS[1] in c.values]
    stars = comparable_points(study).points
    with in_style():
        figure, axes = new_axes("test error", "success rate of the paper's attack")
        labels = [Label(x=s.test_error, y=s.success_rate, text=s.method, colour=STAR) for s in stars]
        for star in stars:
            axes.plot(star.test_error, star.success_rate, "*", color=STAR, markersize=9, markeredgewidth=0)
        means = []
        for candidate in shown:
            draw_candidate(axes, candidate, SUCCESS, filled=True)
            x, y = (candidate.interval(column).mean for column in SUCCESS)
            means.append((x, y))
            if candidate.label:
                labels.append(Label(x=x, y=y, text=candidate.label, colour=look(candidate.architecture).colour))
        every = np.asarray([*means, *((s.test_error, s.success_rate) for s in stars)]).reshape(-1, 2)
        axes.set(xlim=limits(every[:, 0]), ylim=limits(every[:, 1]))
        paper = [
            Line2D([], [], ls="", marker="*", color=STAR, markersize=9, label="conv as published (Stutz et al., 2019)")
        ]
        legend(axes, [*_models(study, fronts, lines=False), *(paper if stars else [])])
        place(axes, labels, every.tolist(), PAPER)
        if not len(every):
            axes.text(0.5, 0.5, "no success rate was measured", transform=axes.transAxes, ha="center")
    return figure


def validation_points(study: Study, architecture: str | None = None) -> NDArray[np.float64]:
    """Returns (error, robust error) on validation of the trials that have both, one row a trial."""
    columns = [study.trials[name].to_pylist() for name in ("architecture", "val_error", "val_robust_error")]
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
        for bars in ([candidate.spread(metric) for metric in OBJECTIVES] for candidate in front.candidates)
    ]
    trials = validation_points(study)
    central = np.quantile(trials, [0.0, 0.9], axis=0) if len(trials) else np.empty((0, 2))
    if not confirmed:
        central = trials
    across, upward = (
        limits(np.asarray([*(value for ends in confirmed for value in ends[axis]), *central[:, axis]]))
        for axis in (0, 1)
    )
    return across, upward


def trials_outside(study: Study) -> int:
    """Returns the number of trials that the figure of the front does not show, for the caption to say so."""
    points, window = validation_points(study), np.asarray(visible_window(study))
    return int(((points < window[:, 0]) | (points > window[:, 1])).any(axis=1).sum())


def _within(value: float, ends: Limits) -> bool:
    return ends[0] <= value <= ends[1]


def _robust_axis(study: Study) -> str:
    radii = ", ".join(f"{radius:.3g}" for radius in study.radii)
    return f"robust error (mean over radii {radii}; {norm_name(study.config['threat_model']['norm'])})"


def _models(study: Study, fronts: tuple[ConfirmedFront, ...], *, lines: bool) -> list[Line2D]:
    handles = []
    for front in fronts:
        kinds = {
            (row["width"], row["parameters"])
            for row in study.trials.select(["architecture", "width", "parameters"]).to_pylist()
            if row["architecture"] == front.architecture and row["width"] is not None
        }
        kinds |= {(candidate.width, candidate.parameters) for candidate in front.candidates}
        known = {kind for kind in kinds if kind[1] is not None} or kinds
        if known:
            names = sorted(model_name(front.architecture, *kind) for kind in known)
            handles.append(model_handle(front.architecture, " / ".join(names), line=lines and bool(front.members)))
    return handles


def _meanings(study: Study, fronts: tuple[ConfirmedFront, ...]) -> list[Line2D]:
    handles = []
    if any(front.members for front in fronts):
        handles.append(meaning_handle("o", "confirmed on test, on the front"))
    if any(len(front.members) < len(front.candidates) for front in fronts):
        handles.append(meaning_handle("o", "confirmed on test, dominated", hollow=True))
    if len(validation_points(study)):
        handles.append(meaning_handle(".", "a trial, on validation", faint=True))
    return handles


def _baselines(study: Study, fronts: tuple[ConfirmedFront, ...]) -> list[Label]:
    """Names the baselines at their confirmed points; faintly on validation where they have none."""
    confirmed = {c.trial_id: c for front in fronts for c in front.candidates if c.label}
    labels = [
        Label(x=c.means[0], y=c.means[1], text=c.label or "", colour=look(c.architecture).colour)
        for c in confirmed.values()
    ]
    for row in study.trials.to_pylist():
        x, y = row["val_error"], row["val_robust_error"]
        if row["label"] and row["trial_id"] not in confirmed and x is not None and y is not None:
            colour = look(row["architecture"]).colour
            labels.append(Label(x=x, y=y, text=row["label"], colour=colour, alpha=0.55))
    return labels

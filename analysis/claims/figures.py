"""One picture for each claim: curves over training sizes or over the test error, means over seeds."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.claims.asking import ERROR, NORMAL, ON_SUCCESS, STRONG, SUCCESS
from analysis.claims.grid import IN_IMAGE, Grid
from analysis.claims.measures import Curves, Pick
from analysis.claims.published import published
from analysis.drawing import INK, LOOKS, PAPER, Look, in_style
from analysis.statistics import spread

STRATEGIES: Final[Mapping[str, Look]] = {
    NORMAL: LOOKS["conv"],
    IN_IMAGE: LOOKS["mlp"],
    "OnTrue": LOOKS["resnet"],
    "OnLearned": LOOKS["resnet"],
    "OnData": LOOKS["resnet"],
    "AdvTrans": LOOKS["vgg"],
    "DataAugm": LOOKS["vit"],
}
KINDS: Final = {"regular": LOOKS["mlp"], "random": LOOKS["vit"], "on_manifold": LOOKS["conv"]}
SIZE: Final = "training examples"
Panel = Callable[[Axes], None]


def figures(grid: Grid) -> dict[str, Callable[[], Figure]]:
    """Returns what draws the claims' pictures, by the names of their files."""
    of_size, of_error = partial(_over_sizes, grid), partial(_over_errors, grid)
    on = "success on the manifold,\nthe paper's attack"
    strong, papers = "success of strong attacks,\nmean over radii", "success of the paper's attack"
    panels: dict[int, tuple[Panel, ...]] = {
        1: (partial(_departures, grid), partial(_angles, grid)),
        2: (partial(of_size, metric=ON_SUCCESS, upward=on),),
        3: (partial(of_error, metric=ON_SUCCESS, upward=on),),
        4: (partial(of_error, metric=STRONG, upward=strong), partial(of_error, metric=SUCCESS, upward=papers)),
        5: (
            partial(of_size, metric=ERROR, upward="test error"),
            partial(of_size, metric=ERROR, upward="test error", fixed="updates"),
        ),
    }
    return {f"claim-{number}-{grid.architecture}": partial(_drawn, each) for number, each in panels.items()}


def _drawn(panels: tuple[Panel, ...]) -> Figure:
    with in_style():
        figure = Figure(figsize=(3.4 * max(2, len(panels)), 2.9), layout="constrained", facecolor=PAPER)
        handles: dict[str, Line2D] = {}
        for axes, draw in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
            axes.spines[["top", "right"]].set_visible(False)
            axes.grid(color=INK, alpha=0.09, linewidth=0.5)
            draw(axes)
            handles |= {str(line.get_label()): line for line in axes.get_lines() if line.get_label()[0] != "_"}
        place: Any = {"loc": "outside right center", "handlelength": 2.2}
        figure.legend(handles=list(handles.values()), frameon=False, fontsize=7.5, **place)
    return figure


# -- panels ----------------------------------------------------------------------------------------------------------


def _over_sizes(grid: Grid, axes: Axes, *, metric: str, upward: str, fixed: str = "epochs") -> None:
    """Draws a metric over the training size, and the paper's values palely."""
    for method, curve in published(grid)(metric, fixed).items():
        if method in grid.methods:
            axes.plot(*zip(*sorted(curve.items()), strict=True), **_pale(method))
    for method in grid.methods:
        points = [(n, values) for n in grid.sizes if (values := _values(grid, metric, method, n, fixed))]
        _line(axes, [(float(n), values) for n, values in points], STRATEGIES[method], method)
    told = "" if fixed == "epochs" else f"\nas many updates as with {grid.sizes[-1]}"
    axes.set(xscale="log", xlabel=f"{SIZE}{told}", ylabel=upward)
    axes.set_ylim(bottom=0)
    _ticks(axes, grid)


def _over_errors(grid: Grid, axes: Axes, *, metric: str, upward: str) -> None:
    """Draws a metric over the test error, a line for each strategy from few examples to many."""
    theirs = published(grid)
    for method in grid.methods:
        error, own = (theirs(each, "epochs").get(method, {}) for each in (ERROR, metric))
        shared = sorted(set(error) & set(own))
        if shared:
            axes.plot([error[n] for n in shared], [own[n] for n in shared], **_pale(method))
        points = [(np.mean(_values(grid, ERROR, method, n)), _values(grid, metric, method, n)) for n in grid.sizes]
        _line(axes, [(float(x), values) for x, values in points if values], STRATEGIES[method], method)
    axes.set(xlabel="test error", ylabel=upward)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)


def _departures(grid: Grid, axes: Axes) -> None:
    _kinds(grid, axes, "departure", most=None)
    axes.set(ylabel="distance to the manifold,\npart of the perturbation's length")


def _angles(grid: Grid, axes: Axes) -> None:
    _kinds(grid, axes, "angle", most=180.0)
    axes.set_ylim(bottom=0)
    axes.set(ylabel="angle to the span of\n50 training images, degrees")


def _kinds(grid: Grid, axes: Axes, measure: str, most: float | None) -> None:
    for kind, style in KINDS.items():
        metric, name = f"{kind}_{measure}", kind.replace("_", "-")
        points = [(n, values) for n in grid.sizes if (values := _values(grid, metric, NORMAL, n))]
        _line(axes, [(float(n), values) for n, values in points], style, name, most=most)
    axes.set(xscale="log", xlabel=f"{SIZE}, Normal")
    _ticks(axes, grid)


# -- strokes ---------------------------------------------------------------------------------------------------------


def _line(
    axes: Axes, points: list[tuple[float, list[float]]], style: Look, name: str, most: float | None = 1.0
) -> None:
    """Draws means over seeds, with what an error bar shows of each; values lie in [0, most], or anywhere for None."""
    if not points:
        return
    bars = [(x, spread(values, most=most)) for x, values in points]
    axes.plot(
        [x for x, _ in bars], [bar.mean for _, bar in bars], color=style.colour, marker=style.marker, markersize=4.5,
        markeredgecolor=PAPER, markeredgewidth=0.5, linewidth=1.2, label=name, zorder=4,
    )  # fmt: skip
    for x, bar in bars:
        if bar.low is not None and bar.high is not None:
            axes.vlines(x, bar.low, bar.high, color=style.colour, alpha=0.45, linewidth=0.8, zorder=3)


def _pale(method: str) -> Any:
    style = STRATEGIES[method]
    return {"color": style.colour, "alpha": 0.45, "linewidth": 0.8, "linestyle": "--", "zorder": 2}


def _ticks(axes: Axes, grid: Grid) -> None:
    axes.set_xticks(grid.sizes, [f"{n:,}" for n in grid.sizes], minor=False)
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", labelsize=7, rotation=30 if len(grid.sizes) > 4 else 0)


def _values(grid: Grid, metric: str, method: str, size: int, fixed: str = "epochs") -> list[float]:
    """Returns a cell's values, one a seed that gave one."""
    found = (_at(grid.pick(seed), metric, method, size, fixed) for seed in grid.seeds)
    return [value for value in found if value is not None]


def _at(pick: Pick, metric: str, method: str, size: int, fixed: str) -> float | None:
    known: Curves = pick(metric, fixed)
    return known.get(method, {}).get(size)

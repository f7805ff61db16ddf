"""The picture of an evaluation: error against radius, and what makes one doubt it."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.drawing import INK, LOOKS, STAR, in_style
from analysis.formats import dataset_name, norm_name

KINDS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "worst": ("worst of all attacks", {"color": INK, "alpha": 0.16, "linewidth": 6, "solid_capstyle": "round"}),
    "white_box": ("with gradients", {"color": LOOKS["conv"].colour, "marker": "o", "markersize": 3.5}),
    "black_box": ("without gradients", {"color": LOOKS["mlp"].colour, "marker": "s", "markersize": 3.5, "ls": "--"}),
    "paper": ("the paper's attack", {"color": STAR, "marker": "^", "markersize": 3.5, "ls": ":"}),
}
"""Lines of a curve by the names of `evaluation.json`: what the legend calls them, and their looks."""
PLACES: Final = {
    "pixel": "radius in the image",
    "manifold": "radius on the manifold",
    "affine": "radius of transformations",
}
WIDTH: Final = 7.2  # inches
LINE: Final = 0.125  # inches of a line of text
LETTERS: Final = 132  # of a line
ALL_WELL: Final = "No sign of masked gradients or of a broken model was found."


def robustness(evaluation: Mapping[str, Any]) -> Figure:
    """Draws the error curves of an evaluation, a panel for each threat, and writes its flags below.

    Args:
        evaluation: what an `evaluation.json` holds.
    """
    threats: Mapping[str, Any] = evaluation["threats"]
    lines = flag_lines(evaluation["flags"])
    text = LINE * (len(lines) + 1)
    with in_style():
        figure = Figure(figsize=(WIDTH, 3.1 + text), layout="constrained")
        parts: NDArray[Any] = figure.subfigures(2, 1, height_ratios=[3.1, text], squeeze=False)
        above, below = parts[:, 0]
        panels: NDArray[Any] = above.subplots(1, len(threats), sharey=True, squeeze=False)[0]
        for axes, (name, under) in zip(panels, threats.items(), strict=True):
            _draw(axes, under)
            axes.set_xlabel(f"{PLACES[name]}, {norm_name(evaluation['threat_model']['norm'])}")
        panels[0].set_ylabel(f"error of {evaluation['attacked']:,} attacked images")
        look: Any = {"loc": "outside upper left", "ncols": 4, "frameon": False, "alignment": "left"}
        named = panels[0].get_legend_handles_labels()
        above.legend(*named, title=caption(evaluation), title_fontsize=8, **look)
        below.text(0.012, 1, "\n".join(lines), va="top", fontsize=7, linespacing=1.25)
    return figure


def caption(evaluation: Mapping[str, Any]) -> str:
    """Says what was evaluated, on what, and how hard."""
    how = evaluation["strength"]
    return (
        f"{evaluation['model']}, {dataset_name(evaluation['dataset'])}: test error {evaluation['error']:.3f}; "
        f"{how['steps']} gradient steps, {how['targets']} targets, {how['queries']} queries"
    )


def flag_lines(flags: Sequence[Mapping[str, str]]) -> list[str]:
    """Returns flags as lines of text, or the line that there are none."""
    if not flags:
        return [ALL_WELL]
    told = (f"{flag['name']}: {flag['evidence']}." for flag in flags)
    return [line for each in told for line in textwrap.wrap(each, LETTERS, subsequent_indent="    ")]


def _draw(axes: Axes, under: Mapping[str, Any]) -> None:
    curve = under["curve"]
    for kind, (label, look) in KINDS.items():
        axes.plot(curve["radii"], curve[kind], label=label, **{"linewidth": 1.1, **look})
    axes.axvline(under["radius"], color=INK, linewidth=0.6, alpha=0.5, zorder=0)
    axes.set(xlim=(0, None), ylim=(-0.02, 1.04))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=INK, alpha=0.09, linewidth=0.5)

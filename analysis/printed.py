"""Two figures for print: the losses along the fronts, and what the search had found for what it cost."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.cost import Control, Trace
from analysis.drawing import PAPER, in_style, look, model_handle
from analysis.findings import Findings
from analysis.panels import PRINT_WIDTH, new_sheet

PARTS: Final = ("#d3d7dc", "#9b7fc9", "#4b2e83", "#c7a6ff")
"""Colours of the parts of a mixture: no architecture's, and told apart by their lightness."""
ROW: Final = 0.17  # inches
MILLION: Final = 1e6


def mixtures(findings: Findings, weights: Mapping[str, Mapping[str, float]]) -> Figure:
    """Draws a bar of weights for every member of every front, from the lowest first objective to the lowest second.

    Args:
        findings: of a study with a confirmed front.
        weights: by trial, of its losses by name; they add up to 1.
    """
    fronts = [front for front in findings.fronts if front.members]
    with in_style():
        rows = [len(front.members) + 0.9 for front in fronts]
        figure = Figure(figsize=(PRINT_WIDTH, ROW * sum(rows) + 0.6), dpi=100, layout="constrained", facecolor=PAPER)
        panels: Any = figure.subplots(len(fronts), 1, squeeze=False, sharex=True, height_ratios=rows)[:, 0]
        for axes, front in zip(panels, fronts, strict=True):
            starts = np.zeros(len(front.members))
            for name, colour in zip(next(iter(weights.values())), PARTS, strict=False):
                lengths = np.asarray([weights[member.trial_id][name] for member in front.members])
                axes.barh(range(len(lengths)), lengths, left=starts, color=colour, height=0.72)
                starts = starts + lengths
            means = ["  ".join(f"{mean:.3f}" for mean in member.means) for member in front.members]
            names = [f"{member.name}   {told}" for member, told in zip(front.members, means, strict=True)]
            axes.set_yticks(range(len(names)), names, fontsize=7)
            axes.invert_yaxis()
            axes.set(xlim=(0, 1), xticks=[])
            axes.tick_params(axis="y", length=0)
            axes.spines[["top", "right", "bottom", "left"]].set_visible(False)
            axes.set_title(front.architecture, loc="left", fontsize=8.5, color=look(front.architecture).letters)
        parts = zip(next(iter(weights.values())), PARTS, strict=False)
        handles = [Patch(color=colour, linewidth=0, label=f"weight of {name}") for name, colour in parts]
        figure.legend(handles=handles, loc="outside lower left", ncols=4, frameon=False, fontsize=8)
    return figure


def costs(traces: Mapping[str, Trace], controls: Mapping[str, Control]) -> Figure:
    """Draws hypervolume on validation against gradient evaluations.

    Args:
        traces: by architecture, of the search; none of them empty.
        controls: of random search, by the same names, of which some may be missing.
    """
    with in_style():
        sheet = new_sheet(1, "gradient evaluations, millions", "hypervolume on validation")
        (axes,) = sheet.panels
        for name, found in controls.items():
            colour, at = look(name).colour, found.costs / MILLION
            axes.fill_between(at, found.low, found.high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(at, found.middle, ":", color=colour, linewidth=1)
        for name, trace in traces.items():
            steps: Any = {"drawstyle": "steps-post", "color": look(name).colour, "linewidth": 1.3}
            axes.plot(np.append(0.0, trace.costs) / MILLION, np.append(0.0, trace.volumes), **steps)
        axes.set(xlim=(0, None), ylim=(0, None))
        sheet.explain([model_handle(name, name, line=True) for name in traces])
    return sheet.figure

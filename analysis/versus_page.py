"""The page, the figure and the data of several studies beside each other."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.bands import draw_difference, window_of
from analysis.charts.cost import cost_chart
from analysis.charts.fronts import hue
from analysis.charts.versus import Window, difference_chart, overlaid_chart
from analysis.cost import Control, Trace, random_control, search_trace
from analysis.drawing import INK, PRINTED, STAR, in_style, look
from analysis.findings import Findings
from analysis.formats import DASH, number, plural, with_ends
from analysis.front import ConfirmedFront
from analysis.objectives import corner_of
from analysis.page import page
from analysis.panels import new_sheet
from analysis.pareto import staircase
from analysis.prose import NOTABLE, bars_meaning, conditions
from analysis.sections.section import Section
from analysis.versus import Versus, unlike

DASHES: Final = ("-", "--", ":", "-.")
PLACES: Final = 60  # costs at which random search is looked at
Side = tuple[int, Findings, ConfirmedFront]


def versus_page(
    every: Sequence[Findings],
    found: Sequence[Versus],
    refresh: int | None = None,
    printed: Sequence[str] = PRINTED,
) -> str:
    """Returns the page as HTML.

    Args:
        every: the studies, each with its letter.
        found: of every two of them.
        refresh: seconds after which a browser loads it anew, or None where it is final.
        printed: kinds of files that its figure lies beside it in.
    """
    sides = sides_of(every)
    parts = [_answer(every, found, sides), _overlaid(every, found, sides), *_costs(every)]
    title = " against ".join(findings.letter for findings in every)
    eyebrow = f"Disentangle · {plural(len(every), 'study').replace('studys', 'studies')} beside each other"
    return page(title, eyebrow, parts, every, refresh, printed)


def versus_figure(every: Sequence[Findings]) -> Figure:
    """Draws every architecture's fronts in all studies, on where the first two attain more than each other."""
    sides = sides_of(every)
    one, other = every[0].study.objectives
    with in_style():
        sheet = new_sheet(max(1, len(sides)), f"test {one.axis}", other.axis)
        if not sides:
            sheet.say("no candidate is confirmed")
            return sheet.figure
        window = window_of([front for own in sides.values() for _, _, front in own])
        sheet.set_limits(*window)
        for panel, (architecture, own) in enumerate(sides.items()):
            axes, colours = sheet.panels[panel], _colours(architecture)
            if [place for place, _, _ in own[:2]] == [0, 1]:
                draw_difference(axes, own[0][2], own[1][2], window, (colours[0], colours[1]))
            for place, _, front in own:
                corners = staircase([member.means for member in front.members], front.reference)
                axes.plot(*corners.T, DASHES[place % 4], color=colours[min(place, 3)], linewidth=1.4, zorder=3)
            sheet.name(panel, [Line2D([], [], color=colours[0], linewidth=1.4, label=architecture)])
        sheet.explain(_names(every))
    return sheet.figure


def sides_of(every: Sequence[Findings]) -> dict[str, list[Side]]:
    """Returns by architecture the studies that confirmed anything of it: place, study, front."""
    found: dict[str, list[Side]] = {}
    for place, findings in enumerate(every):
        for front in findings.fronts:
            if front.candidates:
                found.setdefault(front.architecture, []).append((place, findings, front))
    return found


def _colours(architecture: str) -> tuple[str, str, str, str]:
    return look(architecture).colour, INK, STAR, STAR


def _names(every: Sequence[Findings]) -> list[Artist]:
    return [
        Line2D([], [], color=INK, linestyle=DASHES[place % 4], linewidth=1.2, label=f"{each.letter}: {each.study.name}")
        for place, each in enumerate(every)
    ]


def _answer(every: Sequence[Findings], found: Sequence[Versus], sides: dict[str, list[Side]]) -> Section:
    """Returns which study leads by what its front dominates, network by network."""
    tested = [each for each in found if each.volumes is not None]
    return Section(
        name="answer",
        title="Summary",
        opens=True,
        content={
            "studies": [(findings.letter, findings.study.name, _in_short(findings)) for findings in every],
            "sentence": _sentence(tested, found),
            "unlike": unlike(every),
            "corner": corner_of(every[0].study.objectives),
            "tests": len(tested),
            "bars": bars_meaning([front for own in sides.values() for _, _, front in own]),
            "rows": [
                {
                    "hue": hue(architecture),
                    "name": architecture,
                    "volumes": [with_ends(_volume(own, place)) for place in range(len(every))],
                }
                for architecture, own in sides.items()
            ],
            "pairs": [_pair_row(each) for each in found],
        },
    )


def _in_short(findings: Findings) -> str:
    config = findings.study.config
    confirmed = f"{plural(len(findings.confirmed), 'candidate')} confirmed"
    return f"{plural(len(findings.study.trials), 'trial')} by {config.get('sampler', DASH)}, {confirmed}"


def _sentence(tested: Sequence[Versus], found: Sequence[Versus]) -> str:
    if not found:
        return "No network is confirmed in two of these studies, so nothing can be said of test data yet."
    if not tested:
        return "These studies share fewer than two fresh seeds, so their hypervolumes cannot be compared in pairs."
    apart = [
        f"{each.architecture}: {each.one if each.volumes.difference.mean > 0 else each.other} by "
        f"{abs(each.volumes.difference.mean):.3f}"
        for each in tested
        if each.volumes and each.volumes.adjusted <= NOTABLE
    ]
    how = f"at {100 * NOTABLE:g} %, paired over shared seeds, {plural(len(tested), 'comparison')} corrected by Holm"
    return f"Larger hypervolume ({how}): {'; '.join(apart)}." if apart else f"No difference was shown ({how})."


def _volume(own: Sequence[Side], place: int) -> Any:
    return next((front.hypervolume for at, _, front in own if at == place), None)


def _pair_row(each: Versus) -> dict[str, Any]:
    volumes = each.volumes
    return {
        "hue": hue(each.architecture),
        "name": each.architecture,
        "pair": f"{each.one} − {each.other}",
        "difference": with_ends(volumes.difference, "+.3f") if volumes else DASH,
        "seeds": len(each.seeds),
        "p": number(volumes.p if volumes else None, ".2g"),
        "holm": number(volumes.adjusted if volumes else None, ".2g"),
        "more": f"{each.attainment.gain:.3f}",
        "less": f"{each.attainment.loss:.3f}",
    }


def _overlaid(every: Sequence[Findings], found: Sequence[Versus], sides: dict[str, list[Side]]) -> Section:
    """Returns the fronts on the same axes, and where the first of every two attains more."""
    places = {findings.letter: place for place, findings in enumerate(every)}
    window: Window = window_of([front for own in sides.values() for _, _, front in own]) if sides else ((0, 1), (0, 1))
    fronts = {(place, front.architecture): front for own in sides.values() for place, _, front in own}
    return Section(
        name="overlaid",
        title="Fronts",
        content={
            "panels": [
                {"hue": hue(name), "name": name, "chart": overlaid_chart(own, window)} for name, own in sides.items()
            ],
            "differences": [
                {
                    "hue": hue(each.architecture),
                    "name": f"{each.architecture}: {each.one} against {each.other}",
                    "chart": difference_chart(
                        each.attainment,
                        fronts[places[each.one], each.architecture],
                        (places[each.one], places[each.other]),
                        window,
                    ),
                }
                for each in found
            ],
            "letters": [findings.letter for findings in every],
            "conditions": _conditions(every),
            "bars": bars_meaning([front for own in sides.values() for _, _, front in own]),
        },
    )


def _conditions(every: Sequence[Findings]) -> str:
    return " ".join(f"{findings.letter}: {conditions(findings.study)}" for findings in every)


def _costs(every: Sequence[Findings]) -> list[Section]:
    names = dict.fromkeys(name for findings in every for name in findings.study.architectures)
    panels = [{"hue": hue(name), "name": name, "chart": chart} for name in names if (chart := _cost(every, name))]
    if not panels:
        return []
    controlled = [each.letter for each in every if each.study.config.get("sampler") == "random"]
    letters = [findings.letter for findings in every]
    content = {"panels": panels, "controlled": controlled, "letters": letters}
    content |= {"corner": corner_of(every[0].study.objectives), "conditions": _conditions(every)}
    return [Section(name="costs", title="Cost", content=content)]


def _cost(every: Sequence[Findings], architecture: str) -> Markup:
    """Returns an architecture's hypervolume on validation against cost, a line a study."""
    traces: dict[str, Trace] = {}
    for findings in every:
        trace = search_trace(findings.study, architecture)
        if len(trace.costs) and trace.volumes[-1] > 0 and math.isfinite(trace.costs[-1]) and trace.costs[-1] > 0:
            traces[findings.letter] = trace
    if not traces:
        return Markup()
    controls: dict[str, Control] = {}
    for findings in every:
        if findings.letter in traces and findings.study.config.get("sampler") == "random":
            at = np.linspace(0, traces[findings.letter].costs[-1], PLACES)
            rng = np.random.default_rng(0)  # the same studies give the same page
            controls[findings.letter] = random_control(findings.study, architecture, rng, at=at)
    places = {findings.letter: f"study-{min(place, 3)}" for place, findings in enumerate(every)}
    return cost_chart(traces, controls, "gradient_evaluations", looks=places, hue=hue(architecture))

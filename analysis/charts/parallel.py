"""The chart of hyperparameters beside what they led to: an axis each, a line for every candidate."""

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from markupsafe import Markup

from analysis.charts.fronts import hue
from analysis.charts.svg import element, group, picture, polyline, text, trail
from analysis.findings import Findings
from analysis.front import Candidate

WIDTH, HEIGHT, TOP, BOTTOM = 1000.0, 300.0, 44.0, 240.0
NONE: Final = 272.0  # height of the line on which what has no value lies
LOGARITHMIC: Final = 20.0  # an axis whose ends lie so far apart, one a multiple of the other, is logarithmic
Values = Mapping[str, float | None]


def parallel_chart(findings: Findings, axes: Mapping[str, Values]) -> Markup:
    """Returns the chart of a study's candidates.

    Args:
        findings: of the study.
        axes: by name, a number for every trial, or None.
    """
    candidates = findings.confirmed
    first, second = findings.study.objectives
    means = [{c.trial_id: c.means[axis] for c in candidates} for axis in range(2)]
    every = {f"test {first.label}": means[0], **_varying(axes, candidates), f"test {second.label}": means[1]}
    places = np.linspace(46, WIDTH - 46, len(every)).tolist()
    heights = [_heights(values, candidates) for values in every.values()]
    lines = [
        _line(findings, candidate, [(x, own[candidate.trial_id]) for x, own in zip(places, heights, strict=True)])
        for candidate in sorted(candidates, key=lambda c: c.trial_id in findings.members)
    ]
    known = [[v for c in candidates if (v := values.get(c.trial_id)) is not None] for values in every.values()]
    drawn = [_axis(name, x, values) for name, x, values in zip(every, places, known, strict=True)]
    return picture(WIDTH, HEIGHT, "Hyperparameters of the candidates", [*drawn, *lines], class_="chart wide")


def _varying(axes: Mapping[str, Values], candidates: tuple[Candidate, ...]) -> dict[str, Values]:
    """Returns the axes on which candidates differ."""
    return {name: values for name, values in axes.items() if len({values[c.trial_id] for c in candidates}) > 1}


def _heights(values: Values, candidates: tuple[Candidate, ...]) -> dict[str, float]:
    known = [value for c in candidates if (value := values.get(c.trial_id)) is not None]
    scale = math.log if _is_logarithmic(known) else float
    low, high = (scale(end) for end in (min(known), max(known))) if known else (0.0, 1.0)
    found = {}
    for candidate in candidates:
        value = values.get(candidate.trial_id)
        part = 0.5 if value is None or high == low else (scale(value) - low) / (high - low)
        found[candidate.trial_id] = NONE if value is None else BOTTOM - part * (BOTTOM - TOP)
    return found


def _axis(name: str, x: float, known: list[float]) -> Markup:
    parts = [polyline(np.asarray([[x, TOP], [x, BOTTOM]]), class_="axis"), _title(name, x)]
    if known:
        parts.append(text(f"{max(known):.3g}", x, TOP - 6, class_="tick", text_anchor="middle"))
    if len(set(known)) > 1:
        parts.append(text(f"{min(known):.3g}", x, BOTTOM + 14, class_="tick", text_anchor="middle"))
    return group("axes", *parts)


def _title(name: str, x: float) -> Markup:
    one, _, other = name.rpartition(" ") if " of " not in name else name.partition(" of ")
    lines = [line for line in (one, other) if line]
    return group(
        "name",
        *(text(line, x, 12 + 12 * n, class_="tick strong", text_anchor="middle") for n, line in enumerate(lines)),
    )


def _line(findings: Findings, candidate: Candidate, points: list[tuple[float, float]]) -> Markup:
    on_front = candidate.trial_id in findings.members
    way = trail(np.asarray(points))
    parts = [
        element("path", d=way, fill="none", class_="hit-line"),
        element("path", d=way, fill="none", class_="strand"),
    ]
    kind = f"point strand-of {hue(candidate.architecture)} {'member' if on_front else 'dominated'}"
    said = f"{candidate.architecture} {candidate.name}"
    return group(
        kind, *parts, tabindex=0 if on_front else -1, role="img", aria_label=said, data_card=findings.card_id(candidate)
    )


def _is_logarithmic(known: list[float]) -> bool:
    return bool(known) and min(known) > 0 and max(known) / min(known) > LOGARITHMIC

"""The charts of fronts: an architecture's own, with all that is uncertain about it, and all of them together."""

import json
import math
from collections.abc import Sequence
from itertools import compress
from typing import Final

import numpy as np
from markupsafe import Markup

from analysis.attainment import BAND, surface, vorobev
from analysis.charts.plane import Plane
from analysis.charts.svg import dots, element, group, mark, picture, polyline, trail
from analysis.drawing import LOOKS, along_front, look
from analysis.figures import visible_window
from analysis.findings import Findings
from analysis.formats import number, spelt, with_ends
from analysis.front import Candidate, ConfirmedFront
from analysis.labels import Label
from analysis.pareto import staircase
from analysis.settings import titles

CELL: Final = 2.0  # pixels: of dots that lie so close together one is drawn
RING: Final = 8.0  # radius of the ring whose arc is a chance
Dot = tuple[float, float, list[str]]
"""A place, and what is said of the trial there."""


def hue(architecture: str) -> str:
    """Returns the name that the page's style has for an architecture's colour."""
    return f"of-{architecture if architecture in LOOKS else 'other'}"


def front_chart(findings: Findings, front: ConfirmedFront) -> Markup:
    """Returns an architecture's chart: trials, candidates with both intervals, bands, expectation, others' fronts."""
    study = findings.study
    plane = Plane(across=(window := visible_window(study))[0], upward=window[1])
    rows = _trial_rows(findings, front.architecture)
    layers = [
        _bands(plane, front) if len(front.seeds) > 1 else Markup(),
        group("others", *_others(plane, findings, front)),
        _trial_dots(plane, rows),
        front_line(plane, front, "front"),
        _expectation(plane, front) if len(front.seeds) > 1 else Markup(),
    ]
    points = [candidate_point(plane, findings, c) for c in (*front.flagged, *reversed(front.candidates))]
    names = _names(plane, front, rows)
    split = "test" if findings.pointed_at else "validation"
    one, other = (f"{split} {objective.axis}" for objective in study.objectives)
    label = f"{front.architecture}: {one} against {other}"
    parts = [plane.axes(one, other), plane.clipped(*layers), names, *points]
    return _asked(findings, plane, rows) + picture(
        plane.width, plane.height, label, parts, class_=f"chart {hue(front.architecture)}"
    )


def overview(findings: Findings) -> Markup:
    """Returns the chart of all confirmed fronts together; empty where there is none."""
    shown = [front for front in findings.fronts if front.members]
    if not shown:
        return Markup()
    points = [candidate.means for front in shown for candidate in front.members]
    ends = np.asarray([_ends(candidate) for front in shown for candidate in front.members]).reshape(-1, 2)
    low, high = ends.min(axis=0), ends.max(axis=0)
    room = np.maximum(0.06 * (high - low), 0.01)
    low, high = np.maximum(low - room, 0), high + room
    plane = Plane(across=(float(low[0]), float(high[0])), upward=(float(low[1]), float(high[1])))
    lines = [group(hue(front.architecture), front_line(plane, front, "front")) for front in shown]
    marks = [
        group(hue(front.architecture), candidate_point(plane, findings, candidate, ring=False))
        for front in shown
        for candidate in front.members
    ]
    one, other = (f"test {objective.axis}" for objective in findings.study.objectives)
    named = [candidate for front in shown for candidate in front.members if candidate.label]
    labels = [Label(x=c.means[0], y=c.means[1], text=c.label or "", colour=hue(c.architecture)) for c in named]
    along = np.concatenate([along_front(front) for front in shown])
    names = plane.named(labels, points, along[plane.inside(along)])
    parts = [plane.axes(one, other), plane.clipped(*lines), names, *marks]
    return picture(plane.width, plane.height, f"All fronts: {one} against {other}", parts, class_="chart")


def candidate_point(
    plane: Plane, findings: Findings, candidate: Candidate, columns: Sequence[str] = (), *, ring: bool = True
) -> Markup:
    """Returns a candidate's mean with both intervals, which says more when it is pointed at.

    Args:
        plane: that it lies in.
        findings: of its study.
        candidate: confirmed there.
        columns: the two that the axes measure; without any those of its objectives.
        ring: whether to draw its chance around it.
    """
    columns = columns or [objective.on_test for objective in candidate.objectives]
    across, up = (candidate.spread(column) for column in columns)
    ((x, y),) = plane.at([(across.mean, up.mean)]).tolist()
    chance = findings.chances.get(candidate.trial_id)
    parts = [element("circle", cx=x, cy=y, r=13, class_="hit")]
    if across.low is not None and across.high is not None:
        parts.append(polyline(plane.at([(across.low, up.mean), (across.high, up.mean)]), class_="bar"))
    if up.low is not None and up.high is not None:
        parts.append(polyline(plane.at([(across.mean, up.low), (across.mean, up.high)]), class_="bar"))
    if ring and chance and len(candidate.seeds) > 1:
        parts.append(element("path", d=_arc(x, y, chance.mean), fill="none", class_="ring"))
    parts.append(mark(look(candidate.architecture).marker, x, y, class_="mark"))
    if candidate.flags:
        parts.append(element("path", d=f"M{x - 3:.1f} {y - 3:.1f}l6 6m0-6l-6 6", class_="doubt"))
    names = [spelt(column.removeprefix("test_")) for column in columns]
    values = ", ".join(f"{name} {with_ends(bar)}" for name, bar in zip(names, (across, up), strict=True))
    said = f"{candidate.architecture} {candidate.name}: {values}; "
    said += f"chance to be on the front {chance.mean:.2f}" if chance else f"doubtful: {', '.join(candidate.flags)}"
    place = "member" if candidate.trial_id in findings.members else "doubtful" if candidate.flags else "dominated"
    return group(
        f"point {place}", *parts, tabindex=0, role="img", aria_label=said, data_card=findings.card_id(candidate)
    )


def _others(plane: Plane, findings: Findings, front: ConfirmedFront) -> list[Markup]:
    others = [other for other in findings.fronts if other is not front]
    return [group(hue(other.architecture), front_line(plane, other, "pale")) for other in others]


def front_line(plane: Plane, front: ConfirmedFront, kind: str) -> Markup:
    """Returns the border of what a front's means dominate, as the page's style knows it; empty where there is none."""
    corners = staircase([candidate.means for candidate in front.members], front.reference)
    return polyline(plane.at(corners), class_=kind) if len(corners) else Markup()


def _bands(plane: Plane, front: ConfirmedFront) -> Markup:
    """Returns what a quarter to three quarters of the seeds attain, and the border of what half of them do."""
    low, middle, high = (staircase(surface(front.values, part), front.reference) for part in BAND)
    if not len(low):
        return Markup()
    # Where too few seeds attain anything within the reference, the band ends there.
    end = plane.at(high if len(high) else [front.reference])
    area = element("path", d=f"{trail(plane.at(low))}L{trail(end[::-1])[1:]}Z", class_="band")
    return group("bands", area, *([polyline(plane.at(middle), class_="median")] if len(middle) else []))


def _expectation(plane: Plane, front: ConfirmedFront) -> Markup:
    border = staircase(vorobev(front.values, front.reference).surface, front.reference)
    return group("expectation", polyline(plane.at(border))) if len(border) else Markup()


def _trial_rows(findings: Findings, architecture: str) -> list[Dot]:
    """Returns an architecture's trials that have a point: both objectives on validation, and what is said of them."""
    names = [objective.on_validation for objective in findings.study.objectives]
    kept = ["trial_id", "label", "architecture", "state", *names]
    found = []
    for row in findings.study.trials.select(kept).to_pylist():
        x, y = (row[name] for name in names)
        if row["architecture"] == architecture and x is not None and y is not None and math.isfinite(x + y):
            state = (row["state"] or "").lower()
            told = [
                row["trial_id"],
                row["label"] or "",
                state,
                number(x),
                number(y),
                *findings.settings[row["trial_id"]],
            ]
            found.append((float(x), float(y), told))
    return found


def _thinned(plane: Plane, rows: Sequence[Dot]) -> list[Dot]:
    """Returns places in the picture with what is said of them, one for every cell that has a trial."""
    shown = [row for row, inside in zip(rows, plane.inside([row[:2] for row in rows]), strict=True) if inside]
    places = plane.at([row[:2] for row in shown])
    cells = np.floor(places / CELL).astype(int)
    _, first = np.unique(cells, axis=0, return_index=True) if len(cells) else ((), np.empty(0, dtype=int))
    return [(float(places[i, 0]), float(places[i, 1]), shown[i][2]) for i in sorted(first.tolist())]


def _trial_dots(plane: Plane, rows: Sequence[Dot]) -> Markup:
    places = np.asarray([row[:2] for row in _thinned(plane, rows)], dtype=np.float64).reshape(-1, 2)
    crowd = "crowd" if len(places) > 200 else None
    return group("trials", element("path", d=dots(places), class_=crowd))


def _asked(findings: Findings, plane: Plane, rows: Sequence[Dot]) -> Markup:
    """Returns what the page says of a dot that is pointed at, as data beside the picture."""
    labels = [objective.label for objective in findings.study.objectives]
    told = {
        "names": ["", "name", "state", *(f"{label}, validation" for label in labels), *titles(findings.study)],
        "rows": [[round(x, 1), round(y, 1), *said] for x, y, said in _thinned(plane, rows)],
    }
    # Safe: no `<` is left that could end the element.
    data = json.dumps(told, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return element("script", Markup(data), type="application/json", class_="dots")


def _names(plane: Plane, front: ConfirmedFront, rows: Sequence[Dot]) -> Markup:
    """Returns the baselines' names: beside their confirmed points, or on validation where there is none."""
    drawn = (*front.candidates, *front.flagged)
    points = [(c.means[0], c.means[1]) for c in drawn] or [(x, y) for x, y, _ in rows]
    labels = [Label(x=c.means[0], y=c.means[1], text=c.label, colour="") for c in drawn if c.label]
    if not drawn:
        labels = [Label(x=x, y=y, text=said[1], colour="") for x, y, said in rows if said[1]]
    inside = plane.inside([(label.x, label.y) for label in labels])
    return plane.named(list(compress(labels, inside)), points, along_front(front))


def _ends(candidate: Candidate) -> list[tuple[float, float]]:
    """Returns the lower left and the upper right corner of a candidate's intervals."""
    bars = [candidate.spread(objective.on_test) for objective in candidate.objectives]
    lows = [bar.mean if bar.low is None else bar.low for bar in bars]
    highs = [bar.mean if bar.high is None else bar.high for bar in bars]
    return [(lows[0], lows[1]), (highs[0], highs[1])]


def _arc(x: float, y: float, part: float) -> str:
    """Returns the directions of an arc that begins above a point and turns right by a part of a circle."""
    part = min(max(part, 0.0), 0.9999)
    turn = math.tau * part
    ends = [(x, y - RING), (x + RING * math.sin(turn), y - RING * math.cos(turn))]
    (x0, y0), (x1, y1) = ends
    return f"M{x0:.1f} {y0:.1f}A{RING} {RING} 0 {int(part > 0.5)} 1 {x1:.1f} {y1:.1f}"

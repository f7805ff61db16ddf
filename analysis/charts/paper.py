"""The chart of test error against the success rate of the paper's attack, with the paper's own points."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from analysis.charts.fronts import candidate_point, hue
from analysis.charts.plane import Plane
from analysis.charts.svg import group, mark, picture
from analysis.drawing import limits
from analysis.figures import SUCCESS
from analysis.findings import Findings
from analysis.front import Candidate, ConfirmedFront
from analysis.labels import Label
from analysis.panels import Limits
from analysis.paper_reference import PaperPoint

UPWARD = "success rate of the paper's attack"


def success_chart(
    findings: Findings, front: ConfirmedFront, stars: Sequence[PaperPoint], window: tuple[Limits, Limits]
) -> Markup:
    """Returns the chart of an architecture.

    Args:
        findings: of the study.
        front: the architecture's.
        stars: the paper's points to draw beside.
        window: limits of both axes.
    """
    plane = Plane(across=window[0], upward=window[1])
    shown = _measured(front)
    points = [candidate_point(plane, findings, candidate, SUCCESS, ring=False) for candidate in reversed(shown)]
    places = [(star.test_error, star.success_rate) for star in stars]
    published = [mark("*", x, y) for x, y in plane.at(places).tolist()]
    names = [Label(x=x, y=y, text=s.method, colour="") for s, (x, y) in zip(stars, places, strict=True)]
    labels = [Label(x=x, y=y, text=c.label, colour="") for c in shown if c.label for x, y in [_at(c)]]
    every = [*map(_at, shown), *places]
    parts = [
        plane.axes("test error", UPWARD),
        group("stars", *published, plane.named(names, every)),
        plane.named(labels, every),
        *points,
    ]
    label = f"{front.architecture}: test error against {UPWARD}"
    return picture(plane.width, plane.height, label, parts, class_=f"chart {hue(front.architecture)}")


def success_window(fronts: Sequence[ConfirmedFront], stars: Sequence[PaperPoint]) -> tuple[Limits, Limits]:
    """Returns limits of both axes that all architectures' points and the paper's fit into."""
    ours = [_at(candidate) for front in fronts for candidate in _measured(front)]
    every = np.asarray([*ours, *((star.test_error, star.success_rate) for star in stars)]).reshape(-1, 2)
    return limits(every[:, 0]), limits(every[:, 1])


def _measured(front: ConfirmedFront) -> list[Candidate]:
    return [candidate for candidate in front.candidates if SUCCESS[1] in candidate.values]


def _at(candidate: Candidate) -> tuple[float, float]:
    x, y = (candidate.interval(column).mean for column in SUCCESS)
    return x, y

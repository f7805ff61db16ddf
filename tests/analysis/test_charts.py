import re

import numpy as np
import pytest

from analysis.charts.plane import Plane
from analysis.charts.svg import element, mark, text, trail
from analysis.labels import Label

PLANE = Plane(across=(0.0, 1.0), upward=(0.2, 0.6), width=120, height=110, left=10, right=10, top=5, bottom=5)


def test_text_of_a_study_is_escaped_in_elements_and_attributes() -> None:
    made = element("text", "<b>&", aria_label='"><script>')

    assert made == '<text aria-label="&#34;&gt;&lt;script&gt;">&lt;b&gt;&amp;</text>'


def test_numbers_have_a_digit_after_the_point_and_no_negative_zero() -> None:
    assert trail(np.asarray([[1.0, -0.04], [-0.26, 12.345]])) == "M1 0L-.3 12.3"
    assert 'transform="translate(2 3.5)"' in mark("o", 2.0, 3.5)


def test_points_lie_where_the_axes_say() -> None:
    assert PLANE.at([(0.0, 0.2), (1.0, 0.6), (0.5, 0.4)]).round(6).tolist() == [[10, 105], [110, 5], [60, 55]]
    assert PLANE.inside([(0.0, 0.2), (1.0, 0.6), (1.01, 0.4), (0.5, 0.19)]).tolist() == [True, True, False, False]


def test_ticks_stand_at_the_values_that_they_name() -> None:
    made = str(PLANE.axes("error", "robust error"))

    ticks = re.findall(r'<text x="([\d.]+)" y="([\d.]+)" class="tick" text-anchor="(\w+)">([\d.]+)</text>', made)
    assert {value for *_, anchor, value in ticks if anchor == "end"} >= {"0.2", "0.4", "0.6"}
    for x, y, anchor, value in ticks:
        if anchor == "middle":
            assert float(x) == pytest.approx(10 + 100 * float(value), abs=0.06)
        else:
            assert float(y) - 4 == pytest.approx(105 - 100 * (float(value) - 0.2) / 0.4, abs=0.06)


def test_names_cover_neither_points_nor_each_other() -> None:
    wide = Plane(across=(0.0, 1.0), upward=(0.0, 1.0))
    labels = [Label(x=0.5, y=0.5, text="Reg+OnTrue", colour=""), Label(x=0.51, y=0.52, text="OnTrue", colour="")]
    points = [(0.5, 0.5), (0.51, 0.52), (0.45, 0.5)]

    made = str(wide.named(labels, points))

    places = [(float(x), float(y) - 4) for x, y in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"', made)]
    halves = [(5.9 * len(label.text) / 2, 6.5) for label in labels]
    for (x, y), (across, up) in zip(places, halves, strict=True):
        for px, py in wide.at(points).tolist():
            assert abs(px - x) > across or abs(py - y) > up
    (one, other), (half, another) = places, halves
    assert abs(one[0] - other[0]) > half[0] + another[0] or abs(one[1] - other[1]) > half[1] + another[1]


def test_a_line_of_text_is_text() -> None:
    assert text("50 % & more", 1.0, 2.0, class_="tick") == '<text x="1" y="2" class="tick">50 % &amp; more</text>'

"""The figure of an evaluation."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from analysis.drawing import rendered
from analysis.robustness import ALL_WELL, KINDS, flag_lines, robustness


def evaluation(*threats, flags=0):
    radii = [0.0, 0.1, 0.2, 0.3, 0.45, 1.0]
    curve = {"radii": radii, "whole": 1.0, "worst": [0.1, 0.2, 0.4, 0.6, 0.9, 1.0]}
    curve |= {"white_box": [0.1, 0.2, 0.4, 0.6, 0.9, 1.0], "black_box": [0.1, 0.1, 0.3, 0.5, 0.8, 1.0]}
    curve |= {"paper": [0.1, 0.1, 0.2, 0.2, 0.2, 0.2]}
    return {
        "model": "conv-0000-7",
        "dataset": {"dataset": "fonts", "variant": "hard"},
        "error": 0.123,
        "attacked": 1000,
        "threat_model": {"norm": "linf", "epsilon": 0.3, "eta": 0.2},
        "strength": {"name": "standard", "steps": 100, "targets": 9, "queries": 4000},
        "threats": {name: {"radius": 0.3, "curve": curve} for name in threats},
        "flags": [{"name": f"flag_{k}", "evidence": "what was measured, " * 12} for k in range(flags)],
    }


def texts(figure):
    return [text.get_text() for part in (figure, *figure.subfigs) for text in part.texts]


@pytest.mark.parametrize("threats", [("pixel",), ("pixel", "affine"), ("pixel", "manifold", "affine")])
def test_every_threat_has_a_panel_with_all_kinds_of_attacks(threats):
    figure = robustness(evaluation(*threats))

    assert len(figure.axes) == len(threats)
    for axes in figure.axes:
        drawn = [line for line in axes.get_lines() if not line.get_label().startswith("_")]
        assert [line.get_label() for line in drawn] == [label for label, _ in KINDS.values()]
        np.testing.assert_array_equal(drawn[1].get_ydata(), [0.1, 0.2, 0.4, 0.6, 0.9, 1.0])
    assert figure.axes[0].get_xlabel() == "radius in the image, L∞"
    assert figure.axes[0].get_ylabel() == "error of 1,000 attacked images"


def test_flags_stand_below_and_are_not_cut_off():
    figure = robustness(evaluation("pixel", flags=4))
    (below,) = [text for text in figure.subfigs[1].texts if "flag_3" in text.get_text()]
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    box, page = below.get_window_extent(renderer), figure.bbox

    assert page.x0 <= box.x0
    assert box.x1 <= page.x1
    assert page.y0 <= box.y0
    lowest = min(axes.get_tightbbox(renderer).y0 for axes in figure.axes)
    assert box.y1 <= lowest


def test_without_flags_it_says_so():
    assert flag_lines([]) == [ALL_WELL]
    assert any(ALL_WELL in text for text in texts(robustness(evaluation("pixel"))))


def test_the_same_evaluation_gives_the_same_picture():
    first, second = (rendered(robustness(evaluation("pixel", flags=1)), "svg") for _ in range(2))

    assert first == second

from pathlib import Path

import numpy as np
import pytest
from matplotlib.collections import QuadMesh

import analysis
from analysis.attainment import surface
from analysis.bands import bands
from analysis.drawing import look
from analysis.front import confirmed_fronts
from tests.analysis.synthetic import write_study

THREE = ("conv", "mlp", "resnet")


@pytest.fixture
def study(tmp_path: Path) -> analysis.Study:
    return analysis.load(write_study(tmp_path, THREE, seeds=4))


def test_every_network_has_a_panel_with_its_median(study: analysis.Study) -> None:
    panels = bands(study).axes

    for axes, front in zip(panels, confirmed_fronts(study), strict=False):
        (median,) = [line for line in axes.lines if line.get_color() == look(front.architecture).colour]
        corners = set(zip(*median.get_data(), strict=True))
        assert {tuple(corner) for corner in surface(front.values)} <= corners
        assert axes.get_legend().get_texts()[0].get_text() == f"{front.architecture}, 4 seeds"


def test_the_band_holds_the_median(study: analysis.Study) -> None:
    axes, front = bands(study).axes[0], confirmed_fronts(study)[0]
    (band,) = axes.collections

    outline = band.get_paths()[0]
    inside = [outline.contains_point(corner, radius=1e-6) or outline.contains_point(corner, radius=-1e-6)
              for corner in surface(front.values)[1:-1]]  # fmt: skip
    assert np.mean(inside) > 0.9


def test_the_last_panel_compares_the_two_largest_or_whom_one_asks_for(study: analysis.Study) -> None:
    best = sorted(confirmed_fronts(study), key=lambda front: -np.mean(front.volumes))[:2]

    for pair, names in ((None, [front.architecture for front in best]), (("mlp", "conv"), ["mlp", "conv"])):
        panel = bands(study, pair).axes[3]
        assert [text.get_text() for text in panel.get_legend().get_texts()] == [f"more of {name}" for name in names]
        assert any(isinstance(drawn, QuadMesh) for drawn in panel.collections)


def test_a_network_that_is_not_confirmed_cannot_be_compared(study: analysis.Study) -> None:
    with pytest.raises(ValueError, match=r"two of conv, mlp, resnet confirmed fronts; got \('conv', 'vit'\)"):
        bands(study, ("conv", "vit"))


def test_one_network_has_no_comparison_and_an_unconfirmed_study_no_bands(tmp_path: Path) -> None:
    alone = bands(analysis.load(write_study(tmp_path / "one", ("conv",))))
    empty = bands(analysis.load(write_study(tmp_path / "none", seeds=0)))

    assert len(alone.axes) == 1
    assert [text.get_text() for text in empty.axes[0].texts] == ["no candidate is confirmed"]

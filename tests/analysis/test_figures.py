from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation

import analysis
from analysis.drawing import LOOKS, model_name
from analysis.figures import pareto, success, trials_outside, validation_points, visible_window
from analysis.front import OBJECTIVES, confirmed_fronts
from tests.analysis.synthetic import write_study


def names_in(figure: Figure) -> list[Annotation]:
    return [text for text in figure.axes[0].texts if isinstance(text, Annotation) and text.get_text()]


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_axes_name_the_errors_the_radii_and_the_norm(run_dir: Path) -> None:
    axes = pareto(analysis.load(run_dir)).axes[0]

    assert axes.get_xlabel() == "test error"
    assert axes.get_ylabel() == "robust error (mean over radii 0.075, 0.15, 0.225, 0.3; L∞)"


def test_every_baseline_is_named_once_per_architecture(run_dir: Path) -> None:
    names = [text.get_text() for text in names_in(pareto(analysis.load(run_dir)))]

    assert sorted(names) == sorted(["Normal", "RegAdv", "OnTrue", "Reg+OnTrue", "RegAdv weak", "RandTrue"] * 2)


@pytest.mark.parametrize("draw", [pareto, success])
def test_names_do_not_cover_each_other(tmp_path: Path, draw: Callable[[analysis.Study], Figure]) -> None:
    figure = draw(analysis.load(write_study(tmp_path, architectures=tuple(LOOKS), trials=30, seeds=3)))
    renderer = FigureCanvasAgg(figure).get_renderer()

    boxes = [Annotation.get_window_extent(text, renderer).shrunk(0.9, 0.8) for text in names_in(figure)]

    assert len(boxes) >= 30
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_before_the_confirmation_baselines_are_named_faintly(tmp_path: Path) -> None:
    figure = pareto(analysis.load(write_study(tmp_path, seeds=0)))

    assert figure.axes[0].get_xlabel() == "validation error"
    assert {text.get_alpha() for text in names_in(figure)} == {0.55}


def test_the_axes_show_every_confirmed_point_with_its_bars(run_dir: Path) -> None:
    study = analysis.load(run_dir)
    window = visible_window(study)

    for candidate in (c for front in confirmed_fronts(study) for c in front.candidates):
        for metric, (low, high) in zip(OBJECTIVES, window, strict=True):
            assert low < min(candidate.values[metric]) <= max(candidate.values[metric]) < high


def test_trials_outside_the_axes_are_counted(run_dir: Path, rewrite: Callable[..., None]) -> None:
    worst = {"trial_id": "conv-023", "val_error": 1.0, "val_robust_error": 1.0}
    rewrite(run_dir, "trials", lambda row: worst if row["trial_id"] == "conv-023" else {})

    study = analysis.load(run_dir)

    assert len(validation_points(study)) > trials_outside(study) >= 1


def test_the_legend_gives_width_and_parameters(tmp_path: Path) -> None:
    figure = pareto(analysis.load(write_study(tmp_path, architectures=("conv", "resnet"))))

    assert legend_of(figure)[:2] == ["conv, 103k parameters", "resnet ×1/8, 45k parameters"]


@pytest.mark.parametrize(
    ("width", "parameters", "name"),
    [(1.0, 999, "vit, 999 parameters"), (2.0, 2_913_290, "vit ×2, 2.91M parameters"), (0.5, None, "vit ×1/2")],
)
def test_models_are_named_by_width_and_size(width: float, parameters: int | None, name: str) -> None:
    assert model_name("vit", width, parameters) == name


def test_the_papers_points_are_drawn_where_they_can_be_compared(run_dir: Path) -> None:
    assert "conv as published (Stutz et al., 2019)" in legend_of(success(analysis.load(run_dir)))


def test_the_papers_points_are_missing_at_another_radius(tmp_path: Path) -> None:
    folder = write_study(tmp_path, threat_model={"norm": "linf", "epsilon": 0.2, "eta": 0.3})

    assert len(legend_of(success(analysis.load(folder)))) == 2


def test_a_study_without_a_single_point_is_drawn_as_such(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, seeds=0)
    rewrite(folder, "trials", lambda _: {"state": "INFEASIBLE", "val_error": None, "val_robust_error": np.nan})

    (note,) = [text.get_text() for text in pareto(analysis.load(folder)).axes[0].texts]

    assert note == "no trial has given a point yet"

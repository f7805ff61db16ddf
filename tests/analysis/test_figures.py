from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from numpy.typing import NDArray

import analysis
from analysis.drawing import LOOKS, PAPER, look, model_name
from analysis.figures import pareto, success, trials_outside, validation_points, visible_window
from analysis.front import confirmed_fronts
from analysis.page import DARK
from tests.analysis.synthetic import BASELINES, data_json, write_study

FOUR = ("conv", "mlp", "resnet", "vgg")
# How colours look without one kind of cones (Machado, Oliveira and Fernandes 2009, severity 1), in linear RGB.
BLINDNESS = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def names_in(axes: Axes) -> list[Annotation]:
    return [text for text in axes.texts if isinstance(text, Annotation) and text.get_text()]


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def linear(colour: str) -> NDArray[np.float64]:
    parts = np.asarray([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    to_xyz = np.asarray([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    parts = to_xyz @ rgb.clip(0, 1) / [0.9505, 1.0, 1.089]
    x, y, z = np.where(parts > 0.008856, np.cbrt(parts), 7.787 * parts + 16 / 116)
    return np.asarray([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(first: str, second: str) -> float:
    dim, bright = sorted(float(np.dot([0.2126, 0.7152, 0.0722], linear(colour))) for colour in (first, second))
    return (bright + 0.05) / (dim + 0.05)


def test_the_axes_name_the_errors_the_radii_and_the_norm(run_dir: Path) -> None:
    axes = pareto(analysis.load(run_dir)).axes[0]

    assert axes.get_xlabel() == "test error"
    assert axes.get_ylabel() == "robust error (mean over radii 0.075, 0.15, 0.225, 0.3; L∞)"


def test_every_baseline_is_named_once_per_architecture(run_dir: Path) -> None:
    names = [text.get_text() for text in names_in(pareto(analysis.load(run_dir)).axes[0])]

    assert sorted(names) == sorted(BASELINES["manifold"] * 2)


@pytest.mark.parametrize("draw", [pareto, success])
@pytest.mark.parametrize("count", [2, 5])
def test_names_cover_neither_each_other_nor_leave_their_panel(
    tmp_path: Path, draw: Callable[[analysis.Study], Figure], count: int
) -> None:
    figure = draw(analysis.load(write_study(tmp_path, architectures=tuple(LOOKS)[:count], trials=30, seeds=3)))
    renderer = FigureCanvasAgg(figure).get_renderer()

    boxes = {
        Annotation.get_window_extent(text, renderer).shrunk(0.9, 0.8): axes.bbox
        for axes in figure.axes
        for text in names_in(axes)
    }

    assert len(boxes) >= 6 * count
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
    assert all(panel.containsx(box.x0) and panel.containsx(box.x1) for box, panel in boxes.items())


@pytest.mark.parametrize(("count", "panels"), [(1, 1), (2, 1), (3, 3), (4, 4), (5, 5)])
def test_more_than_two_architectures_have_a_panel_each(tmp_path: Path, count: int, panels: int) -> None:
    figure = pareto(analysis.load(write_study(tmp_path, architectures=tuple(LOOKS)[:count], trials=6)))

    assert len([axes for axes in figure.axes if axes.lines]) == panels


def test_panels_share_their_axes_and_name_their_own_baselines(tmp_path: Path) -> None:
    panels = pareto(analysis.load(write_study(tmp_path, FOUR, dataset=data_json("fashion", None)))).axes

    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in panels}) == 1
    for architecture, axes in zip(FOUR, panels, strict=True):
        assert sorted(text.get_text() for text in names_in(axes)) == sorted(BASELINES["affine"])
        assert {text.get_color() for text in names_in(axes)} == {look(architecture).letters}


def test_a_panel_repeats_the_fronts_of_the_others_palely(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, FOUR))
    panel = pareto(study).axes[1]

    steps = {line.get_color(): line for line in panel.lines if line.get_linestyle() == "-"}
    assert set(steps) == {look(architecture).colour for architecture in FOUR}
    assert {colour for colour, line in steps.items() if line.get_alpha() > 0.5} == {look("mlp").colour}
    for front in confirmed_fronts(study):
        corners = set(zip(*steps[look(front.architecture).colour].get_data(), strict=True))
        assert {candidate.means for candidate in front.members} <= corners


def test_the_titles_of_panels_give_width_and_parameters(tmp_path: Path) -> None:
    figure = pareto(analysis.load(write_study(tmp_path, ("conv", "resnet", "vit"))))

    titles = [axes.get_legend().get_texts()[0].get_text() for axes in figure.axes[:3]]
    assert titles == ["conv, 103k parameters", "resnet ×1/8, 45k parameters", "vit ×1/4, 52k parameters"]


def test_what_points_mean_stands_in_the_place_that_three_panels_leave(tmp_path: Path) -> None:
    figure = pareto(analysis.load(write_study(tmp_path, ("conv", "resnet", "vit"))))

    meanings = [text.get_text() for text in figure.axes[3].get_legend().get_texts()]
    assert meanings[-1] == "the fronts of the other networks"
    assert not figure.legends


@pytest.mark.parametrize("draw", [pareto, success])
@pytest.mark.parametrize("count", [2, 3, 4])
def test_nothing_written_around_the_panels_is_cut_off(
    tmp_path: Path, draw: Callable[[analysis.Study], Figure], count: int
) -> None:
    threat = {"norm": "l2", "epsilon": 1.5, "eta": 0.3}  # has the longest list of radii
    figure = draw(analysis.load(write_study(tmp_path, FOUR[:count], trials=8, threat_model=threat)))
    renderer = FigureCanvasAgg(figure).get_renderer()

    texts = [figure.axes[0].yaxis.label, *(text for text in figure.texts if text.get_text()), *figure.legends]
    assert len(texts) >= 2
    for box in (text.get_window_extent(renderer) for text in texts):
        assert figure.bbox.x0 <= box.x0 <= box.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= box.y0 <= box.y1 <= figure.bbox.y1


@pytest.mark.parametrize("shades", [{name: style.colour for name, style in LOOKS.items()}, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_architectures_are_told_apart_without_any_kind_of_cones(shades: dict[str, str], blindness: str) -> None:
    seen = [lab(np.asarray(BLINDNESS[blindness]) @ linear(shades[name])) for name in LOOKS]

    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 12  # 2.3 is just noticeable


def test_every_architecture_has_a_marker_of_its_own_and_letters_that_can_be_read() -> None:
    assert len({style.marker for style in LOOKS.values()}) == len(LOOKS)
    assert min(contrast(style.letters, PAPER) for style in LOOKS.values()) > 4.5  # WCAG 2, small text


def test_before_the_confirmation_baselines_are_named_faintly(tmp_path: Path) -> None:
    figure = pareto(analysis.load(write_study(tmp_path, seeds=0)))

    assert figure.axes[0].get_xlabel() == "validation error"
    assert {text.get_alpha() for text in names_in(figure.axes[0])} == {0.55}


def test_the_axes_show_every_confirmed_point_with_its_bars(run_dir: Path) -> None:
    study = analysis.load(run_dir)
    window = visible_window(study)

    for candidate in (c for front in confirmed_fronts(study) for c in front.candidates):
        for objective, (low, high) in zip(study.objectives, window, strict=True):
            values = candidate.values[objective.on_test]
            assert low < min(values) <= max(values) < high


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
    [
        (1.0, (999,), "vit, 999 parameters"),
        (2.0, (2_913_290, 2_913_290), "vit ×2, 2.91M parameters"),
        (0.5, (), "vit ×1/2"),
        (0.25, (90_000, 11_000, 400_000), "vit ×1/4, 11k to 400k parameters"),
    ],
)
def test_models_are_named_by_width_and_size(width: float, parameters: tuple[int, ...], name: str) -> None:
    assert model_name("vit", width, parameters) == name


def test_the_papers_points_are_drawn_where_they_can_be_compared(run_dir: Path) -> None:
    assert "conv as published (Stutz et al., 2019)" in legend_of(success(analysis.load(run_dir)))


def test_the_papers_points_stand_in_the_panel_of_conv(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, ("mlp", "conv", "vgg"), dataset=data_json("emnist", "digits")))

    stars = [[line for line in axes.lines if line.get_marker() == "*"] for axes in success(study).axes[:3]]
    assert [len(found) for found in stars] == [0, 6, 0]


def test_the_papers_points_are_missing_at_another_radius(tmp_path: Path) -> None:
    folder = write_study(tmp_path, threat_model={"norm": "linf", "epsilon": 0.2, "eta": 0.3})

    assert len(legend_of(success(analysis.load(folder)))) == 2


def test_a_study_without_a_single_point_is_drawn_as_such(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, seeds=0)
    rewrite(folder, "trials", lambda _: {"state": "INFEASIBLE", "val_error": None, "val_robust_error": np.nan})

    (note,) = [text.get_text() for text in pareto(analysis.load(folder)).axes[0].texts]

    assert note == "no trial has given a point yet"

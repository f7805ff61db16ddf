from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.paper_reference import comparable_points, paper_points, paper_values
from tests.analysis.synthetic import data_json, write_study


def comparison(folder: Path, **changes: Any) -> tuple[list[str], str]:
    found = comparable_points(analysis.load(write_study(folder, architectures=("conv",), trials=6, **changes)))
    return [point.method for point in found.points], found.reason


def test_every_published_number_is_a_fraction() -> None:
    assert len(paper_values()) == 1028
    assert all(0 <= entry.value <= 1 for entry in paper_values())


def test_a_raw_coordinate_is_preferred_to_a_digitised_one() -> None:
    normal = paper_points("fonts", "conv", 1000)["Normal"]

    assert (normal.test_error, normal.success_rate, normal.provenance) == (0.4953, 0.9969, "exact")


def test_a_method_of_the_trade_off_figure_alone_is_found() -> None:
    assert paper_points("fonts", "conv", 1000)["Reg+OnTrue"].provenance == "digitised, trade-off figure"


def test_the_paper_has_no_points_at_other_numbers_of_images() -> None:
    assert paper_points("fonts", "conv", 1234) == {}


def test_methods_without_a_learned_manifold_are_compared(tmp_path: Path) -> None:
    methods, reason = comparison(tmp_path)

    assert {"Normal", "RegAdv", "OnTrue", "Reg+OnTrue", "RegAdv weak", "RandTrue"} <= set(methods)
    assert "OnLearned" not in methods
    assert reason == ""


def test_emnist_digits_are_compared_with_the_papers_transformations(tmp_path: Path) -> None:
    methods, reason = comparison(tmp_path, dataset=data_json("emnist", "digits"))

    assert methods == ["Normal", "RegAdv", "RegAdv weak", "AdvTrans", "Reg+AdvTrans", "DataAugm"]
    assert reason == ""


def test_a_study_is_compared_with_points_of_its_own_data_set(tmp_path: Path) -> None:
    folder = write_study(tmp_path, ("conv",), dataset=data_json("emnist", "digits", n_train=5000))
    points = {point.method: point for point in comparable_points(analysis.load(folder)).points}

    assert points == {name: paper_points("emnist", "conv", 5000)[name] for name in points}
    assert (points["RegAdv"].test_error, points["RegAdv"].success_rate) == (0.0174, 0.1039)


def test_a_study_without_conv_is_not_compared(tmp_path: Path) -> None:
    found = comparable_points(analysis.load(write_study(tmp_path, ("mlp", "resnet"), trials=6)))

    assert (found.points, "conv is confirmed at full width" in found.reason) == ((), True)


KNOWN = "the data set is FONTS (hard) or EMNIST digits, not"
DIFFERENCES = [
    ({"threat_model": {"norm": "linf", "epsilon": 0.2, "eta": 0.3}}, "epsilon is 0.3, not 0.2"),
    ({"threat_model": {"norm": "l2", "epsilon": 0.3, "eta": 0.3}}, "the norm is L∞, not L2"),
    ({"threat_model": {"norm": "linf", "epsilon": 0.3, "eta": 0.1}}, "eta is 0.3, not 0.1"),
    ({"dataset": data_json("fonts", "easy")}, f"{KNOWN} FONTS (easy)"),
    ({"dataset": data_json("emnist", "letters")}, f"{KNOWN} EMNIST letters"),
    ({"dataset": data_json("mnist", None)}, f"{KNOWN} MNIST"),
    ({"dataset": data_json("fashion", None)}, f"{KNOWN} Fashion-MNIST"),
    ({"dataset": data_json("celeba", None)}, f"{KNOWN} CelebA"),
    ({"dataset": data_json("fonts", "hard", n_train=1234)}, "the paper has points for 1234 training images"),
    ({"seeds": 0}, "conv is confirmed at full width"),
]


@pytest.mark.parametrize(("changes", "reason"), DIFFERENCES)
def test_any_difference_to_the_paper_forbids_the_comparison(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    methods, given = comparison(tmp_path, **changes)

    assert methods == []
    assert given == f"they could be compared only if {reason}"

from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.paper_reference import comparable_points, paper_points, paper_values
from tests.analysis.synthetic import study_json, write_study


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


DATASET = study_json()["dataset"]
DIFFERENCES = [
    ({"threat_model": {"norm": "linf", "epsilon": 0.2, "eta": 0.3}}, "epsilon is 0.3, not 0.2"),
    ({"threat_model": {"norm": "l2", "epsilon": 0.3, "eta": 0.3}}, "the norm is L∞, not l2"),
    ({"threat_model": {"norm": "linf", "epsilon": 0.3, "eta": 0.1}}, "eta is 0.3, not 0.1"),
    ({"dataset": DATASET | {"variant": "easy"}}, "the variant is hard, not easy"),
    ({"dataset": DATASET | {"dataset": "fashion"}}, "the data set is fonts, not fashion"),
    ({"dataset": DATASET | {"n_train": 1234}}, "the paper has points for 1234 training images"),
    ({"seeds": 0}, "conv is confirmed at full width"),
]


@pytest.mark.parametrize(("changes", "reason"), DIFFERENCES)
def test_any_difference_to_the_paper_forbids_the_comparison(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    methods, given = comparison(tmp_path, **changes)

    assert methods == []
    assert reason in given

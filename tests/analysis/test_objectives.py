"""A study that minimises something else than errors: its front, figures and page are of that."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import analysis
from analysis.figures import pareto, visible_window
from analysis.front import confirmed_fronts
from analysis.load import StudyUnreadable
from analysis.objectives import ERRORS, corner_of
from analysis.schema import LATER
from analysis.summary import summary
from tests.analysis.pages import html
from tests.analysis.synthetic import data_json, write_study

OBJECTIVES = [
    {"name": "reconstruction_l2", "label": "reconstruction L2", "unit": "images of range [0, 1]", "worst": 14.0},
    {"name": "label_disagreement", "label": "label disagreement", "unit": "fraction", "worst": 1.0},
]
SETTINGS = {
    "agnostic": False,
    "latent": 10,
    "width": 0.125,
    "reconstruction": 3.0,
    "gamma": 0.0,
    "learning_rate": 0.005,
}


@pytest.fixture
def of_manifolds(tmp_path: Path, rewrite: Callable[..., None]) -> Path:
    """A study of errors, its columns read as those of manifolds."""
    changes: dict[str, Any] = {
        "objectives": OBJECTIVES,
        "space": "manifold",
        "manifold": {"kind": "learned", "images": "all"},
        "dataset": data_json("mnist", None),
    }
    folder = write_study(tmp_path / "study", architectures=("conv",), **changes)

    def moved(split: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
        def rule(row: dict[str, Any]) -> dict[str, Any]:
            length, disagreement = row[f"{split}_error"], row[f"{split}_robust_error"]
            gone = {key: None for key in row if key.startswith(f"{split}_")}
            return gone | {
                f"{split}_reconstruction_l2": None if length is None else 40 * length,
                f"{split}_label_disagreement": disagreement,
            }

        return rule

    rewrite(folder, "trials", moved("val"))
    rewrite(folder, "trials", lambda row: {f"config.manifold.model.{key}": value for key, value in SETTINGS.items()})
    rewrite(folder, "confirmations", moved("test"))
    return folder


def test_a_study_that_names_none_minimised_both_errors(run_dir: Path) -> None:
    assert analysis.load(run_dir).objectives == ERRORS
    assert corner_of(ERRORS) == "(1, 1)"


def test_tables_of_before_there_were_such_metrics_are_read(run_dir: Path) -> None:
    for path in (run_dir / "results").glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.drop([name for name in table.schema.names if name.partition("_")[2] in LATER]), path)

    study = analysis.load(run_dir)

    assert set(study.trials["val_reconstruction_l2"].to_pylist()) == {None}
    assert len(confirmed_fronts(study)[0].members) > 0


def test_the_front_and_its_hypervolume_are_of_the_objectives(of_manifolds: Path) -> None:
    study = analysis.load(of_manifolds)
    (front,) = confirmed_fronts(study)

    assert front.reference == (14.0, 1.0)
    assert all(1 < member.means[0] < 14 for member in front.members)
    assert front.hypervolume is not None
    assert 1 < front.hypervolume.mean < 14
    assert summary(study)["objectives"] == ["test_reconstruction_l2", "test_label_disagreement"]


def test_the_axes_are_those_of_the_objectives(of_manifolds: Path) -> None:
    study = analysis.load(of_manifolds)
    axes = pareto(study).axes[0]

    assert axes.get_xlabel() == "test reconstruction L2 (images of range [0, 1])"
    assert axes.get_ylabel() == "label disagreement (of on-manifold adversarial examples; L∞, η = 0.3)"
    assert visible_window(study)[0][1] > 1.02


def test_the_page_says_what_was_found_and_of_which_models(of_manifolds: Path) -> None:
    page = html(of_manifolds)

    assert "test reconstruction L2 against label disagreement" in page
    assert "were trained on all training images of MNIST" in page
    assert "has the lowest reconstruction L2: " in page
    assert "up to (14, 1)" in page
    assert "<th>latent</th>" in page
    assert "<td>each class</td>" in page
    assert "and 1 where there is no such example" in page
    assert "robust error" not in page


@pytest.mark.parametrize(
    ("objectives", "says"),
    [
        ([], "objectives are two"),
        (OBJECTIVES[:1], "objectives are two"),
        ("both", "objectives are two"),
        ([{"name": "error"}, OBJECTIVES[1]], "objectives are two"),
        ([OBJECTIVES[0] | {"worst": 0}, OBJECTIVES[1]], "objectives are two"),
        ([OBJECTIVES[0] | {"name": "beauty"}, OBJECTIVES[1]], "got beauty"),
    ],
)
def test_objectives_that_make_no_sense_are_one_line(tmp_path: Path, objectives: Any, says: str) -> None:
    folder = write_study(tmp_path, objectives=objectives)

    with pytest.raises(StudyUnreadable, match=says) as caught:
        analysis.load(folder)
    assert "\n" not in str(caught.value)


def test_a_study_of_manifolds_says_nothing_of_attacks_on_classifiers(of_manifolds: Path) -> None:
    told = html(of_manifolds)

    assert "--strong" not in told
    assert "What the paper did" not in told
    assert "What every search starts from" in told

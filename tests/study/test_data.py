"""Data as a user meets it: what is broken is refused on the command line, what is small but genuine is studied."""

from pathlib import Path

import pytest

from analysis import load
from study.launch import main
from tests.study.processes import Driver
from tests.trainables.data.broken import BROKEN, GOOD
from tests.trainables.data.tiny import write_celeba, write_vision


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_data_is_refused_on_one_line_before_anything_is_started_or_written(kind, tmp_path, capfd):
    folder = tmp_path / "data"
    folder.mkdir()
    options = BROKEN[kind](folder)
    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}

    status = main([*options, "--runs", str(tmp_path / "runs"), "--scale", "smoke"])

    said = capfd.readouterr()
    assert status == 2
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("study.launch: ")
    assert str(tmp_path) in said.err
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before


@pytest.mark.parametrize("kind", GOOD)
def test_the_same_data_undamaged_is_taken(kind, tmp_path, capfd):
    folder = tmp_path / "data"
    folder.mkdir()

    status = main([*GOOD[kind](folder), "--runs", str(tmp_path / "runs"), "--dry-run", "--scale", "smoke"])

    assert (status, capfd.readouterr().err) == (0, "")


def emnist(root: Path) -> list[str]:
    write_vision(root, "emnist", "letters")
    sizes = ["--n-train", "60", "--n-validation", "40", "--n-test", "30", "--n-attacked", "20"]
    return ["emnist", "--variant", "letters", *sizes]


def celeba(root: Path) -> list[str]:
    write_celeba(root, count=64)
    return ["celeba", "--n-train", "40", "--n-validation", "16", "--n-test", "6", "--n-attacked", "6"]


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("make", [emnist, celeba])
def test_a_tiny_genuine_tree_is_trained_and_confirmed(make, tmp_path):
    options = ["--dataset", *make(tmp_path), "--data-root", tmp_path]
    size = ["--scale", "smoke", "--architectures", "conv", "vit", "--trials", "3", "--epochs", "12"]
    status, _, err = Driver(*options, *size, "--runs", tmp_path / "runs", "--name", "tiny").finish()

    assert (status, err) == (0, "")
    confirmed = load(tmp_path / "runs" / "tiny").confirmations.to_pylist()
    assert {row["architecture"] for row in confirmed if row["test_error"] is not None} == {"conv", "vit"}
    assert all(row["test_affine_error"] is not None for row in confirmed if row["message"] is None)
    assert all(row["test_on_manifold_error"] is None for row in confirmed)
    assert (tmp_path / "runs" / "tiny" / "report" / "pareto.png").is_file()

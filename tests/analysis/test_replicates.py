"""Configurations that were trained with further seeds: what counts of them, by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.cost import search_trace
from analysis.prose import what_ran
from analysis.replicates import originals
from tests.analysis.synthetic import write_study


def test_without_replicates_trials_are_as_they_are(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, ("conv",)))

    assert originals(study) is study.trials


def test_replicates_count_as_means_with_what_they_repeat(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, ("conv",), trials=8)
    before = analysis.load(folder)
    complete = [row for row in before.trials.to_pylist() if row["state"] == "COMPLETE" and not row["label"]]
    one, other = (row["trial_id"] for row in complete[:2])
    errors = {one: 0.2, other: 0.1}  # the second seed is a lucky one

    def repeats(row: dict[str, Any]) -> dict[str, Any]:
        told = {"val_error": errors.get(row["trial_id"], row["val_error"])}
        return told | ({"replicate_of": one} if row["trial_id"] == other else {})

    rewrite(folder, "trials", repeats)
    study = analysis.load(folder)

    rows = {row["trial_id"]: row for row in originals(study).to_pylist()}
    assert rows.keys() == set(before.trials["trial_id"].to_pylist()) - {other}
    assert rows[one]["val_error"] == pytest.approx(0.15)
    spent = [row["gradient_evaluations"] for row in complete[:2]]
    assert rows[one]["gradient_evaluations"] == sum(spent)
    assert search_trace(study, "conv").costs[-1] == search_trace(before, "conv").costs[-1]
    assert "7 configurations" in what_ran(study)
    assert "of 8 trainings gave a result" in what_ran(study)

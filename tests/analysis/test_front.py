from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.front import ConfirmedFront, confirmed_fronts
from tests.analysis.synthetic import write_study, write_table

# One architecture, two seeds, three candidates whose front and volumes can be counted by hand.
MEANS = {"a": ((0.2, 0.6), (0.2, 0.6)), "b": ((0.5, 0.2), (0.5, 0.4)), "c": ((0.6, 0.9), (0.6, 0.1))}


def confirmation(trial_id: str, seed: int, error: float | None, robust: float | None) -> dict[str, Any]:
    shared = {"architecture": "conv", "width": 1.0, "parameters": 10}
    return shared | {"trial_id": trial_id, "seed": seed, "test_error": error, "test_robust_error": robust}


def front_of(folder: Path, rows: list[dict[str, Any]]) -> ConfirmedFront:
    write_study(folder, architectures=("conv",), trials=4, seeds=0)
    trials = [{"trial_id": name, "architecture": "conv", "state": "COMPLETE"} for name in "abc"]
    write_table(folder, "trials", trials)
    write_table(folder, "confirmations", rows)
    (front,) = confirmed_fronts(analysis.load(folder))
    return front


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    return [confirmation(name, seed, *pair) for name, pairs in MEANS.items() for seed, pair in enumerate(pairs)]


def test_the_front_is_non_dominated_in_the_means(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    front = front_of(tmp_path, rows)

    assert [candidate.trial_id for candidate in front.members] == ["a", "b"]
    assert [candidate.means for candidate in front.members] == [(0.2, 0.6), (0.5, pytest.approx(0.3))]


def test_the_hypervolume_is_taken_per_seed(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    volume = front_of(tmp_path, rows).hypervolume

    # c is dominated in the means, but with the second seed it adds an area of its own.
    per_seed = (0.8 * 0.4 + 0.5 * 0.4, 0.8 * 0.4 + 0.5 * 0.2 + 0.4 * 0.3)
    assert volume is not None
    assert (volume.mean, volume.n) == (pytest.approx(np.mean(per_seed)), 2)


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_candidate_that_a_seed_left_unmeasured_is_excluded(
    tmp_path: Path, rows: list[dict[str, Any]], missing: float | None
) -> None:
    rows[0]["test_robust_error"] = missing

    front = front_of(tmp_path, rows)

    assert front.excluded == (("a", "seed 0 gave no error or no robust error"),)
    assert [candidate.trial_id for candidate in front.members] == ["b"]


def test_a_candidate_with_a_message_is_excluded_with_it(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    rows[1]["message"] = "loss became NaN"

    assert front_of(tmp_path, rows).excluded == (("a", "seed 1: loss became NaN"),)


def test_while_a_seed_is_under_way_those_count_that_have_measured_all(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    whole, front = front_of(tmp_path / "whole", rows), front_of(tmp_path / "part", rows[:-1])

    assert (whole.seeds, front.seeds, front.excluded) == ((0, 1), (0,), ())
    assert len(front.candidates) == len(whole.candidates)
    assert front.volumes == whole.volumes[:1]


def test_a_candidate_that_shares_no_seed_with_the_others_is_excluded(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    front = front_of(tmp_path, [*rows[:-2], rows[-1] | {"seed": 7}])

    assert ("c", "confirmed with 1 of 3 seeds so far") in front.excluded


def test_a_metric_that_one_seed_lacks_is_left_out_of_the_candidate(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    rows[0]["test_success_rate"] = 0.5

    first = front_of(tmp_path, rows).candidates[0]

    assert set(first.values) == {"test_error", "test_robust_error"}


def test_a_candidate_that_dominates_every_other_is_the_whole_front(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    front = front_of(tmp_path, [*rows[:4], confirmation("c", 0, 0.1, 0.1), confirmation("c", 1, 0.1, 0.1)])

    assert [candidate.trial_id for candidate in front.members] == ["c"]


def test_without_any_candidate_there_is_no_volume(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    front = front_of(tmp_path, [row | {"message": "killed"} for row in rows])

    assert (front.members, front.hypervolume, len(front.excluded)) == ((), None, 3)


def test_every_architecture_has_a_front_even_an_empty_one(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, architectures=("conv", "mlp"))
    rewrite(folder, "confirmations", lambda row: {"message": "killed" if row["architecture"] == "mlp" else None})

    conv, mlp = confirmed_fronts(analysis.load(folder))

    assert (conv.architecture, mlp.architecture) == ("conv", "mlp")
    assert conv.members
    assert not mlp.members

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

import analysis
from analysis.fidelity import by_epoch, rank_correlation, search_and_confirmation
from analysis.front import confirmed_fronts
from analysis.optimism import optimism
from analysis.summary import summary
from tests.analysis.pages import contents
from tests.analysis.synthetic import read_rows, write_study, write_table

pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=12)


@given(pairs)
def test_the_correlation_is_spearmans(rows: list[tuple[int, int]]) -> None:
    one, other = np.asarray(rows, dtype=np.float64).T

    found = rank_correlation(one, other)

    if found is None:
        assert min(np.ptp(one), np.ptp(other)) == 0
    else:
        assert found.mean == pytest.approx(spearmanr(one, other).statistic, abs=1e-9)


def test_equal_and_opposite_orders_have_no_interval() -> None:
    same, opposite = (rank_correlation([1, 2, 3, 4, 5], values) for values in ([2, 4, 5, 8, 9], [5, 4, 3, 2, 1]))

    assert same is not None
    assert opposite is not None
    assert (same.mean, same.low, opposite.mean, opposite.low) == (pytest.approx(1), None, pytest.approx(-1), None)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_interval_covers_the_correlation_of_ranks(correlation: float) -> None:
    rng = np.random.default_rng(0)
    truth = 6 / np.pi * np.arcsin(correlation / 2)  # of normal values
    one = rng.normal(size=(2000, 24))
    other = correlation * one + (1 - correlation**2) ** 0.5 * rng.normal(size=one.shape)

    found = [rank_correlation(*pair) for pair in zip(one, other, strict=True)]

    covered = np.mean([each.low <= truth <= each.high for each in found])  # type: ignore[union-attr] # all have ends
    assert 0.93 <= covered <= 0.97


def test_early_epochs_are_compared_with_the_last(tmp_path: Path) -> None:
    folder = write_study(tmp_path, ("conv",), trials=8, seeds=0)
    curves = [
        {"trial_id": f"conv-{number:03d}", "architecture": "conv", "epoch": epoch}
        | {"val_error": (number if epoch > 1 else -number) / 10 + 0.7 - 0.1 * epoch}
        | {"val_robust_error": number / 10 if epoch in (2, 4) else None}
        for number in range(8)
        for epoch in range(1, 5 if number < 6 else 4)  # the last two were stopped
    ]
    write_table(folder, "curves", curves)

    found = {(each.epoch, each.objective.name): each.correlation for each in by_epoch(analysis.load(folder), "conv")}

    assert {key: (round(each.mean, 9), each.n) for key, each in found.items()} == {
        (1, "error"): (-1, 6),
        (2, "error"): (1, 6),
        (3, "error"): (1, 6),
        (2, "robust_error"): (1, 6),
    }


def test_validation_ranks_candidates_beside_their_confirmation(run_dir: Path) -> None:
    study = analysis.load(run_dir)
    front = confirmed_fronts(study)[0]
    rows = {row["trial_id"]: row for row in read_rows(run_dir, "trials")}

    found = search_and_confirmation(study, front)

    validation = [rows[candidate.trial_id]["val_error"] for candidate in front.candidates]
    expected = spearmanr(validation, [candidate.means[0] for candidate in front.candidates]).statistic
    assert found["error"].mean == pytest.approx(expected)
    assert set(found) == {"error", "robust_error"}


def test_the_front_of_validation_is_flattered_by_what_chose_it(run_dir: Path) -> None:
    study = analysis.load(run_dir)
    front = confirmed_fronts(study)[0]

    found = optimism(study, front)

    assert found is not None
    assert front.hypervolume is not None
    assert found.overstated.mean == pytest.approx(found.validation - front.hypervolume.mean)
    assert 0 < found.kept <= found.chosen <= len(front.candidates)


def test_a_search_that_saw_the_truth_flatters_nobody(tmp_path: Path) -> None:
    folder = write_study(tmp_path, ("conv",), trials=12, seeds=3)
    confirmed = {row["trial_id"]: row for row in read_rows(folder, "confirmations")}
    same = [
        row | {f"val_{name}": confirmed[row["trial_id"]][f"test_{name}"] for name in ("error", "robust_error")}
        if row["trial_id"] in confirmed
        else row
        for row in read_rows(folder, "trials")
    ]
    write_table(folder, "trials", same)
    rows = [
        row | {key: confirmed[row["trial_id"]][key] for key in row if key.startswith("test_")}
        for row in read_rows(folder, "confirmations")
    ]
    write_table(folder, "confirmations", rows)
    study = analysis.load(folder)

    found = optimism(study, confirmed_fronts(study)[0])

    assert found is not None
    assert found.overstated.mean == pytest.approx(0)
    assert found.kept == found.chosen


def test_without_candidates_nothing_is_said(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, ("conv",), seeds=0))
    (front,) = confirmed_fronts(study)

    assert optimism(study, front) is None
    assert search_and_confirmation(study, front) == {}
    assert by_epoch(study, "conv") == ()


@pytest.mark.parametrize(
    ("one", "other"), [([0.1, float("nan")], [0.1, 0.2]), ([0.1], [0.1, 0.2]), ([[0.1, 0.2]], [[0.1, 0.2]])]
)
def test_what_has_no_ranks_is_refused_in_one_line(one: list[float], other: list[float]) -> None:
    with pytest.raises(ValueError, match="two lists of one length without NaN") as caught:
        rank_correlation(one, other)
    assert "\n" not in str(caught.value)


def test_the_page_and_the_summary_tell_how_early_the_order_is_known(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, ("conv",), epochs=3))
    (front,) = confirmed_fronts(study)
    first = by_epoch(study, "conv")[0]

    told, data = contents(study)["orders"], summary(study)["architectures"]["conv"]["fidelity"]

    assert f"after epoch {first.epoch} {first.correlation.mean:.2f}" in told[0]["early"]
    assert f"(n = {first.correlation.n})" in told[0]["early"]
    assert data["early_and_last"][0]["mean"] == first.correlation.mean
    assert data["validation_and_test"].keys() == search_and_confirmation(study, front).keys()

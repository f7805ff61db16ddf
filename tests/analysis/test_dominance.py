import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.dominance import METHOD, chances, margins
from analysis.pareto import nondominated
from tests.analysis.random_sets import random_runs

Array = NDArray[np.float64]


def seeds_of(objectives: int, seed: int) -> list[Array]:
    """Random studies of shape (seeds, candidates, objectives), every other one with ties and duplicates."""
    rng = np.random.default_rng(seed)
    sets = [
        np.stack([rng.permutation(run) for _ in range(3)]) for runs in random_runs(objectives, seed) for run in runs
    ]
    return sets[:1000]


@pytest.mark.parametrize("objectives", [2, 3])
def test_a_margin_is_positive_just_where_nothing_dominates(objectives: int) -> None:
    for values in seeds_of(objectives, seed=1):
        expected = [nondominated(seed).tolist() for seed in values]

        assert (margins(values, most=2.0) > 0).tolist() == expected


def test_the_margin_of_the_rival_that_is_least_escaped_by_hand() -> None:
    # In angles from 0 to pi / 2 neighbours lie .2 apart, and seeds .1; so fine a step that half of it is nothing.
    first, angles = np.asarray([0.4, 0.6, 0.8]), np.asarray([[0.0], [0.1]])
    values = np.sin(np.stack([first + angles, first[::-1] + angles], axis=-1)) ** 2
    values = np.concatenate([values, np.full((2, 1, 2), [[0.99, 0.99]])], axis=1)
    values[:, -1] += [[0.0], [1e-9]]  # the smallest step

    found = margins(values)[:, :3]

    noise = (3 * 0.1**2 / 2 / 4) ** 0.5
    assert found == pytest.approx(np.full((2, 3), 0.2 / noise), rel=1e-6)


def test_a_coarse_objective_counts_halves_to_either_side() -> None:
    # The rival is ahead in the first objective; by whole steps in the second it is behind, level or ahead.
    values = np.asarray([[[0.9, rank], [0.8, 0.5]] for rank in (0.4, 0.5, 0.6)])

    found = margins(values)[:, 0]
    assert np.sign(found).tolist() == [1, -1, -1]
    assert found[0] == pytest.approx(-found[1], rel=0.02)


def test_the_unit_of_an_objective_does_not_matter() -> None:
    values = np.random.default_rng(2).random((5, 4, 2))

    assert margins(values * [1.0, 1000.0], most=[1.0, 1000.0]) == pytest.approx(margins(values))


def test_a_seed_that_shifts_all_candidates_alike_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    values = rng.random((4, 5, 2)) / 2
    shifted = values + rng.random((4, 1, 2)) / 2

    assert np.sign(margins(shifted)).tolist() == np.sign(margins(values)).tolist()


def test_last_digits_of_a_float_make_no_step() -> None:
    values = np.asarray([[[0.1 + 0.2, 0.5], [0.3, 0.4]], [[0.3, 0.5], [0.2, 0.6]]])

    assert np.sign(margins(values)).tolist() == [[-1, 1], [1, 1]]


def test_a_point_far_ahead_is_surely_and_one_far_behind_surely_not_on_the_front() -> None:
    noise = np.random.default_rng(4).normal(0, 0.01, (5, 3, 2))
    means = np.asarray([[0.1, 0.9], [0.9, 0.1], [0.95, 0.95]])

    first, second, third = chances(means + noise)

    for found in (first, second):
        assert found.low is not None
        assert found.low > 0.99
    assert third.high is not None
    assert third.high < 0.01
    assert (first.n, first.method) == (5, METHOD)


def test_one_seed_says_only_what_was_and_a_lone_candidate_is_the_front() -> None:
    alone, beaten = chances([[[0.1, 0.1], [0.2, 0.2]]])

    assert (alone.mean, beaten.mean) == (1.0, 0.0)
    assert alone.low is None
    (lone,) = chances([[[0.1, 0.1]], [[0.2, 0.3]]])
    assert (lone.low, lone.mean, lone.high, lone.n) == (1.0, 1.0, 1.0, 2)


def test_equal_points_in_all_seeds_are_all_on_the_front() -> None:
    found = chances(np.full((3, 2, 2), 0.5))

    assert [each.mean for each in found] == pytest.approx([1.0, 1.0])
    assert [each.low for each in found] == [None, None]  # and nothing says how surely


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([[0.1, 0.2]], r"\(seeds, candidates, objectives\), none of them 0; got \(1, 2\)"),
        (np.empty((3, 0, 2)), r"none of them 0; got \(3, 0, 2\)"),
        ([[[0.1, float("nan")]]], r"numbers from 0 to \[1.0, 1.0\]"),
        ([[[0.1, 1.1]]], r"numbers from 0 to \[1.0, 1.0\]"),
        ([[[-0.1, 0.1]]], r"numbers from 0 to \[1.0, 1.0\]"),
    ],
)
def test_what_has_no_margins_is_refused_in_one_line(values: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        chances(values)  # type: ignore[arg-type] # that is what is tried
    assert "\n" not in str(caught.value)


def test_a_length_has_no_end() -> None:
    values = np.asarray([[[9.0, 0.1], [16.0, 0.1]], [[9.0, 0.2], [25.0, 0.2]]])

    assert np.sign(margins(values, most=[np.inf, 1.0])).tolist() == [[1, -1], [1, -1]]
    with pytest.raises(ValueError, match="numbers from 0 to"):
        margins(np.full((2, 2, 2), np.inf), most=np.inf)

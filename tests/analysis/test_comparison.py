import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from analysis.comparison import compare, holm, paired_p, shared


def test_the_paired_test_is_that_of_the_textbook() -> None:
    one, other = np.random.default_rng(0).random((2, 5))

    assert paired_p(one, other) == pytest.approx(ttest_rel(one, other).pvalue)


def test_what_a_seed_does_to_both_sides_cancels() -> None:
    seeds = np.asarray([0.1, 0.9, 0.4, 0.6])

    (found,) = compare({"one": np.add(seeds, [0.02, 0.03, 0.02, 0.03]), "other": seeds})

    assert found.difference.mean == pytest.approx(0.025)
    assert found.difference.low is not None
    assert found.difference.low > 0.01
    assert found.p < 0.01


def test_holms_correction_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_step_by_step(p_values: list[float], level: float) -> None:
    rejected, left = set(), sorted(range(len(p_values)), key=lambda index: p_values[index])
    while left and p_values[left[0]] * len(left) <= level:  # as Holm wrote it: the smallest first, until one stays
        rejected.add(left.pop(0))

    assert set(np.flatnonzero(holm(p_values) <= level)) == rejected


def test_every_pair_is_compared_or_every_other_with_one() -> None:
    values = {name: np.random.default_rng(number).random(3) for number, name in enumerate("abc")}

    assert [(found.one, found.other) for found in compare(values)] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(found.one, found.other) for found in compare(values, against="b")] == [("a", "b"), ("c", "b")]


def test_p_values_are_adjusted_for_all_pairs_together() -> None:
    values = {name: np.random.default_rng(number).random(4) for number, name in enumerate("abcd")}

    found = compare(values)

    assert [each.adjusted for each in found] == holm([each.p for each in found]).tolist()


def test_differences_without_noise_count_their_signs() -> None:
    assert paired_p([0.5, 0.6, 0.7], [0.25, 0.35, 0.45]) == 0.25
    assert paired_p([0.5, 0.6], [0.5, 0.6]) == 1.0


@pytest.mark.parametrize("n", [3, 5, 10])
def test_equal_sides_are_told_apart_as_seldom_as_promised(n: int) -> None:
    rng = np.random.default_rng(n)
    shared_part = rng.normal(0.5, 0.1, (2000, 1, n))
    sides = shared_part + rng.normal(0, 0.01, (2000, 2, n))

    wrong = np.mean([paired_p(*pair) <= 0.05 for pair in sides])

    assert wrong == pytest.approx(0.05, abs=0.017)  # 3.5 standard errors of the simulation


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (
            lambda: compare({"a": [0.1, 0.2], "b": [0.1]}),
            r"as many values on both sides; got the shapes \(2,\), \(1,\)",
        ),
        (lambda: compare({"a": [0.1], "b": [0.2]}), "at least two seeds; got 1"),
        (lambda: compare({"a": [0.1, float("nan")], "b": [0.1, 0.2]}), "neither NaN nor infinite"),
        (lambda: compare({"a": [0.1, 0.2]}, against="z"), "one of a; got z"),
        (lambda: holm([0.1, float("nan")]), r"in \[0, 1\]; got \[0.1, nan\]"),
        (lambda: holm([[0.1]]), "a list of numbers"),
        (lambda: holm([1.1]), r"in \[0, 1\]; got \[1.1\]"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(call: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        call()  # type: ignore[operator] # one of several functions
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("names", "seeds", "expected"),
    [
        (["a", "b"], [(1, 2), (1, 2)], True),
        (["a", "b"], [(1, 2), (1, 3)], False),
        (["a", "b"], [(1,), (1,)], False),
        (["a"], [(1, 2)], False),
        ([], [], False),
    ],
)
def test_comparable_are_several_with_the_same_seeds(names: list[str], seeds: list[tuple[int]], expected: bool) -> None:
    assert shared(names, seeds) is expected

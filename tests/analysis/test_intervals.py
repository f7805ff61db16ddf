import numpy as np
import pytest
from scipy.stats import nct, norm, t

from analysis.intervals import above_zero, difference_ends, mean_ends


def test_the_ends_are_as_many_standard_errors_off_as_their_own_variance_allows() -> None:
    sample = np.asarray([0.01, 0.03, 0.02])
    mean, squared = sample.mean(), sample.var(ddof=1) / 3

    for end in mean_ends(sample):
        error = (squared * end * (1 - end) / (mean * (1 - mean))) ** 0.5  # the binomial's variance at the end
        assert abs(mean - end) / error == pytest.approx(t.ppf(0.975, 2))


def test_far_from_both_limits_the_ends_are_those_of_plain_t() -> None:
    sample = np.asarray([0.499, 0.5, 0.501, 0.5])

    low, high = mean_ends(sample)

    half = t.ppf(0.975, 3) * sample.std(ddof=1) / 2
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)


def test_ends_never_leave_what_a_value_can_be() -> None:
    samples = np.random.default_rng(0).beta(0.3, 0.3, (2000, 3)) * 14

    low, high = mean_ends(samples, most=14)

    assert (low >= 0).all()
    assert (high <= 14).all()
    assert ((low <= samples.mean(axis=1)) & (samples.mean(axis=1) <= high)).all()


def test_without_an_upper_limit_the_ends_are_those_of_a_high_one() -> None:
    sample = [3.0, 2.0, 5.0]

    assert np.ravel(mean_ends(sample, most=np.inf)) == pytest.approx(np.ravel(mean_ends(sample, most=1e9)))


def test_what_is_worst_is_told_as_surely_as_what_is_best() -> None:
    low, high = mean_ends([0.9, 0.95, 1.0])

    assert np.subtract(1, [high, low]) == pytest.approx(np.ravel(mean_ends([0.1, 0.05, 0.0])))


def test_equal_values_leave_no_width() -> None:
    assert np.ravel(mean_ends([[1.0, 1.0], [0.0, 0.0], [0.25, 0.25]])).tolist() == [1.0, 0.0, 0.25] * 2


def test_differences_are_given_students_ends() -> None:
    gaps = np.asarray([-0.02, 0.01, 0.03, 0.02])

    expected = t.interval(0.95, 3, gaps.mean(), gaps.std(ddof=1) / 2)
    assert np.ravel(difference_ends(gaps)) == pytest.approx(expected)


@pytest.mark.parametrize("n", [2, 3, 5, 10])
@pytest.mark.parametrize("ratio", [-3.0, -0.4, 0.0, 0.1, 1.0, 2.5])
def test_the_probability_is_that_of_the_noncentral_t(n: int, ratio: float) -> None:
    sample = np.linspace(-1, 1, n)
    sample = ratio + sample / sample.std(ddof=1)

    ends = above_zero(sample)

    for end, part in zip(ends, (0.975, 0.5, 0.025), strict=True):
        shift = n**0.5 * norm.ppf(end)  # the noncentrality that the end stands for
        if 1e-6 < end < 1 - 1e-6:
            assert nct.cdf(n**0.5 * ratio, n - 1, shift) == pytest.approx(part, abs=1e-4)
    assert ends[0] <= ends[1] <= ends[2]


def test_values_all_above_zero_and_close_together_are_surely_above_it() -> None:
    low, middle, high = above_zero([[2.0, 2.0, 2.0], [-2.0, -2.0, -2.0]])

    assert low == pytest.approx([1, 0], abs=1e-9)
    assert middle == pytest.approx([1, 0], abs=1e-9)
    assert high == pytest.approx([1, 0], abs=1e-9)


def test_values_around_zero_say_nothing() -> None:
    low, middle, high = above_zero([-1.0, 1.0])

    assert middle == pytest.approx(0.5)
    assert low < 0.1
    assert high == pytest.approx(1 - low)


@pytest.mark.parametrize("function", [mean_ends, difference_ends, above_zero])
@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([0.5], r"at least two values along the last axis; got the shape \(1,\)"),
        (0.5, r"got the shape \(\)"),
        ([0.5, float("nan")], r"neither NaN nor infinite; got \[0.5, nan\]"),
        ([[0.5, 0.1], [0.2, float("inf")]], "neither NaN nor infinite"),
    ],
)
def test_what_no_interval_is_of_is_refused_in_one_line(function: object, values: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        function(values)  # type: ignore[operator] # one of several functions
    assert "\n" not in str(caught.value)


def test_values_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"values lie in \[0, 1\]; got \[0.5, 1.1\]"):
        mean_ends([0.5, 1.1])


@pytest.mark.parametrize("level", [0.0, 1.0, float("nan")])
def test_a_level_outside_zero_and_one_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match=r"confidence in \(0, 1\)"):
        mean_ends([0.1, 0.2], level=level)

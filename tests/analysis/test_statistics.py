import numpy as np
import pytest

from analysis.statistics import METHOD, NO_SPREAD, Interval, difference, interval, spread


def test_the_interval_of_three_values_by_hand() -> None:
    found = interval([0.49, 0.50, 0.51])  # t(0.975) of 2 degrees of freedom is 4.3027, the standard error .01 / sqrt 3

    ratio = (4.302653 * 0.01) ** 2 / 3 / 0.25  # squared, in parts of p (1 - p)
    half = (0.25 * ratio + ratio**2 / 4) ** 0.5 / (1 + ratio)
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half))
    assert half == pytest.approx(0.024841, abs=1e-4)  # plain t
    assert (found.n, found.method) == (3, METHOD)


def test_an_interval_stays_inside_what_values_can_be() -> None:
    found = interval([0.9, 1.0])

    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 0.95 < found.high < 1


def test_a_length_has_no_upper_end() -> None:
    found = interval([3.0, 9.0], most=np.inf)

    assert found.low is not None
    assert found.high is not None
    assert 0 < found.low < 3
    assert found.high > 40
    assert interval([0.0, 13.0, 14.0], most=14.0).high < 14  # type: ignore[operator] # n > 1


def test_equal_values_allow_no_interval() -> None:
    assert interval([1.0, 1.0, 1.0]) == Interval(mean=1.0, low=None, high=None, n=3, method=NO_SPREAD)
    assert difference([0.5, 0.75], [0.25, 0.5]) == Interval(mean=0.25, low=None, high=None, n=2, method=NO_SPREAD)


def test_a_difference_is_paired_by_seed() -> None:
    found = difference([0.1, 0.5, 0.9], [0.12, 0.51, 0.93])

    assert found.mean == pytest.approx(-0.02)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low == pytest.approx(2 * 4.302653 * 0.01 / 3**0.5, rel=1e-4)
    assert difference([0.1], [0.2]).low is None


def test_one_value_allows_no_interval() -> None:
    assert interval([0.3]) == Interval(mean=0.3, low=None, high=None, n=1, method="none: n = 1")


def test_a_higher_level_gives_a_wider_interval() -> None:
    wide, narrow = interval([0.4, 0.5, 0.6], level=0.9), interval([0.4, 0.5, 0.6], level=0.5)

    assert wide.low is not None
    assert narrow.low is not None
    assert wide.low < narrow.low


@pytest.mark.parametrize("n", [2, 3, 5])
def test_the_interval_covers_the_mean_as_often_as_it_claims(n: int) -> None:
    samples = np.random.default_rng(n).normal(0.5, 0.02, size=(4000, n))

    found = [interval(sample.clip(0, 1)) for sample in samples]

    covered = np.mean([ends.low <= 0.5 <= ends.high for ends in found])  # type: ignore[operator] # n > 1: both ends are numbers
    assert covered == pytest.approx(0.95, abs=0.012)  # 3.5 standard errors of the simulation


def test_the_spread_of_two_values_is_their_range() -> None:
    assert spread([0.5, 0.3]) == Interval(mean=0.4, low=0.3, high=0.5, n=2, method="range")


@pytest.mark.parametrize("n", [1, 3, 6])
def test_the_spread_of_any_other_number_of_values_is_the_t_interval(n: int) -> None:
    values = np.linspace(0.4, 0.5, n)

    assert spread(values) == interval(values)


@pytest.mark.parametrize("values", [[], [0.1, float("nan")], [1.2], [-0.1]])
def test_what_is_no_fraction_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"at least one value|values lie in \[0, 1\]"):
        interval(values)


def test_a_level_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match=r"confidence in \(0, 1\); got 1"):
        interval([0.1, 0.2], level=1)

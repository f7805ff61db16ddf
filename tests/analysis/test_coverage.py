"""Whether intervals cover as often as they say, with the noise of seeds and of counted images.

Nominal are 95 %; every cell must cover 93 to 97 %. A coverage of 95 % is known to .15 points (one standard error) of
20,000 simulated studies, to .24 of 8000 and to .5 of 2000: what lies outside is not the simulation's own noise.
"""

from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.dominance import margins
from analysis.intervals import above_zero, difference_ends, mean_ends
from tests.analysis.noisy import Noise, area, errors, studies, undominated

RATES = (0.05, 0.5, 0.95, 0.99)
SEEDS = (3, 5, 10)
NOISES = [Noise(images=images, spread=spread) for images in (250, 10_000) for spread in (0.1, 0.3)]
NOISES += [Noise(images=250, spread=spread, difficulty=2.0) for spread in (0.1, 0.3)]
Array = NDArray[np.float64]


def coverage(ends: tuple[Array, Array], truth: Array | float) -> float:
    low, high = ends
    return float(np.mean((low <= truth) & (truth <= high)))


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n", SEEDS)
def test_intervals_of_errors_cover_what_further_seeds_give_on_the_same_images(rate: float, n: int) -> None:
    for noise in NOISES:
        values, truth = errors(np.random.default_rng(n), rate, 20_000, n, noise)

        covered = coverage(mean_ends(values), truth)

        assert 0.93 <= covered <= 0.97, (noise, covered)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n", SEEDS)
def test_intervals_of_hypervolumes_cover_the_mean_of_further_seeds(rate: float, n: int) -> None:
    rng = np.random.default_rng(n)
    for spread, clean in product((0.1, 0.3), (0.2, 0.999)):  # errors low, or as high as robust ones
        truth = float(area(studies(rng, rate, (200_000,), spread, clean)).mean())

        covered = coverage(mean_ends(area(studies(rng, rate, (8000, n), spread, clean))), truth)

        assert 0.93 <= covered <= 0.97, (spread, clean, covered)


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n", SEEDS)
def test_intervals_of_the_chance_to_be_on_the_front_cover_it(rate: float, n: int) -> None:
    rng = np.random.default_rng(n)
    for spread, clean in product((0.1, 0.3), (0.2, 0.999)):
        truth = undominated(studies(rng, rate, (50_000,), spread, clean)).mean(axis=0)
        sample = np.stack([margins(values) for values in studies(rng, rate, (2000, n), spread, clean)])

        low, _, high = above_zero(sample.transpose(0, 2, 1))

        assert ((truth > 0.02) & (truth < 0.98)).all()  # beyond, an interval is of tails that nobody has seen
        assert 0.93 <= coverage((low, high), truth) <= 0.97, (spread, clean)
        alone = ((low <= truth) & (truth <= high)).mean(axis=0)
        assert ((alone >= 0.93) & (alone <= 0.97)).all(), (spread, clean, alone)


@pytest.mark.slow
@pytest.mark.parametrize("n", SEEDS)
def test_intervals_of_paired_differences_cover_their_mean(n: int) -> None:
    rng = np.random.default_rng(n)
    for rate in RATES:
        expected = studies(rng, rate, (200_000,), 0.3)
        truth = float((area(expected[:, :3]) - area(expected[:, 3:])).mean())
        values = studies(rng, rate, (8000, n), 0.3)

        covered = coverage(difference_ends(area(values[:, :, :3]) - area(values[:, :, 3:])), truth)

        assert 0.93 <= covered <= 0.97, (rate, covered)


@pytest.mark.slow
def test_plain_t_and_a_bootstrap_fail_where_these_hold() -> None:
    values, truth = errors(np.random.default_rng(0), 0.99, 20_000, 5, Noise(images=10_000, spread=0.5))
    plain = difference_ends(values)
    drawn = np.random.default_rng(1).integers(0, 5, (5, 400))
    bootstrap = np.quantile(values[:4000, drawn].mean(axis=1), [0.025, 0.975], axis=1)

    assert coverage((bootstrap[0], bootstrap[1]), truth[:4000]) < 0.85
    assert coverage(plain, truth) < 0.925
    assert coverage(mean_ends(values), truth) >= 0.93


def test_intervals_are_of_these_images_and_not_of_others() -> None:
    noise = Noise(images=250, spread=0.1, difficulty=2.0)
    values, truth = errors(np.random.default_rng(2), 0.5, 5000, 10, noise)

    assert coverage(mean_ends(values), truth) == pytest.approx(0.95, abs=0.015)
    assert coverage(mean_ends(values), 0.5) < 0.75  # the error on all images that there might be

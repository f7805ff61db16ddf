"""What fresh seeds measure, simulated: networks that differ by seed, on images that stay the same.

The log-odds that a network of some seed misclassifies an image are the configuration's, plus the seed's deviation
(normal, `spread`), plus the image's difficulty (normal, `difficulty`; the same for all seeds of a study). Which
images it then misclassifies is drawn image by image. Without difficulties that is a binomial count.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtri

Array = NDArray[np.float64]
MIDDLES = ndtri((np.arange(401) + 0.5) / 401)  # of equal parts of a normal distribution
IMAGE_SETS = 50  # for so many studies the difficulties are drawn anew


@dataclass(frozen=True, kw_only=True)
class Noise:
    """How values vary: between seeds and between images, in log-odds; of how many images they are fractions."""

    images: int
    spread: float
    difficulty: float = 0.0


def errors(rng: np.random.Generator, rate: float, studies: int, seeds: int, noise: Noise) -> tuple[Array, Array]:
    """Returns errors of shape (studies, seeds), and of each study the mean error of all further seeds on its images."""
    centre = _centre(rate, float(np.hypot(noise.spread, noise.difficulty)))
    if not noise.difficulty:
        rates = expit(centre + noise.spread * rng.standard_normal((studies, seeds)))
        return rng.binomial(noise.images, rates) / noise.images, np.full(studies, rate)
    size = studies // IMAGE_SETS
    found, truths = [], []
    for _ in range(IMAGE_SETS):
        images = centre + noise.difficulty * rng.standard_normal(noise.images)
        rates = expit(images + noise.spread * rng.standard_normal((size, seeds, 1)))
        found.append((rng.random(rates.shape) < rates).mean(axis=-1))
        truths.append(np.full(size, expit(images[:, None] + noise.spread * MIDDLES).mean()))
    return np.concatenate(found), np.concatenate(truths)


def studies(rng: np.random.Generator, rate: float, shape: tuple[int, ...], spread: float, clean: float = 0.2) -> Array:
    """Returns error and robust error of six candidates, of shape (*shape, candidates, 2).

    Robust errors lie around the rate, errors around `clean` or the rate, whichever is less, and one falls while the
    other rises; they are of 250 and 10,000 images. A third of the seeds' variance is common to all candidates.
    """
    along = np.linspace(-0.5, 0.5, 6)
    centres = np.stack([logit(min(rate, clean)) + along, logit(rate) - along], axis=-1)
    own, common = rng.standard_normal((*shape, 6, 2)), rng.standard_normal((*shape, 1, 2))
    rates = expit(centres + spread * ((2 / 3) ** 0.5 * own + (1 / 3) ** 0.5 * common))
    counts = np.asarray([10_000, 250])
    return rng.binomial(counts, rates) / counts


def area(values: Array) -> Array:
    """Returns the hypervolumes up to (1, 1) of points along the last axis but one: slices from left to right."""
    order = np.argsort(values[..., 0], axis=-1)
    across, upward = (np.take_along_axis(values[..., axis], order, axis=-1) for axis in (0, 1))
    after = np.concatenate([across[..., 1:], np.ones((*across.shape[:-1], 1))], axis=-1)
    found: Array = ((after - across) * (1 - np.minimum.accumulate(upward, axis=-1))).sum(axis=-1)
    return found


def undominated(values: Array) -> NDArray[np.bool_]:
    """Tells of points along the last axis but one whether no other of them dominates each."""
    rivals, own = values[..., None, :, :], values[..., :, None, :]
    no_worse, better = np.all(rivals <= own, axis=-1), np.any(rivals < own, axis=-1)
    found: NDArray[np.bool_] = ~np.any(no_worse & better, axis=-1)
    return found


def _centre(rate: float, deviation: float) -> float:
    """Returns the log-odds around which normal ones have a mean rate, by bisection."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        below = float(expit(middle + deviation * MIDDLES).mean()) < rate
        low, high = (middle, high) if below else (low, middle)
    return low

"""The ends of confidence intervals of few seeds, for many samples at once.

What is estimated is what further seeds would give on the same images. Training changes with the seed; the images, and
where attacks on them start, do not (`docs/decisions/007`). Given these the values of a study's seeds are independent,
however difficult an image is for all of them; what a seed does to single images is the binomial part of the noise.
Other images would move all values together, with a standard error of up to sqrt(p (1 - p) / images), .03 for 250 images
at .5; no interval here contains that.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri, ndtr, stdtrit

LEVEL: Final = 0.95
STEPS: Final = 32  # of bisection
Array = NDArray[np.float64]
NODES, WEIGHTS = (each / 2 for each in np.polynomial.legendre.leggauss(64))


def mean_ends(values: ArrayLike, most: float = 1.0, level: float = LEVEL) -> tuple[Array, Array]:
    """Returns the ends of the interval of a mean over seeds: Student's t in the form of Wilson's score.

    A fraction's variance shrinks towards 0 and 1 as p (1 - p) does (Wilson, "Probable inference, the law of
    succession, and statistical inference", JASA 22, 1927): a sample whose mean came out too extreme has too small a
    spread as well, and plain t then misses on that side. Here the variance that the seeds show is taken to hold at
    their mean m, and at any other p to be v p (1 - p) / (m (1 - m)); the ends are the p for which the mean lies just
    t standard errors off. They never leave [0, most], and where the spread is small beside the distance to 0 and
    `most` they are those of plain t.

    Simulated (`tests/analysis/test_coverage.py`): 94.0 to 95.8 % of nominal 95 at rates .05 to .99, 3 to 10 seeds, 250
    and 10,000 images and seeds that differ by .1 or .3 in log-odds, where plain t has 92.9 to 95.3; 93.4 % at .5, where
    plain t has 91.7. With less than two images of the rarer kind to expect in each seed, as of 40 images at .99, most
    samples are nearly equal and no interval of so few seeds covers as it says: 66 to 89 %.

    Args:
        values: samples of seeds, in [0, most]; of any shape, the last axis has the seeds, at least two.
        most: that a value can be: 1 for fractions, may be infinity.
        level: of confidence, in (0, 1).

    Returns:
        Lower and upper ends, of the shape without the last axis; both the mean where all seeds agree.

    Raises:
        ValueError: for fewer than two seeds, for values that cannot be or NaN, or for a level outside (0, 1).
    """
    sample = _sample(values, level)
    if not ((sample >= 0) & (sample <= most)).all():
        raise ValueError(f"values lie in [0, {most:g}]; got {_shown(sample)}")
    mean, n = sample.mean(axis=-1), sample.shape[-1]
    squared = stdtrit(n - 1, (1 + level) / 2) ** 2 * sample.var(axis=-1, ddof=1) / n
    room = mean * (1 - mean / most)
    ratio = np.divide(squared, room, out=np.zeros_like(room), where=room > 0)
    middle = mean + ratio / 2
    half = np.sqrt(np.clip(ratio * room + ratio**2 / 4, 0, None))
    return np.clip((middle - half) / (1 + ratio / most), 0, mean), np.clip(
        (middle + half) / (1 + ratio / most), mean, most
    )


def difference_ends(values: ArrayLike, level: float = LEVEL) -> tuple[Array, Array]:
    """Returns the ends of Student's t interval of a mean of differences, which may be of either sign.

    Args:
        values: differences, one a seed along the last axis, at least two.
        level: of confidence, in (0, 1).

    Raises:
        ValueError: for fewer than two seeds, for what is not finite, or for a level outside (0, 1).
    """
    sample = _sample(values, level)
    mean, n = sample.mean(axis=-1), sample.shape[-1]
    half = stdtrit(n - 1, (1 + level) / 2) * sample.std(axis=-1, ddof=1) / n**0.5
    return mean - half, mean + half


def above_zero(values: ArrayLike, level: float = LEVEL) -> tuple[Array, Array, Array]:
    """Returns how probably a further value lies above 0: lower end, estimate, upper end.

    Counting tells little: of three seeds a fraction has four values, and no interval made of it covers as it says.
    For normal values the probability is that of mean / deviation standard deviations, and sqrt(n) mean / s has a
    noncentral t distribution (Owen, "A survey of properties and applications of the noncentral t-distribution",
    Technometrics 10, 1968): the ends are exact then, and the estimate, the end of level 0, is too high as often as too
    low. How far a probability beyond .99 is from 1 is told by the normal tail alone.

    Args:
        values: one a seed along the last axis, at least two.
        level: of confidence, in (0, 1).

    Returns:
        Three arrays of the shape without the last axis. Values that are all equal are taken to scatter by a millionth
        of their size.

    Raises:
        ValueError: for fewer than two seeds, for what is not finite, or for a level outside (0, 1).
    """
    sample = _sample(values, level)
    n = sample.shape[-1]
    deviation = np.maximum(sample.std(axis=-1, ddof=1), 1e-6 * np.abs(sample).max(axis=-1) + 1e-300)
    statistic = n**0.5 * sample.mean(axis=-1) / deviation
    parts = ((1 + level) / 2, 0.5, (1 - level) / 2)
    low, middle, high = (ndtr(_noncentrality(statistic, n - 1, part) / n**0.5) for part in parts)
    return low, middle, high


def _noncentrality(statistic: Array, freedom: int, part: float) -> Array:
    """Returns the noncentrality of which the part `part` of noncentral t lies below a statistic, by bisection."""
    ratio = np.sqrt(chdtri(freedom, 0.5 - NODES) / freedom)  # of s to sigma, at nodes of its own distribution
    scaled = statistic[..., None] * ratio
    low, high = scaled.min(axis=-1) - 9, scaled.max(axis=-1) + 9
    for _ in range(STEPS):
        centre = (low + high) / 2
        below = (ndtr(scaled - centre[..., None]) * WEIGHTS).sum(axis=-1)
        low, high = np.where(below > part, centre, low), np.where(below > part, high, centre)
    found: Array = (low + high) / 2
    return found


def _sample(values: ArrayLike, level: float) -> Array:
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim == 0 or sample.shape[-1] < 2:
        raise ValueError(f"an interval is of at least two values along the last axis; got the shape {sample.shape}")
    if not np.isfinite(sample).all():
        raise ValueError(f"values are numbers, neither NaN nor infinite; got {_shown(sample)}")
    if not 0 < level < 1:
        raise ValueError(f"level is a confidence in (0, 1); got {level}")
    return sample


def _shown(sample: Array) -> list[float]:
    found: list[float] = sample.ravel()[:10].tolist()
    return found

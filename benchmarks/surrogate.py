"""Learning curves of made-up trials whose final errors, and whose front, are known in closed form.

A configuration has a strength of adversarial training, which trades error against robust error, and four more
parameters that have a best value each; the best rate, share and decay depend on the strength. What makes early stopping
hard is in it: strong training and low rates converge late, in robust error later than in error; robust error overfits;
measurements are noisy; some trials collapse. A cost is a number of gradient evaluations at the paper's scale (10,000
examples to train on, 1000 others attacked at four radii with 40 steps each, until they are lost).

    python benchmarks/surrogate.py      # prints what it is like

The numbers were chosen for the rank correlations that `describe` prints, before any scheduler ran on them; one was
corrected later: a measurement leaves out what is lost already, as the counts of recorded trials show.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from analysis.pareto import hypervolume

EPOCHS = 27
REFERENCE = (1.0, 1.0)
EXAMPLES, ATTACKED, RADII, MEASURING_STEPS = 10_000, 1000, 4, 40
CHANCE = (0.9, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A point of the surrogate's space.

    Attributes:
        strength: of adversarial training, in [0, 1].
        rate: log10 of the learning rate, in [-3, -1].
        decay: log10 of the weight decay, in [-6, -2].
        share: of a batch that is attacked, in [.1, 1].
        steps: of the attack, 20 or 40.
    """

    strength: float
    rate: float
    decay: float
    share: float
    steps: int

    def flaw(self) -> float:
        """Returns how far the configuration is from the best one of its strength, in [0, 1)."""
        distance = ((self.rate - self.best_rate()) / 0.6) ** 2 + ((self.decay + 4) / 2.2) ** 2
        distance += ((self.share - 0.35 - 0.4 * self.strength) / 0.5) ** 2
        return 1 - math.exp(-0.5 * distance)

    def best_rate(self) -> float:
        return -1.6 - 0.6 * self.strength

    def final(self) -> tuple[float, float]:
        """Returns the true errors after the last epoch."""
        error, robust = front(self.strength)
        flaw, hasty = self.flaw(), 0.03 * self.strength * (self.steps < MEASURING_STEPS)
        return error + (0.75 - error) * 0.6 * flaw, robust + (1 - robust) * min(1.0, 0.8 * flaw + hasty)

    def epoch_cost(self) -> float:
        """Returns the gradient evaluations of an epoch of training."""
        return EXAMPLES * (1 + self.share * self.steps)


def front(strength: float) -> tuple[float, float]:
    """Returns the best that a strength can give: the front, from the most exact to the most robust."""
    return 0.03 + 0.25 * strength**1.5, 0.35 + 0.6 * (1 - strength) ** 1.8


def best_hypervolume() -> float:
    """Returns the hypervolume of the front."""
    return hypervolume([front(strength) for strength in np.linspace(0, 1, 1001)], REFERENCE)


@dataclass(frozen=True, slots=True)
class Course:
    """How one trial would go if nobody stopped it.

    Attributes:
        measured: one row an epoch, error and robust error as a validation set shows them.
        ends: the epoch after which nothing can come any more, or None.
        final: the configuration's true errors, or None for a trial that collapses.
    """

    configuration: Configuration
    measured: NDArray[np.float64]
    ends: int | None
    final: tuple[float, float] | None

    def measurement_costs(self) -> NDArray[np.float64]:
        """Returns the gradient evaluations of a measurement after each epoch: what is lost is attacked no more."""
        return ATTACKED * RADII * MEASURING_STEPS * (1 - self.measured[:, 1])


def course(configuration: Configuration, rng: np.random.Generator) -> Course:
    """Draws how a trial goes."""
    epochs = np.arange(1, EPOCHS + 1)
    overfit = 0.12 * configuration.strength / (1 + math.exp(2 * (configuration.decay + 4.5)))
    slowness = math.exp(1.1 * (configuration.best_rate() - configuration.rate) + rng.normal(0, 0.4))
    lags = (0.6 + 4.3 * configuration.strength, 1.5 + 6.2 * configuration.strength)
    curves = [
        _curve(epochs, start, final, lag * slowness)
        for start, final, lag in zip(CHANCE, configuration.final(), lags, strict=True)
    ]
    curves[1] -= 4 * overfit * (epochs / EPOCHS) * (1 - epochs / EPOCHS)
    luck = rng.normal(0, 0.008, size=2)
    unrest = rng.normal(size=(EPOCHS, 2)) * (0.012 + 0.3 * np.exp(-epochs))[:, None]
    measured = np.clip(np.stack(curves, axis=1) + luck + unrest, 0.0, CHANCE)
    return _collapsed(Course(configuration, measured, None, configuration.final()), rng)


def _curve(epochs: NDArray[np.int_], start: float, final: float, lag: float) -> NDArray[np.float64]:
    """Falls from the start, slowly first, to exactly the final value after the last epoch."""
    left = np.exp(-((epochs / lag) ** 1.2))
    return final + (start - final) * (left - left[-1]) / (1 - left[-1])


def _collapsed(course: Course, rng: np.random.Generator) -> Course:
    """Lets a trial with too high a rate fall to chance; half of these are noticed at once, as NaN is."""
    excess = course.configuration.rate - course.configuration.best_rate() - 0.5
    falls, seen, epoch = rng.random() < 0.02 + 0.3 / (1 + math.exp(-6 * excess)), rng.random(), rng.integers(1, 15)
    if not falls:
        return course
    measured = course.measured.copy()
    measured[epoch - 1 :] = CHANCE
    return Course(course.configuration, measured, int(epoch) if seen < 0.5 else None, None)


def sample(rng: np.random.Generator) -> Configuration:
    """Draws a configuration uniformly."""
    return Configuration(
        strength=rng.uniform(0, 1),
        rate=rng.uniform(-3, -1),
        decay=rng.uniform(-6, -2),
        share=rng.uniform(0.1, 1),
        steps=int(rng.choice((20, 40))),
    )


def describe(draws: int = 4000) -> str:
    """Says how much an epoch tells about the end, and how good a hundred random trials are."""
    rng = np.random.default_rng(0)
    courses = [course(sample(rng), rng) for _ in range(draws)]
    finals = np.asarray([one.final for one in courses if one.final])
    lines = []
    for epoch in (1, 3, 4, 8, 9, 16, EPOCHS):
        seen = np.asarray([one.measured[epoch - 1] for one in courses if one.final])
        both = [float(spearmanr(seen[:, column], finals[:, column]).statistic) for column in (0, 1)]
        lines.append(f"{epoch:>2}: {sum(both) / 2:.2f} ({both[0]:.2f} error, {both[1]:.2f} robust error)")
    volumes = [
        hypervolume(finals[i : i + 100], REFERENCE) / best_hypervolume() for i in range(0, len(finals) - 99, 100)
    ]
    collapsed = 1 - len(finals) / draws
    return (
        f"surrogate: rank correlation with the final order after epoch {'; '.join(lines)}. {collapsed:.0%} collapse. "
        f"100 random trials reach {np.mean(volumes):.3f} of the front's hypervolume."
    )


if __name__ == "__main__":
    print(describe())

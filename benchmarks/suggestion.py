"""What a question to a sampler takes after many trials, and what it costs TPE to be told of a part of them only."""

import copy
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.stats import t as student

from analysis.pareto import hypervolume
from search_spaces.space import Point, Space
from study.config import MOST_GP, StudyConfig
from study.search.history import History, Told, told
from study.search.optuna_space import every_distribution, middles, names, parameters
from study.search.samplers import GENERATION, PROPOSERS, Nsga2, Proposer, Random, Tpe

SIZES = (100, 300, 1000, 3000, 10_000)
QUESTIONS = 20
STARTUP = 16
TARGET = 0.1  # seconds
EVERYTHING = 10**9
Propose = Callable[[History, int, int], tuple[Point, dict[str, Any]]]


def space() -> Space:
    return StudyConfig(name="simulated").search_space()


def errors(point: Mapping[str, Any]) -> tuple[float, float]:
    """Returns error and robust error of a point: a smooth bowl around a trade-off, not a model of training.

    An adversary in pixels buys robust error with error, the more the larger its weight, radius, share and steps are;
    one on the manifold buys error. All of it needs an optimiser that is set well.
    """
    weights = point["weights"]
    share = point.get("pixel.share", point.get("mixed.pixel.share", 0.0))
    steps = math.exp(-((math.log(point.get("pixel.step_size", 1.0)) - math.log(0.12)) ** 2))
    pixel = weights.get("pixel", 0.0) * min(1.0, 1.5 * share) * min(1.0, point.get("pixel.radius", 0.0)) * steps
    pixel *= 1.0 if point.get("pixel.slack") is None else 0.8
    along = weights.get("manifold", 0.0) * point.get("manifold.share", 0.0) * 2
    along *= math.exp(-((point.get("manifold.radius", 1.0) - 0.8) ** 2) * 2)
    rate, decay = math.log(point["learning_rate"] / 0.008), (point["decay"] - 0.93) / 0.1
    badly = 0.06 * rate**2 + 0.04 * decay**2 + 0.01 * abs(math.log10(point["weight_decay"]) + 4.5)
    error = 0.06 + 0.22 * pixel**0.7 - 0.05 * along + badly
    robust = 0.95 - 0.75 * pixel**0.6 - 0.08 * along + badly
    return as_measured(error), as_measured(robust)


def as_measured(error: float) -> float:
    return round(min(max(error, 0.0), 1.0) * 1000) / 1000


class Rendering:
    """Tells a sampler of points."""

    def __init__(self, *, whole: bool) -> None:
        self.space = space()
        self._whole, self._all, self._middles = whole, every_distribution(self.space), middles(self.space)

    def told(self, point: Point, params: Mapping[str, Any]) -> Told:
        known = self._all if self._whole else {name: self._all[name] for name in names(self.space, point)}
        return told({**self._middles, **params}, known, errors(point), {}, {GENERATION: 0})


class Trace:
    """A search of the analytic errors that can be gone on with in several ways."""

    def __init__(self, *, whole: bool = False) -> None:
        self._rendering, self._history = Rendering(whole=whole), History(2)
        self._found: list[tuple[float, float]] = []

    def extended(self, propose: Propose, trials: int, seed: int) -> "Trace":
        """Goes on up to so many trials."""
        for number in range(len(self._found), trials):
            point, params = propose(self._history, number, seed * 100_003 + number)
            self._history.add(number, self._rendering.told(point, params))
            self._found.append(errors(point))
        return self

    def hypervolume(self) -> float:
        return hypervolume(self._found, (1.0, 1.0))


# -- how long a question takes ---------------------------------------------------------------------------------------


def growth(samplers: list[str], sizes: tuple[int, ...] = SIZES) -> bool:
    """Prints the curve, and returns whether all samplers but gp answer the last question in time."""
    print(f"\nsuggestion after n finished trials, milliseconds: median [quartiles] of {QUESTIONS} questions, and the")
    print("median of what the processor was at work for it, which is less where a machine is shared")
    print("| sampler | " + " | ".join(f"n = {size}" for size in sizes) + " |")
    print("| --- " * (len(sizes) + 1) + "|")
    good = True
    for name in samplers:
        taken = [seconds(name, size) if name != "gp" or size <= MOST_GP else [] for size in sizes]
        print(f"| {name} | " + " | ".join(cell(values) for values in taken) + " |", flush=True)
        good &= not taken[-1] or float(np.median([wall for wall, _ in taken[-1]])) < TARGET
    print(f"target: below {TARGET * 1000:.0f} ms at n = {sizes[-1]}: {'met' if good else 'MISSED'}")
    return good


def seconds(name: str, size: int) -> list[tuple[float, float]]:
    """Returns wall and processor time of questions."""
    rendering, rng = Rendering(whole=PROPOSERS[name].whole), np.random.default_rng(size)
    proposer: Proposer = PROPOSERS[name](rendering.space, STARTUP)
    history = History(2)
    questions = QUESTIONS if name != "gp" else QUESTIONS // 4
    for number in range(size):
        point = rendering.space.sample(rng)
        history.add(number, rendering.told(point, parameters(rendering.space, point)))
    proposer.propose(history, size, 0)  # what is chosen once, such as NSGA-II's parents, is chosen now
    taken = []
    for number in range(size, size + questions):
        wall, worked = time.perf_counter(), time.process_time()
        point, params = proposer.propose(history, number, number)
        taken.append((time.perf_counter() - wall, time.process_time() - worked))
        history.add(number, rendering.told(point, params))
    return taken


def cell(values: list[tuple[float, float]]) -> str:
    if not values:
        return "refused"
    walls, worked = 1000 * np.asarray(values).T
    low, middle, high = np.percentile(walls, (25, 50, 75))
    return f"{middle:.0f} [{low:.0f}, {high:.0f}], {np.median(worked):.0f}"


# -- what the cap costs ----------------------------------------------------------------------------------------------


def capped(trials: int, newest: int, seeds: int) -> None:
    """Prints the hypervolume of TPE told of a part and of everything, paired by seed, and of others beside it."""
    ours = space()
    part, whole = Tpe(ours, STARTUP, newest), Tpe(ours, STARTUP, EVERYTHING)
    arms = (f"tpe, the best and the newest {newest}", "tpe, everything", "nsga2", "random")
    found: dict[str, list[float]] = {name: [] for name in arms}
    for seed in range(seeds):
        shared = Trace().extended(part.propose, newest, seed)  # so far both are told the same
        found[arms[0]].append(copy.deepcopy(shared).extended(part.propose, trials, seed).hypervolume())
        found[arms[1]].append(shared.extended(whole.propose, trials, seed).hypervolume())
        bred = Trace(whole=True).extended(Nsga2(ours, STARTUP).propose, trials, seed)
        found[arms[2]].append(bred.hypervolume())
        found[arms[3]].append(Trace().extended(Random(ours, STARTUP).propose, trials, seed).hypervolume())
    print(f"\nhypervolume of {trials} trials, analytic errors over the trade-off space, {seeds} seeds")
    print("| sampler | mean | the first minus this, paired, with a 95 % interval |\n| --- | --- | --- |")
    for name, values in found.items():
        paired = difference(np.array(found[arms[0]]) - np.array(values)) if name != arms[0] else ""
        print(f"| {name} | {np.mean(values):.4f} | {paired} |")


def difference(values: np.ndarray) -> str:
    middle, error = values.mean(), values.std(ddof=1) / math.sqrt(len(values))
    reach = float(student.ppf(0.975, len(values) - 1)) * error
    return f"{middle:+.4f} [{middle - reach:+.4f}, {middle + reach:+.4f}]"

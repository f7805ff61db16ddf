"""What early stopping is worth: a search with it against the same search without, at equal cost.

    python benchmarks/scheduling.py [--quick] [--seeds 20] [--trials 100] [--workers 4 16] [--samplers random tpe nsga2]
    python benchmarks/scheduling.py --replay benchmarks/curves/fonts-laptop.parquet
    python benchmarks/scheduling.py --decisions      # milliseconds a decision takes, up to 10,000 trials

A search without stopping runs its trials to the end; with stopping it gets what that cost, in gradient evaluations of
training and validation, and starts as many trials as that allows. Hypervolumes are of final values (on the surrogate
the true ones) of what has finished, as fractions of the best there is. Printed are the fraction of the cost at which
the other search's final hypervolume is reached (median, 95 % quantile, share of seeds that get there) and the
difference of final hypervolumes, paired by seed, with a 95 % interval by Student's t. Beside it stands Syne Tune's
MOASHA as released and with its ranks corrected, where that package can be imported.
"""

import argparse
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import surrogate
from hardware import describe
from moasha import Moasha, importable
from replay import Replay, worlds
from samplers import Told, asker
from scipy.stats import t as student
from simulation import Outcome, Sampler, Scheduler, Study

from study.scheduling.pareto_halving import HalvingConfig, ParetoHalving

HALVING = HalvingConfig(rungs=(4, 8, 16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A way of stopping.

    Attributes:
        rungs: epochs at which trials are measured.
        scheduler: makes one from a seed.
        told: as what the sampler is told of stopped trials.
    """

    name: str
    rungs: tuple[int, ...]
    scheduler: Callable[[int], Scheduler]
    told: Told = "FAIL"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What searches take place in.

    Attributes:
        sampler: makes one from a seed and from what it is told of stopped trials.
        trials: that a search without stopping runs.
        best: hypervolume of the best there is.
    """

    name: str
    sampler: Callable[[int, Told], Sampler]
    trials: int
    best: float


Pair = tuple[float, float]


def halving(config: HalvingConfig, seed: int) -> Scheduler:
    return ParetoHalving(config, seed=seed)


def moasha(grace: int, factor: int, epochs: int, corrected: bool, seed: int) -> Scheduler:
    return Moasha(grace=grace, factor=factor, epochs=epochs, corrected=corrected, seed=seed)


def ours(config: HalvingConfig, told: Told = "FAIL") -> Arm:
    name = f"{config.mode} at {', '.join(map(str, config.rungs))}, factor {config.factor:g}, told as {told}"
    return Arm(name=name, rungs=config.rungs, scheduler=partial(halving, config), told=told)


def theirs(grace: int, factor: int, epochs: int, *, corrected: bool) -> Arm:
    rungs = tuple(grace * factor**k for k in range(10) if grace * factor**k < epochs)
    kind = "MOASHA corrected" if corrected else "MOASHA as released"
    scheduler = partial(moasha, grace, factor, epochs, corrected)
    return Arm(name=f"{kind}, at {', '.join(map(str, rungs))}, factor {factor}", rungs=rungs, scheduler=scheduler)


def compare(world: World, arms: list[Arm], workers: int, seed: int) -> list[Pair]:
    """Returns, for every arm, the fraction of the cost at which it is level, and by how much it ends ahead."""
    plain = Study(world.sampler(seed, "FAIL"), None, (), _speeds(seed)).run(workers, trials=world.trials)
    reference = surrogate.REFERENCE
    target = plain.hypervolume(reference)
    found = []
    for arm in arms:
        study = Study(world.sampler(seed, arm.told), arm.scheduler(seed), arm.rungs, _speeds(seed))
        outcome: Outcome = study.run(workers, budget=plain.total)
        ahead = (outcome.hypervolume(reference) - target) / world.best
        found.append((outcome.cost_of(target, reference) / plain.total, ahead))
    return found


def _speeds(seed: int) -> np.random.Generator:
    return np.random.default_rng((seed, 2))


def report(name: str, pairs: list[Pair], first: list[Pair]) -> str:
    costs, ahead = zip(*pairs, strict=True)
    # Quantiles among the ordered costs themselves: those that never get there are infinite, and cannot be averaged.
    median, late = (float(np.quantile(costs, q, method="higher")) for q in (0.5, 0.95))
    reached = sum(map(math.isfinite, costs)) / len(costs)
    beside = "" if pairs is first else _interval([own[1] - other[1] for own, other in zip(pairs, first, strict=True)])
    return f"  {name:<50} {_cost(median)} {_cost(late)} {reached:6.0%}   {_interval(ahead)}  {beside}"


def _interval(values: Sequence[float]) -> str:
    mean, n = statistics.mean(values), len(values)
    half = float(student.ppf(0.975, n - 1)) * statistics.stdev(values) / math.sqrt(n)
    return f"{mean:+.4f} [{mean - half:+.4f}, {mean + half:+.4f}]"


def _cost(value: float) -> str:
    return f"{value:6.2f}" if math.isfinite(value) else " never"


def table(world: World, arms: list[Arm], options: argparse.Namespace) -> None:
    """Prints a line for every arm, for each number of workers."""
    for workers in options.workers:
        print(f"\n{world.name}, {workers} workers, {world.trials} trials without stopping, {options.seeds} seeds")
        print(f"  {'':<50} median    95%  reach   hypervolume beside no stopping   and beside the first line")
        with ProcessPoolExecutor(options.processes) as pool:
            found = list(pool.map(partial(compare, world, arms, workers), range(options.seeds)))
        by_arm = [list(pairs) for pairs in zip(*found, strict=True)]
        for arm, pairs in zip(arms, by_arm, strict=True):
            print(report(arm.name, pairs, by_arm[0]), flush=True)


def surrogate_sampler(name: str, seed: int, told: Told) -> Sampler:
    return asker(name, seed, told)


def on_surrogate(options: argparse.Namespace) -> None:
    print(surrogate.describe(400 if options.quick else 4000))
    foreign = [theirs(grace, factor, 27, corrected=c) for grace, factor in ((4, 2), (3, 3)) for c in (False, True)]
    if not importable():
        print("Syne Tune cannot be imported: nothing stands beside ours.")
    for name in options.samplers:
        arms = [ours(HALVING), ours(HalvingConfig(rungs=HALVING.rungs, mode="pause"))]
        if name != "random":
            arms += [ours(HALVING, "COMPLETE"), ours(HALVING, "PRUNED")]
        arms += foreign if importable() and name == "random" else []  # which is what MOASHA itself asks for
        best = surrogate.best_hypervolume()
        table(
            World(name=name, sampler=partial(surrogate_sampler, name), trials=options.trials, best=best), arms, options
        )


def on_curves(options: argparse.Namespace) -> None:
    for recorded in worlds(options.replay):
        print(f"\n{recorded.describe()}")
        arms = [ours(HalvingConfig(rungs=rungs, mode=mode)) for rungs in recorded.rungs() for mode in ("stop", "pause")]
        sampler = partial(replay_sampler, recorded)
        table(World(name=recorded.name, sampler=sampler, trials=recorded.trials, best=recorded.best()), arms, options)


def replay_sampler(recorded: Replay, seed: int, told: Told) -> Sampler:  # noqa: ARG001 - a random order hears nothing
    return recorded.order(seed)


def time_decisions() -> None:
    """Prints what a decision costs as the rung grows."""
    draw, scheduler = random.Random(0), ParetoHalving(HalvingConfig(rungs=(1,)))
    taken: list[float] = []
    for number in range(1, 10_001):
        point = (draw.random(), draw.random())
        began = time.thread_time()
        scheduler.decide(f"t{number}", "only", 1, point)
        taken.append(1000 * (time.thread_time() - began))
        if number in (100, 300, 1000, 3000, 10_000):
            last = taken[-50:]
            print(f"  {number:>6} trials: {statistics.median(last):.2f} ms, {max(last):.2f} at most (processor time)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4 seeds of 40 trials")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--workers", type=int, nargs="+", default=[4, 16])
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe", "nsga2"])
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--replay", type=Path, metavar="FILE", help="of benchmarks/record_curves.py")
    parser.add_argument("--decisions", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.seeds, options.trials = 4, 40
    print(describe())
    if options.decisions:
        time_decisions()
    elif options.replay:
        on_curves(options)
    else:
        on_surrogate(options)


if __name__ == "__main__":
    main()

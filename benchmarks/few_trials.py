"""What a search of few trials finds, where halving stops most of them: samplers on analytic errors, paired by seed.

    python benchmarks/few_trials.py [--trials 24 40 64 100 160] [--seeds 24] [--first-seed 0] [--scheduler none]

The trade-off space with its baselines, one trial after another. Errors are the analytic ones of `suggestion.py`; at
rungs after 3, 6 and 12 of 20 epochs they have normal noise of .06, .045 and .03, and multi-objective halving decides.
Hypervolumes up to (1, 1) are of the final errors of what has finished, with the baselines and without. "tpe, a tenth"
is told what the study's own TPE is told, and calls good what Optuna does by default.
"""

import argparse
import math
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product

import numpy as np
from hardware import describe
from suggestion import Rendering, difference, errors

from analysis.pareto import hypervolume
from study.scheduling.pareto_halving import Decision, HalvingConfig, ParetoHalving
from study.search.history import History
from study.search.optuna_space import parameters
from study.search.samplers import PROPOSERS, Tpe
from study.storage.provenance import usable_cpus

NOISE: Mapping[int, float] = {3: 0.06, 6: 0.045, 12: 0.03}
TENTH = "tpe, a tenth"
ARMS = ("tpe", TENTH, "nsga2", "random")
Found = tuple[float, float, int]


def a_tenth(complete: int) -> int:
    return math.ceil(complete / 10)


def goes_on(halving: ParetoHalving, trial: str, seen: Mapping[int, list[float]]) -> bool:
    """Tells whether a trial passes all rungs; it is not seen at those behind the one that stops it."""
    return all(halving.decide(trial, "conv", epoch, values) is Decision.CONTINUE for epoch, values in seen.items())


def searched(arm: str, trials: int, seed: int, scheduler: str) -> Found:
    """Returns hypervolumes of one search, with the baselines and without, and how many others have finished."""
    name = "tpe" if arm == TENTH else arm
    rendering, history, rng = Rendering(whole=PROPOSERS[name].whole), History(2), np.random.default_rng((seed, 7))
    baselines = [point for _, point in rendering.space.baselines]
    startup = len(baselines) + max(4, trials // 4)
    ours = partial(PROPOSERS[name], rendering.space, startup)
    proposer = Tpe(rendering.space, startup, good=a_tenth) if arm == TENTH else ours()
    halving = ParetoHalving(HalvingConfig(rungs=tuple(NOISE)))
    finished: list[tuple[float, float]] = []
    for number in range(len(baselines) + trials):
        if number < len(baselines):
            point = baselines[number]
            chosen = parameters(rendering.space, point)
        else:
            point, chosen = proposer.propose(history, number, seed * 100_003 + number)
        found = errors(point)
        seen = {epoch: [value + rng.normal(0, noise) for value in found] for epoch, noise in NOISE.items()}
        on = scheduler == "none" or goes_on(halving, str(number), seen)
        if on or number < len(baselines):
            finished.append(found)
            history.add(number, rendering.told(point, chosen))
    others = finished[len(baselines) :]
    return hypervolume(finished, (1.0, 1.0)), hypervolume(others, (1.0, 1.0)) if others else 0.0, len(others)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, nargs="+", default=[24, 40, 64, 100, 160], help="beside the baselines")
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--scheduler", choices=("pareto-halving", "none"), default="pareto-halving")
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    print(f"{describe()}; seeds {seeds[0]} to {seeds[-1]}, {arguments.scheduler}")
    print("| trials | sampler | hypervolume | without baselines | finished | the first minus this [95 %] |")
    print("| --- " * 6 + "|")
    with ProcessPoolExecutor(usable_cpus()) as pool:
        for trials in arguments.trials:
            cases = list(product(ARMS, [trials], seeds, [arguments.scheduler]))
            every = np.array(list(pool.map(searched, *zip(*cases, strict=True)))).reshape(len(ARMS), len(seeds), 3)
            for arm, found in zip(ARMS, every, strict=True):
                means = found.mean(0)
                paired = difference(every[0, :, 0] - found[:, 0]) if arm != ARMS[0] else ""
                row = f"{means[0]:.3f} | {means[1]:.3f} | {means[2]:.1f} | {paired}"
                print(f"| {trials} | {arm} | {row} |", flush=True)


if __name__ == "__main__":
    main()

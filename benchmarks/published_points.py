"""What a search is worth: its points beside the published settings, trained on the same faces with the same budget.

    python benchmarks/published_points.py --data-root DIR [--runs runs] [--name published] [--trials 100]
                                          [--sampler nsga2] [--seeds 5] [--n-train 1000]

A tradeoff study on FONTS with conv, 20 epochs and 40 steps of attacks a trial, is run from the command line (or gone on
with, if it lies there). The published settings are its baselines, confirmed with the same fresh seeds; RegAdv full is
trained here, and so is a control: random codes from the whole latent box, which tells generalization from more data.
Hypervolumes up to (1, 1) are compared seed by seed. Published values: Stutz, Hein and Schiele, CVPR 2019 (arXiv
1812.00740), of 5 models.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from hardware import describe
from numpy.typing import NDArray

from analysis.front import Candidate, confirmed_fronts
from analysis.load import load
from analysis.paper_reference import PREFERENCE, paper_values
from analysis.pareto import hypervolume
from analysis.statistics import difference, interval
from study.config import StudyConfig
from study.storage.provenance import usable_cpus
from study.storage.store import recall
from trainables.config import TrialConfig
from trainables.pipeline import prepare
from trainables.strategies import STRATEGIES

PUBLISHED = ("Normal", "RegAdv", "RegAdv full", "RegAdv weak", "OnTrue", "Reg+OnTrue", "RandTrue")
CONTROL = "RandTrue whole box"
TRAINED_HERE = ("RegAdv full", CONTROL)
MEASURES = {"error": "test_error", "robust_error": "test_robust_error", "success_rate": "test_success_rate"}
PAIRS = (("error", "robust_error"), ("error", "success_rate"))
Values = Mapping[str, NDArray[np.float64]]


def searched(arguments: argparse.Namespace) -> Path:
    """Runs the study, or goes on with it, and returns its folder."""
    folder: Path = arguments.runs / arguments.name
    command = [sys.executable, "-m", "study.launch"]
    if folder.exists():
        command += ["--resume", str(folder)]
    else:
        command += ["--space", "tradeoff", "--scale", "paper", "--architectures", "conv", "--strong", "none"]
        command += ["--data-root", str(arguments.data_root), "--runs", str(arguments.runs), "--name", arguments.name]
        command += ["--sampler", arguments.sampler]
        numbers = ("n_train", "trials", "seeds", "epochs", "n_test", "n_attacked")
        for name in numbers:
            if getattr(arguments, name) is not None:
                command += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    subprocess.run(command, check=True)
    return folder


def setting(study: StudyConfig, method: str, seed: int) -> TrialConfig:
    """A published setting with the study's budget, measured as its candidates are."""
    base = study.base("conv", seed)
    assert isinstance(base, TrialConfig), "classifiers are searched"
    strategy = STRATEGIES[method].under(study.threat_model)
    return replace(
        base, clean_weight=strategy.clean_weight, roles=strategy.roles, evaluation=study.confirmation(), seed=seed
    )


def trained(study: StudyConfig, method: str, seed: int, kept: Path) -> dict[str, float]:
    """Returns the last report of a setting, from a file if it has been trained before."""
    path = kept / f"{method.replace(' ', '-')}-{seed}.json"
    if not path.exists():
        torch.set_num_threads(1)
        *_, last = prepare(setting(study, method, seed)).reports()
        path.write_text(json.dumps(asdict(last)))
    report: dict[str, float] = json.loads(path.read_text())
    return report


def retrained(study: StudyConfig, kept: Path) -> dict[str, Values]:
    """Trains what the study has no baseline for, with its fresh seeds."""
    kept.mkdir(parents=True, exist_ok=True)
    seeds = sorted(study.fresh_seeds())
    with ProcessPoolExecutor(usable_cpus()) as pool:
        jobs = {method: [pool.submit(trained, study, method, seed, kept) for seed in seeds] for method in TRAINED_HERE}
        reports = {method: [job.result() for job in own] for method, own in jobs.items()}
    return {
        method: {name: np.array([report[name] for report in own], dtype=np.float64) for name in MEASURES}
        for method, own in reports.items()
    }


def of_candidate(candidate: Candidate) -> Values:
    """Returns what is compared of a candidate, one value a seed."""
    return {name: candidate.values[column] for name, column in MEASURES.items()}


def volumes(points: Sequence[Values], pair: tuple[str, str], seeds: int) -> list[float]:
    """Returns the hypervolume of all points together, seed by seed; that of none is 0."""
    table = np.array([[point[name] for name in pair] for point in points]).reshape(-1, len(pair), seeds)
    return [hypervolume(table[:, :, seed], (1.0, 1.0)) for seed in range(seeds)]


def compared(found: Mapping[str, Values], published: Mapping[str, Values], pair: tuple[str, str]) -> None:
    """Prints the difference of hypervolumes, and who dominates whom."""
    seeds = len(next(iter(published.values()))[pair[0]])
    every = (found, published, {**published, **found})
    ours, theirs, both = (volumes(list(points.values()), pair, seeds) for points in every)
    more = difference(both, theirs)
    gap, names = difference(ours, theirs), " and ".join(pair).replace("_", " ")
    print(f"\nin {names}: hypervolume {np.mean(ours):.4f} of {len(found)} searched points, {np.mean(theirs):.4f} of")
    print(f"{len(published)} published settings; difference {gap.mean:+.4f} [{shown(gap.low)}, {shown(gap.high)}],")
    print(f"{gap.n} seeds, {gap.method}; of both together {np.mean(both):.4f}, which is {more.mean:+.4f}")
    print(f"[{shown(more.low)}, {shown(more.high)}] more than the published settings have alone")
    print(
        f"| setting | {' | '.join(pair)} | dominated in the means by | of these, with every seed |\n"
        + "| --- " * 5
        + "|"
    )
    for method, values in published.items():
        better = [name for name, own in found.items() if dominates([own[each].mean() for each in pair], values, pair)]
        always = [name for name in better if all(wins(found[name], values, pair))]
        cells = [mean(values[each]) for each in pair]
        print(f"| {method} | {' | '.join(cells)} | {', '.join(better) or 'none'} | {len(always)} |")


def dominates(means: Sequence[float], other: Values, pair: tuple[str, str]) -> bool:
    """Tells whether means are nowhere worse than another's, and somewhere better."""
    gaps = np.array(means) - [other[each].mean() for each in pair]
    return bool((gaps <= 0).all() and (gaps < 0).any())


def wins(own: Values, other: Values, pair: tuple[str, str]) -> list[bool]:
    """Tells of every seed whether one dominates the other."""
    gaps = np.array([own[each] - other[each] for each in pair])
    return [bool((gap <= 0).all() and (gap < 0).any()) for gap in gaps.T]


def mean(values: NDArray[np.float64]) -> str:
    """Formats a mean and its interval."""
    found = interval(values)
    return f"{found.mean:.3f} [{shown(found.low)}, {shown(found.high)}]"


def shown(end: float | None) -> str:
    return "–" if end is None else f"{end:.3f}"


def in_print(method: str, n_train: int) -> str:
    """Returns the paper's test error and success rate of a setting, as far as it has them."""
    cells = []
    for metric in ("test_error", "regular_success"):
        known = ("fonts", "conv", method, n_train, metric)
        values = {v.provenance: v.value for v in paper_values() if named(v) == known}
        cells.append(next((f"{values[each]:.3f}" for each in PREFERENCE if each in values), "–"))
    return " | ".join(cells)


def named(value: object) -> tuple[object, ...]:
    return tuple(getattr(value, name) for name in ("dataset", "architecture", "method", "n_train", "metric"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="as of study.launch")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--name", default="published")
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--sampler", default="nsga2", help="as of study.launch; few_trials.py says why it is this one")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--n-train", type=int, default=1000)
    for name in ("--epochs", "--n-test", "--n-attacked"):
        parser.add_argument(name, type=int, help="as of study.launch (default: the paper's)")
    arguments = parser.parse_args()
    folder = searched(arguments)
    study, (front,) = recall(folder), confirmed_fronts(load(folder))
    here = retrained(study, folder.parent / f"{folder.name}-settings")
    confirmed = {candidate.name: of_candidate(candidate) for candidate in front.candidates if candidate.label}
    found = {candidate.name: of_candidate(candidate) for candidate in front.candidates if not candidate.label}
    published = {method: {**confirmed, **here}[method] for method in PUBLISHED if method in {**confirmed, **here}}
    print(f"{describe()}; conv on FONTS, {study.data.n_train} images, {study.epochs} epochs, {study.steps} steps")
    for pair in PAIRS:
        compared(found, published, pair)
    print(
        "\n| setting | test error | robust error | success rate | published: error | success |\n" + "| --- " * 6 + "|"
    )
    for name, values in {**published, CONTROL: here[CONTROL], **found}.items():
        print(
            f"| {name} | {' | '.join(mean(values[each]) for each in MEASURES)} | {in_print(name, study.data.n_train)} |"
        )


if __name__ == "__main__":
    sys.exit(main())

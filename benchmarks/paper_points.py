"""Trains the paper's strategies at the paper's settings and prints them beside the published values.

    python benchmarks/paper_points.py --data-root DIR [--sizes 1000 5000] [--seeds 2]
    python benchmarks/paper_points.py --data-root DIR --dataset mnist
    python benchmarks/paper_points.py --data-root DIR --dataset mnist --learned all --manifolds runs/manifolds

Published values: Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740); see analysis/paper_reference.csv. They are of
the conv network, on FONTS and EMNIST digits; the latter stand beside MNIST, which is cut out of the same collection by
another procedure. Success rates are the paper's: its attack (40 steps, radius .3), 5 attempts, over correctly
classified images; of 1000 test images under all threats, where the paper takes 1000 and 2500. A seed without a result
is named, and left out.
"""

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from hardware import describe

from analysis.paper_reference import PREFERENCE, paper_values
from study.scales import SCALES
from trainables.config import (
    ARCHITECTURES,
    TEST_SIZES,
    DataConfig,
    Dataset,
    EvaluationConfig,
    LearnedConfig,
    ThreatModel,
    TrialConfig,
)
from trainables.pipeline import prepare
from trainables.provision import provide
from trainables.report import EpochReport
from trainables.strategies import STRATEGIES

METHODS = {
    "fonts": ("Normal", "RegAdv", "OnTrue", "Reg+OnTrue"),
    "mnist": ("Normal", "RegAdv", "AdvTrans"),
    "fashion": ("Normal", "RegAdv", "AdvTrans"),
}
ON_LEARNED = ("Normal", "OnLearned", "Reg+OnLearned", "RandLearned")
MEASURES = {"error": "test_error", "success_rate": "regular_success"}
PUBLISHED = {"fonts": "fonts", "mnist": "emnist"}


def data_config(dataset: Dataset, root: Path, n_train: int) -> DataConfig:
    """The first images in order, as in the paper; all that there are to test on, and of FONTS 40,000."""
    return DataConfig(
        dataset=dataset,
        source=str(root / "FONTS" / "prototypes.npz" if dataset == "fonts" else root),
        subset="first",
        n_train=n_train,
        n_test=TEST_SIZES.get((dataset, None), 40_000),
    )


def config(method: str, seed: int, data: DataConfig, options: argparse.Namespace) -> TrialConfig:
    """The paper's settings: 20 epochs of batches of 100, Adam, 40 steps."""
    strategy = STRATEGIES[method].under(ThreatModel())
    return TrialConfig(
        architecture=options.architecture,
        width=options.width,
        data=data,
        clean_weight=strategy.clean_weight,
        roles=strategy.roles,
        epochs=options.epochs,
        evaluation=EvaluationConfig(split="test", n_attacked=options.attacked, steps=40, paper_attempts=5),
        manifold=learned_config(options) if options.learned else None,
        seed=seed,
    )


def learned_config(options: argparse.Namespace) -> LearnedConfig:
    """A VAE-GAN for each class, from all training images or from those that the classifier sees."""
    model = SCALES[options.manifold_scale].manifold
    return LearnedConfig(model=replace(model, images=options.learned, gamma=options.gamma))


def last_report(trial: TrialConfig, manifolds: str) -> EpochReport:
    """Trains to the end, the manifold first if there is to be one and nobody has learned it."""
    *_, last = prepare(trial, provide(trial.manifold, trial.data, manifolds)).reports()
    return last


def published(trial: TrialConfig, method: str, metric: str) -> float | None:
    """Returns the paper's value for conv at full width, from the most exact figure that has it."""
    if trial.width != 1:
        return None
    known = (PUBLISHED.get(trial.data.dataset), trial.architecture, method, trial.data.n_train, metric)
    found = {
        value.provenance: value.value
        for value in paper_values()
        if (value.dataset, value.architecture, value.method, value.n_train, value.metric) == known
    }
    return next((found[provenance] for provenance in PREFERENCE if provenance in found), None)


def cell(values: list[float | None], reference: float | None) -> str:
    """Formats mean and half the range beside the published value."""
    if None in values:
        return "–"
    spread = (max(values) - min(values)) / 2
    beside = "  –  " if reference is None else f"{reference:.3f}"
    return f"{statistics.mean(values):.3f} ± {spread:.3f} ({beside})"


def row(method: str, trial: TrialConfig, reports: list[EpochReport], seconds: float) -> str:
    """Formats a line of the table; the trial is one of those that the reports are of."""
    n_train = trial.data.n_train
    infeasible = [report.infeasible for report in reports if report.infeasible]
    feasible = [report for report in reports if not report.infeasible]
    if not feasible:
        return f"| {n_train} | {method} | infeasible: {infeasible[0]} |"
    on_manifold = "on_learned_success" if trial.manifold else "on_true_success"
    cells = [
        cell([getattr(r, ours) for r in feasible], published(trial, method, theirs))
        for ours, theirs in [*MEASURES.items(), ("on_manifold_success_rate", on_manifold)]
    ]
    ours = [f"{statistics.mean(getattr(r, name) for r in feasible):.3f}" for name in ("robust_error", "affine_error")]
    name = f"{method} ({len(infeasible)} infeasible: {infeasible[0]})" if infeasible else method
    return "| " + " | ".join([str(n_train), name, *cells, *ours, f"{seconds:.0f}"]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="as of study.launch")
    parser.add_argument("--dataset", choices=list(METHODS), default="fonts")
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="conv")
    parser.add_argument("--width", type=float, default=1.0, help="of the architecture (default: 1, the paper's)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--methods", nargs="+", choices=list(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--attacked", type=int, default=1000)
    parser.add_argument("--learned", choices=("all", "n"), help="learn the manifold, from such images")
    parser.add_argument("--manifolds", default="runs/manifolds", help="where learned ones are kept")
    parser.add_argument("--manifold-scale", choices=list(SCALES), default="laptop", help="how they are learned")
    parser.add_argument("--gamma", type=float, default=0.0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    methods = arguments.methods or (ON_LEARNED if arguments.learned else METHODS[arguments.dataset])
    what = f"{arguments.architecture} on {arguments.dataset}"
    what += f", manifold learned from {arguments.learned}" if arguments.learned else ""
    print(f"{describe()}; {what}, {arguments.seeds} seeds: mean ± half the range (published)", flush=True)
    print("| N | method | test error | success rate | on-manifold success | robust error | affine error | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for n_train in arguments.sizes:
        data = data_config(arguments.dataset, arguments.data_root, n_train)
        for method in methods:
            started = time.perf_counter()
            trials = [config(method, seed, data, arguments) for seed in range(arguments.seeds)]
            reports = [last_report(trial, arguments.manifolds) for trial in trials]
            seconds = (time.perf_counter() - started) / arguments.seeds
            print(row(method, trials[0], reports, seconds), flush=True)


if __name__ == "__main__":
    sys.exit(main())

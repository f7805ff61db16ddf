"""Trains the paper's strategies at the paper's settings and prints them beside the published values.

    python benchmarks/paper_points.py --data-root DIR [--sizes 1000 5000] [--seeds 2]

Published values: Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740); see analysis/paper_reference.csv. Success
rates are the paper's: its attack (40 steps, radius .3), 5 attempts, over correctly classified images; of 1000 test
images under both threats, where the paper takes 1000 and 2500. A seed without a result is named, and left out.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from hardware import describe

from analysis.paper_reference import PREFERENCE, paper_values
from trainables.config import DataConfig, EvaluationConfig, ThreatModel, TrialConfig
from trainables.pipeline import prepare
from trainables.report import EpochReport
from trainables.strategies import STRATEGIES

METHODS = ("Normal", "RegAdv", "OnTrue", "Reg+OnTrue")
MEASURES = {"error": "test_error", "success_rate": "regular_success", "on_manifold_success_rate": "on_true_success"}


def config(method: str, n_train: int, seed: int, source: str, epochs: int, attacked: int) -> TrialConfig:
    """The paper's settings: 20 epochs of batches of 100, Adam, 40 steps; all faces in the test split."""
    strategy = STRATEGIES[method].under(ThreatModel())
    return TrialConfig(
        data=DataConfig(source=source, subset="first", n_train=n_train, n_validation=1000, n_test=40_000),
        clean_weight=strategy.clean_weight,
        roles=strategy.roles,
        epochs=epochs,
        evaluation=EvaluationConfig(split="test", n_attacked=attacked, steps=40, paper_attempts=5),
        seed=seed,
    )


def last_report(trial: TrialConfig) -> EpochReport:
    """Trains to the end."""
    *_, last = prepare(trial).reports()
    return last


def published(method: str, n_train: int, metric: str) -> float | None:
    """Returns the paper's value for conv on FONTS, from the most exact figure that has it."""
    found = {
        value.provenance: value.value
        for value in paper_values()
        if (value.dataset, value.architecture, value.method) == ("fonts", "conv", method)
        and (value.n_train, value.metric) == (n_train, metric)
    }
    return next((found[provenance] for provenance in PREFERENCE if provenance in found), None)


def cell(values: list[float], reference: float | None) -> str:
    """Formats mean and half the range beside the published value."""
    spread = (max(values) - min(values)) / 2
    beside = "  –  " if reference is None else f"{reference:.3f}"
    return f"{statistics.mean(values):.3f} ± {spread:.3f} ({beside})"


def row(method: str, n_train: int, reports: list[EpochReport], seconds: float) -> str:
    """Formats a line of the table."""
    infeasible = [report.infeasible for report in reports if report.infeasible]
    feasible = [report for report in reports if not report.infeasible]
    if not feasible:
        return f"| {n_train} | {method} | infeasible: {infeasible[0]} |"
    cells = [
        cell([getattr(r, ours) for r in feasible], published(method, n_train, theirs))
        for ours, theirs in MEASURES.items()
    ]
    robust = f"{statistics.mean(r.robust_error for r in feasible):.3f}"
    name = f"{method} ({len(infeasible)} infeasible: {infeasible[0]})" if infeasible else method
    return "| " + " | ".join([str(n_train), name, *cells, robust, f"{seconds:.0f}"]) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, required=True, help="folder with FONTS/prototypes.npz")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=list(STRATEGIES))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--attacked", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{describe()}; {arguments.seeds} seeds: mean ± half the range (published)", flush=True)
    print("| N | method | test error | success rate | on-manifold success | robust error (ours) | seconds |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    source = str(arguments.data_root / "FONTS" / "prototypes.npz")
    for n_train in arguments.sizes:
        for method in arguments.methods:
            started = time.perf_counter()
            trials = (
                config(method, n_train, seed, source, arguments.epochs, arguments.attacked)
                for seed in range(arguments.seeds)
            )
            reports = [last_report(trial) for trial in trials]
            seconds = (time.perf_counter() - started) / arguments.seeds
            print(row(method, n_train, reports, seconds), flush=True)


if __name__ == "__main__":
    sys.exit(main())

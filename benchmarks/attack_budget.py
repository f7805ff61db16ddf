"""How much of an attack's budget a measurement needs: errors of the same models under growing ones.

    python benchmarks/attack_budget.py --data-root DIR [--dataset fashion] [--architecture vgg]

Models are the space's first baselines, trained as the laptop scale trains them; 250 test images. A budget is steps x
starts per radius, on the pixel threat and on the second adversary's.
"""

import argparse
import time
from dataclasses import replace

import torch
from hardware import describe

from study.config import StudyConfig
from study.options import read_options
from study.search.point import to_config
from trainables.config import TrialConfig
from trainables.evaluation.asked import Subject
from trainables.evaluation.measure import under_attack
from trainables.evaluation.tally import Tally
from trainables.pipeline import prepare

BUDGETS = ((10, 1), (20, 1), (40, 1), (10, 2), (20, 2), (100, 3))
BASELINES = 4


def study(options: argparse.Namespace) -> StudyConfig:
    """Returns the study at laptop scale that models and measurement are taken from."""
    words = ["--space", "tradeoff", "--scale", "laptop", "--name", "budget", "--dataset", options.dataset]
    return read_options([*words, "--data-root", options.data_root, "--dry-run"]).config


def measure(config: TrialConfig, confirmation: StudyConfig) -> None:
    """Trains one model and prints its errors under every budget."""
    run = prepare(replace(config, evaluation=replace(config.evaluation, n_attacked=2, paper_attempts=0)))
    for _ in run.reports():
        pass
    training = run.training
    for steps, starts in BUDGETS:
        tally, began = Tally(), time.perf_counter()
        subject = Subject(
            classifier=training.classifier, folded=training.folded(), split=training.splits.test, tally=tally
        )
        budget = replace(confirmation.confirmation(), steps=steps, restarts=starts, paper_attempts=0)
        found = under_attack(subject, training.manifolds, config.threat_model, budget, config.data.seed)
        second = found.on_manifold_error if found.on_manifold_error is not None else found.affine_error
        print(
            f"    {steps:>3} x {starts}   robust error {found.robust_error:.3f}   second adversary {second:.3f}   "
            f"{tally.gradient_evaluations:>8,} gradient evaluations   {time.perf_counter() - began:5.1f} s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", required=True, metavar="DIR")
    parser.add_argument("--dataset", default="fashion", choices=["fonts", "fashion", "mnist"])
    parser.add_argument("--architecture", default="vgg", choices=["conv", "mlp", "resnet", "vgg"])
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = study(options)
    print(f"{describe()}; {options.dataset}, {options.architecture}, seed 0, n = {config.n_attacked}")
    for label, point in config.search_space().baselines[:BASELINES]:
        print(f"  {label}", flush=True)
        measure(to_config(point, config.base(options.architecture, 0)), config)


if __name__ == "__main__":
    main()

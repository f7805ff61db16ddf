"""Times models that are measured together against the same models one after another.

    python benchmarks/measuring.py [--rounds 7] [--models 2 4 8] [--architectures conv mlp ...] [--device cpu]

What is measured is what a trial's rung costs in a study of laptop scale: PGD of 10 steps at four radii on 250 images of
FONTS, and the error on 1000. The models have been trained for three epochs on 1000 images, without an attack, from
seeds of their own. Both ways run once a round, one after the other, in one thread. Prints seconds a model, and round by
round how many times as fast it is together: medians and quartiles; and whether all errors are equal.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from contenders import quartiles
from fused import WIDTHS
from hardware import describe

from trainables.config import ARCHITECTURES, Architecture, DataConfig, EvaluationConfig, TrialConfig
from trainables.evaluation.asked import Subject
from trainables.evaluation.questions import Question, together
from trainables.evaluation.tally import Tally
from trainables.pipeline import prepare
from trainables.training.questions import Attacks, of_attacks, of_error

DATA = DataConfig(n_train=1000, n_validation=1000, n_test=50)
RUNG = EvaluationConfig(n_attacked=250, steps=10, paper_attempts=0)


def questions(architecture: Architecture, seed: int, device: torch.device) -> list[Question]:
    """What is asked of a model at a rung."""
    config = TrialConfig(
        architecture=architecture, width=WIDTHS[architecture], data=DATA, epochs=3, seed=seed, evaluation=RUNG
    )
    run = prepare(replace(config, evaluation=replace(RUNG, only_last=True)))
    for _ in run.reports():
        pass
    training = run.training
    folded = {name: values.to(device) for name, values in training.folded().items()}
    subject = Subject(classifier=training.classifier, folded=folded, split=training.splits.validation, tally=Tally())
    return [of_error(subject), of_attacks(subject, Attacks({}, config.threat_model, RUNG, config.data.seed))]


def timed(work: Callable[[], list[Any]], device: torch.device) -> tuple[float, list[Any]]:
    started = time.perf_counter()
    found = work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started, found


def apart_answers(kinds: list[tuple[Question, ...]]) -> list[Any]:
    return [question.answer() for kind in kinds for question in kind]


def shared_answers(kinds: list[tuple[Question, ...]]) -> list[Any]:
    return [answer for kind in kinds for answer in together(kind, len(kind))]


def compare(architecture: Architecture, arguments: argparse.Namespace) -> None:
    """Prints the rows of one architecture."""
    device = torch.device(arguments.device)
    every = [questions(architecture, seed, device) for seed in range(max(arguments.models))]
    for k in arguments.models:
        kinds = list(zip(*every[:k], strict=True))
        apart, shared, equal = [], [], True
        for number in range(arguments.rounds + 1):
            first, alone = timed(partial(apart_answers, kinds), device)
            second, found = timed(partial(shared_answers, kinds), device)
            equal &= alone == found
            if number:  # the first round warms up
                apart.append(first / k)
                shared.append(second / k)
        ratios = [one / other for one, other in zip(apart, shared, strict=True)]
        row = (architecture, str(k), quartiles(apart), quartiles(shared), quartiles(ratios), "yes" if equal else "no")
        print(f"| {' | '.join(row)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--models", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--device", default="cpu", help="that measures")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{describe()}; {arguments.rounds} rounds, on {arguments.device}")
    print("| network | models | seconds a model, apart | together | times as fast | equal |\n" + "| --- " * 6 + "|")
    for architecture in arguments.architectures:
        compare(architecture, arguments)


if __name__ == "__main__":
    main()

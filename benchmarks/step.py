"""Times one adversarial training step (conv, 40 steps, batch 100, one thread) against two plain loops, in alternation.

    python benchmarks/step.py [--rounds 15] [--data-root DIR] [--seeds 5]

Every contender has a process of its own, and makes ten steps when it is its turn, as a trial makes one after the other;
ours keep their memory, as those of a study do. Prints milliseconds a step and, round by round, the ratio of the plain
loop's time to ours: medians and quartiles. Then how many times as many steps two processes make at once as one does;
and, trained over seeds, the errors with float32 and with bfloat16 attacks, for the claim that they agree.
"""

import argparse
import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import reference_loops
import torch
from contenders import Contender, Run, process, quartiles, wall
from hardware import describe
from torch import nn

from trainables import optimisers
from trainables.allocation import keep_memory
from trainables.classifiers import build
from trainables.config import DataConfig, EvaluationConfig, ThreatModel, TrialConfig
from trainables.pipeline import prepare
from trainables.provision import load_data
from trainables.seeding import stream
from trainables.strategies import STRATEGIES
from trainables.training.examples import Made
from trainables.training.loop import noise_shapes
from trainables.training.plan import dedicated_step, draw_noise, hyper
from trainables.training.step import State

ROLES = STRATEGIES["RegAdv"].under(ThreatModel()).roles
CONFIG = TrialConfig(clean_weight=0.5, roles=ROLES, data=DataConfig(n_train=100, n_validation=250, n_test=100))


def ours(precision: str) -> Run:
    """Our step, in this process; the state goes on from call to call."""
    keep_memory()
    config = replace(CONFIG, attack_precision=precision)
    data = load_data(config.data)
    classifier = build("conv", data.splits.image_shape, data.splits.classes, 1.0)
    params, buffers = classifier.initialise(stream(0, "weights"))
    state = State(params, buffers, optimisers.begin(params))
    step = dedicated_step(config, classifier, data.manifolds, torch.float32)
    batch = Made(data.splits.train, step.manifolds).take(torch.arange(100))
    shapes = noise_shapes(data.splits, data.manifolds)
    rng, numbers = stream(0, "attack"), hyper(config, 0.01, torch.float32)

    def run() -> None:
        nonlocal state
        state, _ = step(state, batch, draw_noise(config, shapes, rng, torch.float32), numbers)

    return run


def plain(step: Callable[..., float]) -> Run:
    """A reference loop on an ordinary module with the paper's layers."""
    data = load_data(CONFIG.data)
    images, labels = data.splits.train.images(torch.arange(100)), data.splits.train.labels
    model = nn.Sequential(
        *(
            layer
            for i, (fan_in, fan_out) in enumerate([(1, 16), (16, 32), (32, 64)])
            for layer in (nn.Conv2d(fan_in, fan_out, 4, 2, 1), nn.BatchNorm2d(fan_out), nn.ReLU())
        ),
        nn.Flatten(),
        nn.Linear(576, 100),
        nn.Linear(100, 10),
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01, betas=(0.5, 0.9), weight_decay=1e-4)
    rng = stream(0, "attack")
    return lambda: step(model, optimiser, images, labels, rng) and None


CONTENDERS = {
    "(a) the paper's loop": partial(plain, reference_loops.paper_step),
    "(b) textbook": partial(plain, reference_loops.textbook_step),
    "ours, float32": partial(ours, "float32"),
    "ours, bfloat16 attack": partial(ours, "bfloat16"),
}
PLAIN, OURS, LENGTH = ("(a) the paper's loop", "(b) textbook"), "ours, float32", 10


def time_steps(rounds: int) -> None:
    with ExitStack() as stack:
        processes = {name: process(stack, make) for name, make in CONTENDERS.items()}
        taken: dict[str, list[float]] = {name: [] for name in CONTENDERS}
        for number in range(rounds + 1):
            for name, one in processes.items():
                elapsed = one.submit(Contender.seconds, LENGTH).result() / LENGTH
                if number:  # the first round warms up
                    taken[name].append(elapsed)
    print("| step | milliseconds | times (a) | times (b) |\n| --- | --- | --- | --- |")
    for name, values in taken.items():
        ratios = [quartiles([slow / fast for slow, fast in zip(taken[other], values, strict=True)]) for other in PLAIN]
        print(f"| {name} | {quartiles([1000 * v for v in values])} | {ratios[0]} | {ratios[1]} |")


def time_two(rounds: int) -> None:
    with ExitStack() as stack:
        both = [process(stack, CONTENDERS[OURS]) for _ in range(2)]
        wall(both, LENGTH)  # to warm up
        ratios = [2 * wall(both[:1], LENGTH) / wall(both, LENGTH) for _ in range(rounds)]
    print(f"\nSteps that two processes make at once, times those of one: {quartiles(ratios)}", flush=True)


def compare_precisions(source: str | None, seeds: int) -> None:
    print(f"\nRegAdv, N = 1000, 10 epochs, {seeds} seeds, validation: mean ± standard deviation")
    print("| attack in | error | robust error |\n| --- | --- | --- |")
    for precision in ("float32", "bfloat16"):
        base = replace(
            CONFIG,
            attack_precision=precision,
            epochs=10,
            data=DataConfig(source=source),
            evaluation=EvaluationConfig(paper_attempts=0),
        )
        reports = [list(prepare(replace(base, seed=seed)).reports())[-1] for seed in range(seeds)]
        if any(report.infeasible for report in reports):
            raise SystemExit(f"no comparison: {[report.infeasible for report in reports]}")
        cells = [
            f"{statistics.mean(values):.3f} ± {statistics.stdev(values):.3f}"
            for values in ([r.error for r in reports], [r.robust_error for r in reports])
        ]
        print(f"| {precision} | {cells[0]} | {cells[1]} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--data-root", help="folder with FONTS/prototypes.npz; without it the bundled typefaces")
    parser.add_argument("--seeds", type=int, default=5, help="of the comparison of precisions; below 2 leaves it out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{describe()}; {arguments.rounds} rounds in alternation: median [quartiles]")
    time_steps(arguments.rounds)
    time_two(arguments.rounds)
    if arguments.seeds >= 2:
        source = f"{arguments.data_root}/FONTS/prototypes.npz" if arguments.data_root else None
        compare_precisions(source, arguments.seeds)


if __name__ == "__main__":
    main()

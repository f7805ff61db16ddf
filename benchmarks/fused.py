"""Times fused training steps (K models at once) against steps of one model, of several processes, and plain loops.

    pip install foolbox && pip install --no-deps torchattacks
    python benchmarks/fused.py [--rounds 9] [--models 1 2 4 8] [--processes 2] [--architectures conv mlp ...]
                               [--width W] [--device cpu]

A step is adversarial training on half of a batch of 100, 40 steps of the paper's attack, one thread. The plain loops
are the paper's (a) and a textbook's, with an attack of its own (b) or of a library (c); (d) are plain processes that
share the machine, or the device, each with steps of one model. Without the libraries (c) is left out. All contenders of
an architecture run once a round, one after the other. Prints milliseconds a model and step, and round by round how many
times faster than the step of one model on its own: medians and quartiles. What is in this process is timed on the host
by the processor's time, which a busy machine adds little to; (d), and all on a device, by the time that passes. The
plain loops run on the host.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import reference_loops
import torch
from contenders import Run, process, quartiles, wall
from hardware import describe

from trainables.allocation import ready_to_compute
from trainables.classifiers import BLUEPRINTS
from trainables.config import ARCHITECTURES, Architecture, DataConfig, EvaluationConfig, ThreatModel, TrialConfig
from trainables.engine.cohort import Cohort
from trainables.pipeline import prepare
from trainables.seeding import stream
from trainables.strategies import STRATEGIES
from trainables.training.examples import Resident
from trainables.training.loop import advance, ready
from trainables.training.training import Training

WIDTHS = {"conv": 1.0, "mlp": 1.0, "resnet": 1 / 8, "vgg": 1 / 8, "vit": 1 / 8}
DATA = DataConfig(n_train=100, n_validation=50, n_test=50)
ALONE = "one on its own"
PLAIN = {"(a) the paper's loop": reference_loops.paper_step, "(b) textbook": reference_loops.textbook_step}
MISSING = ""
try:
    from library_loops import LIBRARIES

    PLAIN |= LIBRARIES
except ImportError as error:  # on a machine that cannot install them, all else is timed
    MISSING = f"; without (c): {error}"


def training(architecture: Architecture, width: float, seed: int) -> Training:
    """A model of the paper's adversarial training, with as many epochs as one likes."""
    roles = STRATEGIES["RegAdv"].under(ThreatModel()).roles
    config = TrialConfig(
        architecture=architecture, width=width, clean_weight=0.5, roles=roles, data=DATA, epochs=10**6, seed=seed,
        evaluation=EvaluationConfig(n_attacked=10),
    )  # fmt: skip
    return prepare(config).training


def alone(model: Training, device: torch.device) -> Run:
    """Steps of one model on its own."""
    step, examples = ready(model, device)

    def run() -> None:
        advance(model, step, examples)
        model.progress.losses.clear()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return run


def sharer(architecture: Architecture, width: float, device: str) -> Run:
    """Steps of one model on its own, in a process of (d)."""
    ready_to_compute()
    return alone(training(architecture, width, 0), torch.device(device))


def fused(models: list[Training], device: torch.device) -> Run:
    """Fused steps of models, every slot filled."""
    cohort = Cohort(models[0], len(models), device)
    data = Resident(models[0].splits.train, {}, models[0].dtype, device)
    for model in models:
        cohort.join(model, data)

    def run() -> None:
        for slot in cohort.step():
            slot.training.progress.losses.clear()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return run


def plain(architecture: Architecture, width: float, step: Callable[..., float]) -> Run:
    """A reference loop on the architecture as an ordinary module."""
    model = training(architecture, width, 0)
    blueprint = BLUEPRINTS[architecture](model.splits.image_shape, model.splits.classes, width)
    network = blueprint.network.to_empty(device="cpu")
    network.load_state_dict(model.state.params | model.state.buffers, strict=False)  # torch adds counts of batches
    images, labels = model.splits.train.images(torch.arange(100)), model.splits.train.labels
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.5, 0.9), weight_decay=1e-4)
    rng = stream(0, "attack")
    return lambda: step(network, optimiser, images, labels, rng) and None


def seconds(run: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    run()
    return clock() - started


def compare(architecture: Architecture, width: float, arguments: argparse.Namespace) -> None:
    """Prints the rows of one architecture."""
    device = torch.device(arguments.device)
    here = time.process_time if device.type == "cpu" else time.perf_counter
    contenders = {name: (1, plain(architecture, width, step), here) for name, step in PLAIN.items()}
    contenders[ALONE] = (1, alone(training(architecture, width, 0), device), here)
    for k in arguments.models:
        several = [training(architecture, width, seed) for seed in range(k)]
        contenders[f"{k} fused"] = (k, fused(several, device), here)
    taken: dict[str, list[float]] = {}
    with ExitStack() as stack:
        for k in arguments.processes:
            make = partial(sharer, architecture, width, arguments.device)
            sharers = partial(wall, [process(stack, make) for _ in range(k)], 1)
            contenders[f"(d) {k} processes"] = (k, sharers, time.perf_counter)
        for number in range(arguments.rounds + 1):
            for name, (k, run, clock) in contenders.items():
                elapsed = seconds(run, clock) / k
                if number:  # the first round warms up
                    taken.setdefault(name, []).append(1000 * elapsed)
    size = training(architecture, width, 0).classifier.size
    for name, values in taken.items():
        ratios = [one / each for one, each in zip(taken[ALONE], values, strict=True)]
        print(
            f"| {architecture} {width:g} ({size:,}) | {name} | {quartiles(values)} | {quartiles(ratios)} |", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--models", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--processes", type=int, nargs="+", default=[2])
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=list(ARCHITECTURES))
    parser.add_argument("--width", type=float, help="of all; without it 1 for conv and mlp, 1/8 for the others")
    parser.add_argument("--device", default="cpu", help="of the fused steps")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    ready_to_compute()
    where = f"fused on {arguments.device}{MISSING}"
    print(f"{describe()}; {where}; {arguments.rounds} rounds in alternation: median [quartiles]")
    print("| network (parameters) | step | milliseconds a model | times one on its own |\n| --- | --- | --- | --- |")
    for architecture in arguments.architectures:
        width = arguments.width or WIDTHS[architecture]
        compare(architecture, width, arguments)


if __name__ == "__main__":
    main()

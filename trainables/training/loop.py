"""Training as a generator: the scheduler stops by not asking for more.

All that changes lies in a `Training`, between any two steps: `trainables.training.checkpoint` packs it, and a trial
that goes on from there reports what it would have reported, to the last bit.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.allocation import HOST
from trainables.config import ThreatName, TrialConfig
from trainables.data.split import Splits
from trainables.evaluation.questions import Questions, alone
from trainables.manifolds.manifold import Manifolds
from trainables.report import EpochReport
from trainables.training.examples import Examples, Made, Resident
from trainables.training.measuring import measuring
from trainables.training.plan import dedicated_step, draw_noise, hyper
from trainables.training.schedule import learning_rate
from trainables.training.step import RoleNoise, Step
from trainables.training.training import Training


def train(
    training: Training, after_step: Callable[[], None] = lambda: None, device: torch.device = HOST
) -> Iterator[EpochReport]:
    """Trains to the config's last epoch and reports after each, or after the last one alone, as its evaluation asks.

    It ends early, with the reason, where nothing can come.

    Args:
        training: goes on from wherever it is.
        after_step: is called between any two steps, where the training may be packed.
        device: that computes; the state lies there from now on.
    """
    config, progress = training.config, training.progress
    step, examples = ready(training, device)
    while progress.epoch < config.epochs:
        started, before = time.perf_counter(), progress.seconds
        while len(progress.losses) < batches(config):
            advance(training, step, examples)
            progress.seconds = before + time.perf_counter() - started
            after_step()
        report = alone(ending(training, partial(_since, started - before), device))
        if report is not None:
            yield report
            if report.infeasible:
                return


def _since(began: float) -> float:
    return time.perf_counter() - began


def ready(training: Training, device: torch.device = HOST) -> tuple[Step, Examples]:
    """Returns what `advance` takes, and sends the training's state where that computes."""
    there = {name: manifold.to(device) for name, manifold in training.moved.items()}
    step = dedicated_step(training.config, training.classifier, there, training.dtype)
    training.state = tree_map(lambda values: values.to(device), training.state)
    split, moved = training.splits.train, {name: training.moved[name] for name in step.manifolds}
    if device == HOST:
        return step, Made(split, moved, training.dtype)
    return step, Resident(split, moved, training.dtype, device)


def advance(training: Training, step: Step, examples: Examples) -> None:
    """Does the next step."""
    drawn = draw(training, noise_shapes(training.splits, step.manifolds))
    batch, numbers = examples.take(drawn.indices), hyper(training.config, drawn.rate, training.dtype)
    noise = tree_map(lambda values: values.to(batch.images.device, non_blocking=True), drawn.noise)
    training.state, outcome = step(training.state, batch, noise, numbers)
    training.progress.losses.append(outcome.loss)
    charge(training, 1, outcome.passes.cpu().tolist())


def batches(config: TrialConfig) -> int:
    """Counts the steps of an epoch."""
    return math.ceil(config.data.n_train / config.batch_size)


class Draw(NamedTuple):
    """What is random in a step, and where it stands in the schedule.

    Attributes:
        indices: of its examples.
        noise: of every role's attack.
        rate: at which it learns.
    """

    indices: Tensor
    noise: tuple[RoleNoise, ...]
    rate: float


def draw(training: Training, shapes: Mapping[ThreatName, tuple[int, ...]]) -> Draw:
    """Draws what a training's next step takes; an epoch's first step draws its order.

    Args:
        training: whose generators draw.
        shapes: of perturbations, see `noise_shapes`.
    """
    config, progress = training.config, training.progress
    if progress.permutation is None:
        progress.permutation = torch.randperm(config.data.n_train, generator=training.order)
    number, permutation = len(progress.losses), progress.permutation
    places = torch.arange(number * config.batch_size, (number + 1) * config.batch_size)
    rate = learning_rate(config.optimiser, progress.epoch, number, epochs=config.epochs, batches=batches(config))
    noise = draw_noise(config, shapes, training.attack, training.dtype)
    return Draw(permutation[places % len(permutation)], noise, rate)


def noise_shapes(splits: Splits, manifolds: Manifolds) -> dict[ThreatName, tuple[int, ...]]:
    """Returns the shape of one example's perturbation under each threat."""
    shapes: dict[ThreatName, tuple[int, ...]] = {"pixel": splits.image_shape}
    return shapes | {name: (manifold.code_length,) for name, manifold in manifolds.items()}


def charge(training: Training, steps: int, passes: Sequence[Sequence[int]]) -> None:
    """Counts what some steps have cost.

    Args:
        training: whose steps they were.
        steps: how many.
        passes: of every role's attack in all of them, forward and backward, see `Outcome`.
    """
    config, tally = training.config, training.tally
    tally.add(steps * config.batch_size, forward=1, backward=1)
    roles = zip(config.role_counts(), config.capacities(), passes, strict=True)
    for (role, count), capacity, (forward, backward) in roles:
        tally.add(forward, forward=1)
        tally.add(backward, backward=1)
        if role.loss == "trades":
            tally.add(steps * count, forward=1)  # the prediction that the attack leaves
            tally.add(steps * capacity, forward=1, backward=1)


def ending(
    training: Training, clock: Callable[[], float], device: torch.device = HOST
) -> Questions[EpochReport | None]:
    """Ends an epoch whose steps are done, and measures the model if its config asks for that now.

    Until all questions are answered nothing but time has passed: the training may be packed, or its ending begun anew.

    Args:
        training: of the model.
        clock: tells its own time so far.
        device: that measures.
    """
    progress, choice = training.progress, replace(training.choice, picks=dict(training.choice.picks))
    measured = replace(training, tally=replace(training.tally), choice=choice)
    loss = torch.stack([each.to(HOST) for each in progress.losses]).mean().item()
    report = yield from measuring(measured, progress.epoch + 1, loss, clock, device)
    training.state, training.tally, training.choice = measured.state, measured.tally, choice
    progress.epoch, progress.losses, progress.permutation = progress.epoch + 1, [], None
    progress.seconds = report.seconds if report else clock()
    return report

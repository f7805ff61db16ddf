"""Training as a generator: the scheduler stops by not asking for more.

All that changes lies in `Training`, between any two steps: `trainables.training.checkpoint` packs it, and a trial that
goes on from there reports what it would have reported, to the last bit.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables import optimisers
from trainables.classifiers.classifier import Classifier
from trainables.config import ThreatName, TrialConfig
from trainables.data.split import Split, Splits
from trainables.differentiation import Tensors
from trainables.evaluation.errors import Subject
from trainables.evaluation.hypotheses import Beside, hypotheses
from trainables.evaluation.measure import under_attack
from trainables.evaluation.tally import Tally
from trainables.manifolds.manifold import Manifolds
from trainables.report import EpochReport
from trainables.seeding import stream
from trainables.training.plan import dedicated_step, draw_noise, hyper
from trainables.training.schedule import learning_rate
from trainables.training.step import Batch, RoleNoise, State, Step

DTYPE = torch.float32


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a model is.

    Attributes:
        epoch: epochs that are done and reported.
        losses: of the steps since then, one a batch.
        permutation: the order of examples in the epoch under way; None between two epochs.
        seconds: wall time so far, over all processes that trained it; in a fused step the model's share of it.
    """

    epoch: int = 0
    losses: list[Tensor] = field(default_factory=list)
    permutation: Tensor | None = None
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Training:
    """A model on its way.

    Attributes:
        manifolds: that it is measured on.
        moved: that its roles move on.
        state: parameters, running statistics and the optimiser's moments, after the last step.
        tally: what training and evaluation have cost so far.
        order: draws the order of examples; `attack` the noise of the attacks.
        beside: what is needed where the paper's claims are asked about; else None.
        dtype: of the numbers in it; reports of a study are of float32.
    """

    config: TrialConfig
    classifier: Classifier
    splits: Splits
    manifolds: Manifolds
    moved: Manifolds
    state: State
    tally: Tally
    order: torch.Generator
    attack: torch.Generator
    progress: Progress
    beside: Beside | None = None
    dtype: torch.dtype = DTYPE

    def folded(self) -> Tensors:
        """Returns the parameters of the model as it is evaluated."""
        return self.classifier.fold(self.state.params, self.state.buffers)


def begin(
    config: TrialConfig,
    classifier: Classifier,
    splits: Splits,
    manifolds: Manifolds,
    moved: Manifolds,
    beside: Beside | None = None,
    dtype: torch.dtype = DTYPE,
) -> Training:
    """Returns an untrained model; its weights depend on the trial's seed alone."""
    params, buffers = classifier.initialise(stream(config.seed, "weights"), dtype)
    state = State(params, buffers, optimisers.begin(params))
    return Training(
        config=config,
        classifier=classifier,
        splits=splits,
        manifolds=manifolds,
        moved=moved,
        state=state,
        tally=Tally(),
        order=stream(config.seed, "order"),
        attack=stream(config.seed, "attack"),
        progress=Progress(),
        beside=beside,
        dtype=dtype,
    )


def train(training: Training, after_step: Callable[[], None] = lambda: None) -> Iterator[EpochReport]:
    """Trains to the config's last epoch and reports after each, or after the last one alone, as its evaluation asks.

    It ends early, with the reason, where nothing can come.

    Args:
        training: goes on from wherever it is.
        after_step: is called between any two steps, where the training may be packed.
    """
    config, progress = training.config, training.progress
    step = dedicated_step(config, training.classifier, training.moved, training.dtype)
    while progress.epoch < config.epochs:
        started, before = time.perf_counter(), progress.seconds
        while len(progress.losses) < batches(config):
            advance(training, step)
            progress.seconds = before + time.perf_counter() - started
            after_step()
        report = end_epoch(training, before - started)
        if report is not None:
            yield report
            if report.infeasible:
                return


def advance(training: Training, step: Step) -> None:
    """Does the next step."""
    drawn = draw(training, noise_shapes(training.splits, step.manifolds))
    batch = make_batch(training.splits.train, step.manifolds, drawn.indices, training.dtype)
    numbers = hyper(training.config, drawn.rate, training.dtype)
    training.state, outcome = step(training.state, batch, drawn.noise, numbers)
    training.progress.losses.append(outcome.loss)
    charge(training, 1, outcome.passes.tolist())


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


def make_batch(split: Split, manifolds: Manifolds, indices: Tensor, dtype: torch.dtype = DTYPE) -> Batch:
    """Returns examples with their images, and their codes on all manifolds."""
    codes = {name: manifold.codes(split, indices) for name, manifold in manifolds.items()}
    batch = Batch(split.images(indices), split.labels[indices], codes)
    precise: Batch = tree_map(lambda values: values.to(dtype) if values.is_floating_point() else values, batch)
    return precise


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


def end_epoch(training: Training, since: float) -> EpochReport | None:
    """Ends an epoch whose steps are done, and measures the model if its config asks for that now.

    Args:
        training: of the model.
        since: what its clock is ahead of `time.perf_counter`.
    """
    config, progress = training.config, training.progress
    loss = torch.stack(progress.losses).mean().item()
    epoch = progress.epoch + 1
    says = epoch == config.epochs or not config.evaluation.only_last or not math.isfinite(loss)
    report = _report(training, epoch, loss, since) if says else None
    progress.epoch, progress.losses, progress.permutation = epoch, [], None
    if report is not None:
        progress.seconds = report.seconds
    return report


def _report(training: Training, epoch: int, loss: float, since: float) -> EpochReport:
    """Measures the model: its error after every epoch, attacks where the config asks for them.

    Test data, where the config names it, is opened once: after the last epoch. Until then errors are on validation,
    and of the attacks only those of the objectives run.

    Args:
        training: of the model.
        epoch: that has just ended.
        loss: its mean.
        since: what the clock is ahead of the trial's own time.
    """
    config, last = training.config, epoch == training.config.epochs
    split: Split = getattr(training.splits, config.evaluation.split if last else "validation")
    subject = Subject(classifier=training.classifier, folded=training.folded(), split=split, tally=training.tally)
    error = subject.error()
    at_chance = error >= _chance(split)
    infeasible = _infeasible(training, loss, error, split) if last or not math.isfinite(loss) else None
    attacks: dict[str, Any] = {}
    if not infeasible and (last or epoch in config.evaluation.at_epochs):
        evaluation = config.evaluation if last else replace(config.evaluation, paper_attempts=0)
        manifolds = training.manifolds if last else {}
        attacks = asdict(under_attack(subject, manifolds, config.threat_model, evaluation, config.data.seed))
        if last and training.beside and evaluation.strong:
            common = config.threat_model, evaluation, config.data.seed
            attacks["hypotheses"] = hypotheses(subject, training.manifolds, *common, training.beside)
    return EpochReport(
        epoch=epoch,
        train_loss=loss,
        error=error,
        **attacks,
        gradient_evaluations=training.tally.gradient_evaluations,
        forward_passes=training.tally.forward_passes,
        seconds=since + time.perf_counter(),
        at_chance=at_chance,
        infeasible=infeasible,
    )


def _chance(split: Split) -> float:
    """Returns the error of the best constant prediction."""
    return 1 - split.labels.bincount().max().item() / len(split)


def _infeasible(training: Training, loss: float, error: float, split: Split) -> str | None:
    """Returns why a model can give no point of a front, or None."""
    if not math.isfinite(loss):
        return f"the training loss is {loss}"
    if not all(bool(values.isfinite().all()) for values in training.folded().values()):
        return "the last update left weights that are not finite"
    if error >= _chance(split):
        return f"collapsed: the error of {error:.3f} is not below chance, {_chance(split):.3f}"
    return None

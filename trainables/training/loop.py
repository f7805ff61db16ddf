"""Training as a generator: the scheduler stops by not asking for more."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from trainables.classifiers.classifier import Classifier, Tensors
from trainables.config import ThreatName, TrialConfig
from trainables.data.split import Split, Splits
from trainables.evaluation.errors import Subject
from trainables.evaluation.measure import under_attack
from trainables.evaluation.tally import Tally
from trainables.manifolds.manifold import Manifolds
from trainables.report import EpochReport
from trainables.seeding import stream
from trainables.training import optimisers
from trainables.training.plan import dedicated_step, draw_noise, hyper
from trainables.training.schedule import learning_rate
from trainables.training.step import Batch, State

DTYPE = torch.float32


@dataclass(slots=True, kw_only=True)
class Training:
    """A model on its way.

    Attributes:
        state: parameters, running statistics and the optimiser's moments, after the last step.
        tally: what training and evaluation have cost so far.
    """

    config: TrialConfig
    classifier: Classifier
    splits: Splits
    manifolds: Manifolds
    state: State
    tally: Tally

    def folded(self) -> Tensors:
        """Returns the parameters of the model as it is evaluated."""
        return self.classifier.fold(self.state.params, self.state.buffers)


def begin(config: TrialConfig, classifier: Classifier, splits: Splits, manifolds: Manifolds) -> Training:
    """Returns an untrained model; its weights depend on the trial's seed alone."""
    params, buffers = classifier.initialise(stream(config.seed, "weights"), DTYPE)
    state = State(params, buffers, optimisers.begin(params))
    return Training(
        config=config, classifier=classifier, splits=splits, manifolds=manifolds, state=state, tally=Tally()
    )


def train(training: Training) -> Iterator[EpochReport]:
    """Trains for the config's epochs and reports after each; ends early, with the reason, where nothing can come."""
    config, started = training.config, time.perf_counter()
    order, attack = stream(config.seed, "order"), stream(config.seed, "attack")
    for epoch in range(config.epochs):
        loss = _epoch(training, epoch, order, attack)
        report = _report(training, epoch + 1, loss, time.perf_counter() - started)
        yield report
        if report.infeasible:
            return


def _epoch(training: Training, epoch: int, order: torch.Generator, attack: torch.Generator) -> float:
    """Runs one epoch and returns its mean loss."""
    config = training.config
    step = dedicated_step(config, training.classifier, training.manifolds, DTYPE)
    batches = math.ceil(config.data.n_train / config.batch_size)
    permutation = torch.randperm(config.data.n_train, generator=order)
    losses = []
    for number in range(batches):
        places = torch.arange(number * config.batch_size, (number + 1) * config.batch_size)
        batch = make_batch(training.splits.train, step.manifolds, permutation[places % len(permutation)])
        rate = learning_rate(config.optimiser, epoch, number, epochs=config.epochs, batches=batches)
        noise = draw_noise(config, noise_shapes(training.splits, step.manifolds), attack, DTYPE)
        training.state, outcome = step(training.state, batch, noise, hyper(config, rate, DTYPE))
        losses.append(outcome.loss)
        _count(training, [int(iterations) for iterations in outcome.iterations])
    return torch.stack(losses).mean().item()


def make_batch(split: Split, manifolds: Manifolds, indices: Tensor) -> Batch:
    """Returns examples with their images, and their codes on all manifolds."""
    codes = {name: manifold.codes(split, indices) for name, manifold in manifolds.items()}
    return Batch(split.images(indices), split.labels[indices], codes)


def noise_shapes(splits: Splits, manifolds: Manifolds) -> dict[ThreatName, tuple[int, ...]]:
    """Returns the shape of one example's perturbation under each threat."""
    shapes: dict[ThreatName, tuple[int, ...]] = {"pixel": splits.image_shape}
    return shapes | {name: (manifold.code_length,) for name, manifold in manifolds.items()}


def _count(training: Training, iterations: list[int]) -> None:
    config, tally = training.config, training.tally
    tally.add(config.batch_size, forward=1, backward=1)
    roles = zip(config.role_counts(), config.capacities(), iterations, strict=True)
    for (role, count), capacity, taken in roles:
        tally.add(count, forward=taken + 1, backward=taken)
        if role.loss == "trades":
            tally.add(count, forward=1)  # the prediction that the attack leaves
            tally.add(capacity, forward=1, backward=1)


def _report(training: Training, epoch: int, loss: float, seconds: float) -> EpochReport:
    """Measures the model: its error after every epoch, attacks where the config asks for them.

    Test data, where the config names it, is opened once: after the last epoch. Until then errors are on validation.
    """
    config, started = training.config, time.perf_counter()
    last = epoch == config.epochs
    split: Split = getattr(training.splits, config.evaluation.split if last else "validation")
    subject = Subject(classifier=training.classifier, folded=training.folded(), split=split, tally=training.tally)
    error = subject.error()
    infeasible = _infeasible(training, loss, error, split) if last or not math.isfinite(loss) else None
    attacks = {}
    if not infeasible and (last or epoch in config.evaluation.at_epochs):
        measured = under_attack(subject, training.manifolds, config.threat_model, config.evaluation, config.data.seed)
        attacks = asdict(measured)
    return EpochReport(
        epoch=epoch,
        train_loss=loss,
        error=error,
        **attacks,
        gradient_evaluations=training.tally.gradient_evaluations,
        forward_passes=training.tally.forward_passes,
        seconds=seconds + time.perf_counter() - started,
        infeasible=infeasible,
    )


def _infeasible(training: Training, loss: float, error: float, split: Split) -> str | None:
    """Returns why a model can give no point of a front, or None."""
    if not math.isfinite(loss):
        return f"the training loss is {loss}"
    if not all(bool(values.isfinite().all()) for values in training.folded().values()):
        return "the last update left weights that are not finite"
    chance = 1 - split.labels.bincount().max().item() / len(split)
    if error >= chance:
        return f"collapsed: the error of {error:.3f} is not below chance, {chance:.3f}"
    return None

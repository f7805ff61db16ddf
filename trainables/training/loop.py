"""Training as a generator: the scheduler stops by not asking for more.

All that changes lies in `Training`, between any two steps: `trainables.training.checkpoint` packs it, and a trial that
goes on from there reports what it would have reported, to the last bit.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from trainables import optimisers
from trainables.classifiers.classifier import Classifier
from trainables.config import ThreatName, TrialConfig
from trainables.data.split import Split, Splits
from trainables.differentiation import Tensors
from trainables.evaluation.errors import Subject
from trainables.evaluation.measure import under_attack
from trainables.evaluation.tally import Tally
from trainables.manifolds.manifold import Manifolds
from trainables.report import EpochReport, Pick
from trainables.seeding import stream
from trainables.training.choice import Choice
from trainables.training.plan import dedicated_step, draw_noise, hyper
from trainables.training.schedule import learning_rate
from trainables.training.step import Batch, State

DTYPE = torch.float32
SEEN = "validation"  # the split that choices are made on


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a model is.

    Attributes:
        epoch: epochs that are done and reported.
        losses: of the steps since then, one a batch.
        permutation: the order of examples in the epoch under way; None between two epochs.
        seconds: wall time so far, over all processes that trained it.
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
        choice: of the epoch whose weights are left.
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
    choice: Choice

    def folded(self) -> Tensors:
        """Returns the parameters of the model as it is evaluated."""
        return self.classifier.fold(self.state.params, self.state.buffers)


def begin(
    config: TrialConfig, classifier: Classifier, splits: Splits, manifolds: Manifolds, moved: Manifolds
) -> Training:
    """Returns an untrained model; its weights depend on the trial's seed alone."""
    params, buffers = classifier.initialise(stream(config.seed, "weights"), DTYPE)
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
        choice=Choice(kind=config.checkpoint),
    )


def train(training: Training, after_step: Callable[[], None] = lambda: None) -> Iterator[EpochReport]:
    """Trains to the config's last epoch and reports after each, or after the last one alone, as its evaluation asks.

    It ends early, with the reason, where nothing can come.

    Args:
        training: goes on from wherever it is.
        after_step: is called between any two steps, where the training may be packed.
    """
    config, progress = training.config, training.progress
    while progress.epoch < config.epochs:
        started, before = time.perf_counter(), progress.seconds

        def stepped(started: float = started, before: float = before) -> None:
            progress.seconds = before + time.perf_counter() - started
            after_step()

        loss = _epoch(training, stepped)
        report = _report(training, progress.epoch + 1, loss, before - started)
        progress.epoch, progress.losses, progress.permutation = progress.epoch + 1, [], None
        progress.seconds = report.seconds if report else before - started + time.perf_counter()
        if report:
            yield report
        if report and report.infeasible:
            return


def _epoch(training: Training, after_step: Callable[[], None]) -> float:
    """Runs what is left of an epoch and returns its mean loss."""
    config, progress = training.config, training.progress
    step = dedicated_step(config, training.classifier, training.moved, DTYPE)
    batches = math.ceil(config.data.n_train / config.batch_size)
    if progress.permutation is None:
        progress.permutation = torch.randperm(config.data.n_train, generator=training.order)
    permutation = progress.permutation
    for number in range(len(progress.losses), batches):
        places = torch.arange(number * config.batch_size, (number + 1) * config.batch_size)
        batch = make_batch(training.splits.train, step.manifolds, permutation[places % len(permutation)])
        rate = learning_rate(config.optimiser, progress.epoch, number, epochs=config.epochs, batches=batches)
        noise = draw_noise(config, noise_shapes(training.splits, step.manifolds), training.attack, DTYPE)
        training.state, outcome = step(training.state, batch, noise, hyper(config, rate, DTYPE))
        progress.losses.append(outcome.loss)
        _count(training, outcome.looks)
        after_step()
    return torch.stack(progress.losses).mean().item()


def make_batch(split: Split, manifolds: Manifolds, indices: Tensor) -> Batch:
    """Returns examples with their images, and their codes on all manifolds."""
    codes = {name: manifold.codes(split, indices) for name, manifold in manifolds.items()}
    return Batch(split.images(indices), split.labels[indices], codes)


def noise_shapes(splits: Splits, manifolds: Manifolds) -> dict[ThreatName, tuple[int, ...]]:
    """Returns the shape of one example's perturbation under each threat."""
    shapes: dict[ThreatName, tuple[int, ...]] = {"pixel": splits.image_shape}
    return shapes | {name: (manifold.code_length,) for name, manifold in manifolds.items()}


def _count(training: Training, looks: tuple[Tensor, ...]) -> None:
    config, tally = training.config, training.tally
    tally.add(config.batch_size, forward=1, backward=1)
    roles = zip(config.role_counts(), config.capacities(), looks, strict=True)
    for (role, count), capacity, looked in roles:
        tally.add(int(looked.sum()), forward=1)
        tally.add(int(looked.clamp_max(role.steps).sum()), backward=1)
        if role.loss == "trades":
            tally.add(count, forward=1)  # the prediction that the attack leaves
            tally.add(capacity, forward=1, backward=1)


def _report(training: Training, epoch: int, loss: float, since: float) -> EpochReport | None:
    """Measures the model: its error after every epoch, attacks where the config asks for them.

    Test data, where the config names it, is opened once: after the last epoch. Until then errors are on validation,
    and of the attacks only those of the objectives run.

    Args:
        training: of the model.
        epoch: that has just ended.
        loss: its mean.
        since: what the clock is ahead of the trial's own time.

    Returns:
        None where nothing is to be said yet.
    """
    config = training.config
    last, broken = epoch == config.epochs, not math.isfinite(loss)
    silent = config.evaluation.only_last and not last and not broken
    found: dict[str, Any] = {}
    if not broken and (config.checkpoint != "last" or not (last or silent)):
        found = _on_validation(training, epoch)
    if silent:
        return None
    if last or broken:
        found = _at_the_end(training, epoch, loss)
    return EpochReport(
        epoch=epoch,
        train_loss=loss,
        **found,
        gradient_evaluations=training.tally.gradient_evaluations,
        forward_passes=training.tally.forward_passes,
        seconds=since + time.perf_counter(),
    )


def _on_validation(training: Training, epoch: int) -> dict[str, Any]:
    """Measures the model as it is, and notes what the best epochs are so far."""
    config, attacks = training.config, {}
    subject = _subject(training, training.splits.validation)
    error = subject.error()
    if config.attacked_after(epoch):
        evaluation = replace(config.evaluation, paper_attempts=0)
        attacks = asdict(under_attack(subject, {}, config.threat_model, evaluation, config.data.seed))
    pick = Pick(epoch=epoch, error=error, robust_error=attacks.get("robust_error"))
    training.choice.note(pick, training.state)
    return {"error": error, "at_chance": error >= _chance(subject.split), **attacks}


def _at_the_end(training: Training, epoch: int, loss: float) -> dict[str, Any]:
    """Measures what the trial leaves, the weights of the epoch that its config chooses, or says why that is nothing."""
    config, broken, attacks = training.config, not math.isfinite(loss), {}
    if not broken:
        training.state = training.choice.taken(training.state)
    subject = _subject(training, getattr(training.splits, config.evaluation.split if epoch == config.epochs else SEEN))
    error = subject.error()
    infeasible = _infeasible(training, loss, error, subject.split)
    if not infeasible:
        evaluation, manifolds = config.evaluation, training.manifolds
        attacks = asdict(under_attack(subject, manifolds, config.threat_model, evaluation, config.data.seed))
    every = config.evaluation.split == SEEN and not config.evaluation.only_last
    if config.checkpoint == "last" and every and not broken:
        pick = Pick(epoch=epoch, error=error, robust_error=attacks.get("robust_error"))
        training.choice.note(pick, training.state)
    told = {} if broken else training.choice.told(epoch)
    return {"error": error, "at_chance": error >= _chance(subject.split), "infeasible": infeasible, **attacks, **told}


def _subject(training: Training, split: Split) -> Subject:
    return Subject(classifier=training.classifier, folded=training.folded(), split=split, tally=training.tally)


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

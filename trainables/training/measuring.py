"""What is measured of a model after an epoch."""

import math
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import torch

from trainables.allocation import HOST
from trainables.config import EvaluationConfig
from trainables.data.split import Split
from trainables.evaluation.asked import Subject
from trainables.evaluation.hypotheses import hypotheses
from trainables.evaluation.questions import Questions
from trainables.manifolds.manifold import Manifolds
from trainables.report import EpochReport, Pick
from trainables.training.questions import Attacks, of_attacks, of_error
from trainables.training.training import Training

SEEN = "validation"  # the split that choices are made on


def measuring(
    training: Training, epoch: int, loss: float, clock: Callable[[], float], device: torch.device
) -> Questions[EpochReport | None]:
    """Measures the model: its error after every epoch, attacks where the config asks for them.

    Test data, where the config names it, is opened once: after the last epoch. Until then errors are on validation,
    and of the attacks only those of the objectives run.

    Args:
        training: of the model. Its tally grows, and at its end it has the weights that it leaves.
        epoch: that has just ended.
        loss: its mean.
        clock: tells the trial's own time so far.
        device: that computes.

    Returns:
        None where nothing is to be said yet.
    """
    config = training.config
    last, broken = epoch == config.epochs, not math.isfinite(loss)
    silent = config.evaluation.only_last and not last and not broken
    found: dict[str, Any] = {}
    if not broken and (config.checkpoint != "last" or not (last or silent)):
        found = yield from _on_validation(training, epoch, device)
    if silent:
        return None
    if last or broken:
        found = yield from _at_the_end(training, epoch, loss, device)
    return EpochReport(
        epoch=epoch,
        train_loss=loss,
        **found,
        gradient_evaluations=training.tally.gradient_evaluations,
        forward_passes=training.tally.forward_passes,
        seconds=clock(),
    )


def _on_validation(training: Training, epoch: int, device: torch.device) -> Questions[dict[str, Any]]:
    """Measures the model as it is, and notes what the best epochs are so far."""
    config, attacks = training.config, {}
    subject = _subject(training, training.splits.validation, device)
    error = yield of_error(subject)
    if config.attacked_after(epoch):
        attacks = yield from _attacked(training, subject, replace(config.evaluation, paper_attempts=0), {})
    pick = Pick(epoch=epoch, error=error, robust_error=attacks.get("robust_error"))
    training.choice.note(pick, training.state)
    return {"error": error, "at_chance": error >= _chance(subject.split), **attacks}


def _at_the_end(training: Training, epoch: int, loss: float, device: torch.device) -> Questions[dict[str, Any]]:
    """Measures what the trial leaves, the weights of the epoch that its config chooses, or says why that is nothing."""
    config, broken, attacks = training.config, not math.isfinite(loss), {}
    if not broken:
        training.state = training.choice.taken(training.state)
    name = config.evaluation.split if epoch == config.epochs else SEEN
    subject = _subject(training, getattr(training.splits, name), device)
    error = yield of_error(subject)
    infeasible = _infeasible(subject, loss, error)
    if not infeasible:
        evaluation, manifolds = config.evaluation, training.manifolds
        attacks = yield from _attacked(training, subject, evaluation, manifolds)
        if training.beside and evaluation.strong and epoch == config.epochs:
            here = _subject(training, subject.split, HOST)
            common = config.threat_model, evaluation, config.data.seed
            attacks["hypotheses"] = hypotheses(here, manifolds, *common, training.beside)
    every = config.evaluation.split == SEEN and not config.evaluation.only_last
    if config.checkpoint == "last" and every and not broken:
        pick = Pick(epoch=epoch, error=error, robust_error=attacks.get("robust_error"))
        training.choice.note(pick, training.state)
    told = {} if broken else training.choice.told(epoch)
    return {"error": error, "at_chance": error >= _chance(subject.split), "infeasible": infeasible, **attacks, **told}


def _attacked(
    training: Training, subject: Subject, evaluation: EvaluationConfig, manifolds: Manifolds
) -> Questions[dict[str, Any]]:
    """Asks what attacks do to the model."""
    config = training.config
    attacks = Attacks(manifolds, config.threat_model, evaluation, config.data.seed)
    found = yield of_attacks(subject, attacks, config.manifold if manifolds else None)
    return asdict(found)


def _subject(training: Training, split: Split, device: torch.device) -> Subject:
    folded = {name: values.to(device) for name, values in training.folded().items()}
    return Subject(classifier=training.classifier, folded=folded, split=split, tally=training.tally)


def _chance(split: Split) -> float:
    """Returns the error of the best constant prediction."""
    return 1 - split.labels.bincount().max().item() / len(split)


def _infeasible(subject: Subject, loss: float, error: float) -> str | None:
    """Returns why a model can give no point of a front, or None."""
    if not math.isfinite(loss):
        return f"the training loss is {loss}"
    if not subject.finite:
        return "the last update left weights that are not finite"
    if error >= _chance(subject.split):
        return f"collapsed: the error of {error:.3f} is not below chance, {_chance(subject.split):.3f}"
    return None

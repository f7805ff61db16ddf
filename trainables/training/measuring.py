"""What is measured of a model after an epoch."""

import math
import time
from dataclasses import asdict, replace
from typing import Any

import torch

from trainables.allocation import HOST
from trainables.data.split import Split
from trainables.evaluation.errors import Subject
from trainables.evaluation.hypotheses import hypotheses
from trainables.evaluation.measure import under_attack
from trainables.report import EpochReport, Pick
from trainables.training.training import Training

SEEN = "validation"  # the split that choices are made on


def measured(training: Training, epoch: int, loss: float, since: float, device: torch.device) -> EpochReport | None:
    """Measures the model: its error after every epoch, attacks where the config asks for them.

    Test data, where the config names it, is opened once: after the last epoch. Until then errors are on validation,
    and of the attacks only those of the objectives run.

    Args:
        training: of the model.
        epoch: that has just ended.
        loss: its mean.
        since: what the clock is ahead of the trial's own time.
        device: that computes.

    Returns:
        None where nothing is to be said yet.
    """
    config = training.config
    last, broken = epoch == config.epochs, not math.isfinite(loss)
    silent = config.evaluation.only_last and not last and not broken
    found: dict[str, Any] = {}
    if not broken and (config.checkpoint != "last" or not (last or silent)):
        found = _on_validation(training, epoch, device)
    if silent:
        return None
    if last or broken:
        found = _at_the_end(training, epoch, loss, device)
    return EpochReport(
        epoch=epoch,
        train_loss=loss,
        **found,
        gradient_evaluations=training.tally.gradient_evaluations,
        forward_passes=training.tally.forward_passes,
        seconds=since + time.perf_counter(),
    )


def _on_validation(training: Training, epoch: int, device: torch.device) -> dict[str, Any]:
    """Measures the model as it is, and notes what the best epochs are so far."""
    config, attacks = training.config, {}
    subject = _subject(training, training.splits.validation, device)
    error = subject.error()
    if config.attacked_after(epoch):
        evaluation = replace(config.evaluation, paper_attempts=0)
        attacks = asdict(under_attack(subject, {}, config.threat_model, evaluation, config.data.seed))
    pick = Pick(epoch=epoch, error=error, robust_error=attacks.get("robust_error"))
    training.choice.note(pick, training.state)
    return {"error": error, "at_chance": error >= _chance(subject.split), **attacks}


def _at_the_end(training: Training, epoch: int, loss: float, device: torch.device) -> dict[str, Any]:
    """Measures what the trial leaves, the weights of the epoch that its config chooses, or says why that is nothing."""
    config, broken, attacks = training.config, not math.isfinite(loss), {}
    if not broken:
        training.state = training.choice.taken(training.state)
    name = config.evaluation.split if epoch == config.epochs else SEEN
    subject = _subject(training, getattr(training.splits, name), device)
    error = subject.error()
    infeasible = _infeasible(training, loss, error, subject.split)
    if not infeasible:
        evaluation, manifolds = config.evaluation, training.manifolds
        common = config.threat_model, evaluation, config.data.seed
        attacks = asdict(under_attack(subject, manifolds, *common))
        if training.beside and evaluation.strong and epoch == config.epochs:
            here = _subject(training, subject.split, HOST)
            attacks["hypotheses"] = hypotheses(here, manifolds, *common, training.beside)
    every = config.evaluation.split == SEEN and not config.evaluation.only_last
    if config.checkpoint == "last" and every and not broken:
        pick = Pick(epoch=epoch, error=error, robust_error=attacks.get("robust_error"))
        training.choice.note(pick, training.state)
    told = {} if broken else training.choice.told(epoch)
    return {"error": error, "at_chance": error >= _chance(subject.split), "infeasible": infeasible, **attacks, **told}


def _subject(training: Training, split: Split, device: torch.device) -> Subject:
    folded = {name: values.to(device) for name, values in training.folded().items()}
    return Subject(classifier=training.classifier, folded=folded, split=split, tally=training.tally)


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

"""What a trial costs, and small trials that tell how fast and how large the whole ones are."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from trainables.config import AnyTrialConfig, EvaluationConfig, LearnedConfig, ManifoldTrialConfig, ThreatName
from trainables.evaluation.asked import CHUNK
from trainables.evaluation.hypotheses import FRACTIONS, PROJECTED, SMALL
from trainables.evaluation.measure import MANIFOLD_FIELDS, PAPER_STEPS

FEW = 200  # examples to measure speed on
UPDATES = 2  # of every model, for the same


def gradient_evaluations(config: AnyTrialConfig) -> int:
    """Returns how many a trial needs at most; attacks on examples that fall early need fewer.

    Counted as `trainables.evaluation.tally` counts them: backward passes per example.
    """
    evaluation = config.evaluation
    if isinstance(config, ManifoldTrialConfig):
        at_rungs = len([epoch for epoch in evaluation.at_epochs if epoch < config.epochs])
        return config.examples + (at_rungs + 1) * evaluation.n_attacked * evaluation.steps
    pairs = list(zip(config.role_counts(), config.capacities(), strict=True))
    attacks = sum(count * role.steps for (role, count), _ in pairs)
    clean_copies = sum(capacity for (role, _), capacity in pairs if role.loss == "trades")
    batches = math.ceil(config.data.n_train / config.batch_size)
    training = config.epochs * batches * (config.batch_size + attacks + clean_copies)
    rung = _measurement(replace(evaluation, paper_attempts=0), ())
    looks = sum(config.attacked_after(epoch) for epoch in range(1, config.epochs + 1))
    return training + looks * rung + _measurement(evaluation, config.manifolds)


def _measurement(evaluation: EvaluationConfig, manifolds: Sequence[ThreatName]) -> int:
    every = len(evaluation.radii) * evaluation.restarts * evaluation.steps
    papers = evaluation.paper_attempts * PAPER_STEPS
    steps = every + papers + sum(every + papers * bool(MANIFOLD_FIELDS[name][1]) for name in manifolds)
    return evaluation.n_attacked * steps + (_hypotheses(evaluation) if evaluation.strong else 0)


def _hypotheses(evaluation: EvaluationConfig) -> int:
    """Counts the strong attacks in the image and on the manifold, and those whose distances are measured."""
    strong = len(FRACTIONS) * SMALL.steps * SMALL.restarts * (1 + SMALL.targets)
    moved = min(PROJECTED, evaluation.strong) * (PAPER_STEPS + 1)
    papers = evaluation.n_attacked * evaluation.paper_attempts * PAPER_STEPS
    return 2 * (evaluation.strong * strong + moved) + papers


def sampled(config: AnyTrialConfig) -> AnyTrialConfig:
    """Returns a trial of an epoch with few examples, or updates, which is as fast as the whole one."""
    attacked = min(FEW // 4, config.evaluation.n_attacked)
    evaluation = replace(config.evaluation, n_attacked=attacked, at_epochs=(), strong=0)
    validation, test = min(FEW // 4, config.data.n_validation), min(FEW // 4, config.data.n_test)
    data = replace(config.data, n_validation=validation, n_test=test)
    if isinstance(config, ManifoldTrialConfig):
        manifold = _of_few_updates(replace(config.manifold, model=replace(config.manifold.model, images="n")))
        return replace(config, data=data, evaluation=evaluation, epochs=1, manifold=manifold)
    data = replace(data, n_train=min(FEW, data.n_train))
    return replace(config, data=data, evaluation=evaluation, epochs=1)


def shortened(config: AnyTrialConfig) -> AnyTrialConfig:
    """Returns a trial of two epochs that keeps all that memory depends on: networks, batches, what is attacked at once.

    After the first epoch attacks run even on a model that has learned nothing.
    """
    many = min(CHUNK, config.data.n_validation)
    attack: dict[str, Any] = {
        "n_attacked": many,
        "steps": 1,
        "restarts": 1,
        "radii": (1.0,),
        "paper_attempts": 0,
        "strong": 0,
    }
    evaluation = replace(config.evaluation, split="validation", at_epochs=(1,), only_last=False, **attack)
    data = replace(config.data, n_validation=many, n_test=2)
    if isinstance(config, ManifoldTrialConfig):
        return replace(config, data=data, evaluation=evaluation, epochs=2, manifold=_of_few_updates(config.manifold))
    roles = tuple(replace(role, steps=min(2, role.steps)) for role in config.roles)
    data = replace(data, n_train=2 * config.batch_size)
    return replace(config, data=data, evaluation=evaluation, epochs=2, roles=roles)


def _of_few_updates(learned: LearnedConfig) -> LearnedConfig:
    """Returns a manifold whose box needs no look at all images that it is learned from, which would be most of it."""
    return replace(learned, model=replace(learned.model, updates=UPDATES), box="2.0")


def without_attacks(short: AnyTrialConfig) -> AnyTrialConfig:
    """Returns a shortened trial whose first epoch is next to nothing but training."""
    evaluation = replace(short.evaluation, n_attacked=2, at_epochs=())
    return replace(short, data=replace(short.data, n_validation=2), evaluation=evaluation)

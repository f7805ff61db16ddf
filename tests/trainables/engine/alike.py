"""Trials that are kin and differ wherever they may, and what they do on their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest
import torch
from torch._C import _functorch as functorch

from trainables.config import Architecture, DataConfig, EvaluationConfig, OptimiserConfig, RoleConfig, TrialConfig
from trainables.differentiation import Tensors
from trainables.engine import Engine
from trainables.manifolds.manifold import Manifolds
from trainables.pipeline import ClassifierRun, prepare
from trainables.report import EpochReport
from trainables.training.training import begin

DATA = DataConfig(n_train=40, n_validation=20, n_test=20)
PIXEL = RoleConfig(threat="pixel", share=0.25, steps=2, step_size=0.3)
MANIFOLD = RoleConfig(threat="manifold", share=0.25, steps=2, step_size=0.3)
ROLES = (
    (PIXEL, MANIFOLD),
    (replace(PIXEL, steps=4, weight=0.2, share=0.4), replace(MANIFOLD, radius=0.05)),
    (replace(PIXEL, slack=1, radius=0.1), replace(MANIFOLD, share=0.5, weight=0.9)),
    (replace(PIXEL, share=0.1), replace(MANIFOLD, steps=0)),
    (replace(PIXEL, slack=0, steps=3), replace(MANIFOLD, slack=0, steps=5)),
)
"""Of five trials; they are in the same places of a step."""


def trial(k: int, architecture: Architecture, optimiser: str = "adam", epochs: int = 3) -> TrialConfig:
    """The k-th of trials that are kin; an epoch is two steps or three, so that they end at different moments."""
    return TrialConfig(
        architecture=architecture,
        width=1 / 16,
        data=replace(DATA, n_train=40 + 20 * (k % 2)),
        clean_weight=0.3 + 0.1 * k,
        roles=ROLES[k],
        fused_steps=5,
        optimiser=OptimiserConfig(kind=optimiser, learning_rate=0.003 * (k + 1), weight_decay=10.0**-k * 0.01),
        evaluation=EvaluationConfig(n_attacked=10, steps=2, paper_attempts=0, at_epochs=(2,)),
        epochs=epochs,
        batch_size=20,
        seed=k,
    )


def precise(config: TrialConfig, manifolds: Manifolds | None = None) -> ClassifierRun:
    """A trial in float64."""
    run = prepare(config, manifolds)
    old = run.training
    return replace(
        run, training=begin(config, old.classifier, old.splits, old.manifolds, old.moved, dtype=torch.float64)
    )


@contextmanager
def at_once() -> Iterator[None]:
    """Lets no operation be made for one model after the other: where `torch.vmap` has no rule for one, that raises."""
    functorch._set_vmap_fallback_enabled(False)
    try:
        yield
    finally:
        functorch._set_vmap_fallback_enabled(True)


def assert_same(reports: list[EpochReport], expected: list[EpochReport]) -> None:
    """Reports say the same but for time, and for what arithmetic in another order leaves of losses."""
    assert [timeless(report) for report in reports] == [timeless(report) for report in expected]
    losses = [report.train_loss for report in expected]
    assert [report.train_loss for report in reports] == pytest.approx(losses, rel=1e-6)


def timeless(report: EpochReport) -> dict[str, Any]:
    return asdict(replace(report, seconds=0.0, train_loss=0.0))


def params(run: ClassifierRun) -> Tensors:
    return run.training.state.params


def reports_of(engine: Engine, handles: list[int]) -> list[list[EpochReport]]:
    """Runs an engine to its end; returns what each trial has reported."""
    told: dict[int, list[EpochReport]] = {handle: [] for handle in handles}
    for news in engine.run():
        if news.handle is not None:
            assert news.said is not None
            assert news.said.failed is None, news.said.failed
            told[news.handle].append(EpochReport(**(news.said.report or {})))
    return [told[handle] for handle in handles]

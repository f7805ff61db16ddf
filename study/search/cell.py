"""What a cell of the claims' grid means for a trial."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from search_spaces.claims import UPDATES
from search_spaces.tradeoff import PAPER_TRAVEL
from study.search.scaling import RATE_SCALES, STEP_SCALES
from study.seeds import fresh
from trainables.config import RoleConfig, TrialConfig
from trainables.strategies import STRATEGIES


def cell(point: Mapping[str, Any], base: TrialConfig) -> TrialConfig:
    """Returns the base trial with a cell's strategy, number of examples, length and seed.

    Strategies are the paper's, as far as the base's number of steps allows: fewer steps are as much longer. Cells of
    one seed start from the same weights, and their training sets contain one another. Where updates are fixed there are
    as many as the largest size makes in the base's epochs, and the learning rate falls by as much.
    """
    strategy = STRATEGIES[point["method"]].under(base.threat_model)
    epochs = _epochs(base, point["n_train"]) if point["fixed"] == UPDATES else base.epochs
    rate = base.optimiser.learning_rate * RATE_SCALES.get(base.architecture, 1.0)
    return replace(
        base,
        clean_weight=strategy.clean_weight,
        roles=tuple(_shortened(role, base) for role in strategy.roles),
        optimiser=replace(base.optimiser, learning_rate=rate, decay=base.optimiser.decay ** (base.epochs / epochs)),
        data=replace(base.data, n_train=point["n_train"]),
        epochs=epochs,
        seed=fresh(base.data.seed, point["seed"]),
    )


def _epochs(base: TrialConfig, size: int) -> int:
    """Returns the epochs of a size that make as many updates as the base's, which has the largest."""
    updates = base.epochs * math.ceil(base.data.n_train / base.batch_size)
    return round(updates / math.ceil(size / base.batch_size))


def _shortened(role: RoleConfig, base: TrialConfig) -> RoleConfig:
    scale = STEP_SCALES.get((base.threat_model.norm, role.threat), 1.0)
    return replace(role, steps=min(role.steps, base.fused_steps), step_size=scale * PAPER_TRAVEL / base.fused_steps)

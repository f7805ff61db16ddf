"""Syne Tune's MOASHA behind the interface of our scheduler, where that package is installed; it is no dependency.

As released (0.16) its ranks are the order of an argsort: place i holds who is i-th, not which place i has. Corrected,
they are the inverse.
"""

import contextlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

with contextlib.suppress(ImportError):
    from syne_tune.optimizer.schedulers.multiobjective.moasha import MOASHA
    from syne_tune.optimizer.schedulers.multiobjective.multiobjective_priority import NonDominatedPriority


def importable() -> bool:
    return "MOASHA" in globals()


class Moasha:
    """MOASHA with one bracket; trials stop and never pause."""

    def __init__(self, *, grace: int, factor: int, epochs: int, corrected: bool, seed: int) -> None:
        priority = NonDominatedPriority()
        if corrected:
            released = priority.priority_unsafe
            priority.priority_unsafe = lambda objectives: np.argsort(released(objectives))
        self._scheduler = MOASHA(
            config_space={},
            metrics=["error", "robust_error"],
            time_attr="epoch",
            multiobjective_priority=priority,
            max_t=epochs,
            grace_period=grace,
            reduction_factor=factor,
            random_seed=seed,
        )
        self._trials: dict[str, Any] = {}

    def decide(self, trial_id: str, group: str, epoch: int, values: Sequence[float]) -> str:  # noqa: ARG002 - groups are not his
        if trial_id not in self._trials:
            self._trials[trial_id] = SimpleNamespace(trial_id=trial_id)
            self._scheduler.on_trial_add(self._trials[trial_id])
        said = {"epoch": epoch, "error": values[0], "robust_error": values[1]}
        return str(self._scheduler.on_trial_result(self._trials[trial_id], said))

    def promotable(self, group: str) -> None: ...
    def promoted(self, trial_id: str) -> None: ...
    def forget(self, trial_id: str) -> None: ...

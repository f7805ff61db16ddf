"""The front of the search, as validation sees it; it flatters, since the same numbers chose it."""

from collections.abc import Iterable

from analysis.pareto import front_order
from study.storage.state import Trial


def validation_front(trials: Iterable[Trial]) -> list[Trial]:
    """Returns the trials that no other dominates in error and robust error, by rising error."""
    complete = [(trial, trial.objectives) for trial in trials if trial.objectives is not None]
    return [complete[index][0] for index in front_order([objectives for _, objectives in complete])]

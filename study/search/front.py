"""The front of the search, as validation sees it; it flatters, since the same numbers chose it."""

from collections.abc import Iterable

from analysis.pareto import front_order
from study.storage.state import State, Trial


def validation_front(trials: Iterable[Trial]) -> list[Trial]:
    """Returns the trials that no other dominates in error and robust error, by rising error."""
    complete = [(trial, trial.objectives) for trial in trials if trial.objectives is not None]
    return [complete[index][0] for index in front_order([objectives for _, objectives in complete])]


def candidates(state: State, architectures: tuple[str, ...]) -> list[Trial]:
    """Returns, per architecture, the trials that no other dominates on validation, and all baselines that ended."""
    chosen: list[Trial] = []
    for architecture in architectures:
        trials = state.of(architecture)
        best = {trial.trial_id for trial in validation_front(trials)}
        chosen += [trial for trial in trials if trial.trial_id in best or (trial.label and trial.state == "COMPLETE")]
    return chosen

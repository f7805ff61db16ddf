"""The front of the search, as validation sees it; it flatters, since the same numbers chose it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.pareto import front_order, nondominated
from study.config import StudyConfig
from study.constraints import Constraint
from study.storage.state import State, Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """A point of the space as all its COMPLETE seeds see it.

    Attributes:
        trial: the one that was asked for first, itself COMPLETE.
        seeds: it and its COMPLETE replicates.
    """

    trial: Trial
    seeds: tuple[Trial, ...]

    @property
    def objectives(self) -> tuple[float, ...]:
        """Means of the objectives over the seeds."""
        return tuple(self._mean(name) or 0.0 for name in self.trial.ranked_by)

    @property
    def feasible(self) -> bool:
        """Whether its means satisfy the study's constraints."""
        constraints = [Constraint.parse(text) for text in self.trial.constraints]
        means = {constraint.name: self._mean(constraint.name) for constraint in constraints}
        return all(constraint.violation(means) <= 0 for constraint in constraints)

    def _mean(self, name: str) -> float | None:
        values = [seed.curve[-1].get(name) for seed in self.seeds]
        known = [float(value) for value in values if value is not None]
        return fmean(known) if known else None


def configurations(trials: Iterable[Trial]) -> list[Configuration]:
    """Returns the points that have a result, in the order of their first trials."""
    complete = [trial for trial in trials if trial.state == "COMPLETE"]
    more = defaultdict(list)
    for trial in complete:
        if trial.replicate_of is not None:
            more[trial.replicate_of].append(trial)
    own = (trial for trial in complete if trial.replicate_of is None)
    return [Configuration(trial=trial, seeds=(trial, *more[trial.trial_id])) for trial in own]


def validation_front(trials: Iterable[Trial]) -> list[Trial]:
    """Returns the trials that no other dominates in the objectives, by the first of these.

    Replicates count as further seeds of their trial and are themselves not returned; what violates a constraint is
    left out.
    """
    found = [known for known in configurations(trials) if known.feasible]
    return [found[index].trial for index in front_order([known.objectives for known in found])]


def best_fronts(points: ArrayLike, *, fronts: int | None = None, at_least: int | None = None) -> NDArray[np.intp]:
    """Returns the indices of the best non-dominated fronts, front by front: what is left without a front has another.

    Args:
        points: one row a point, one column an objective.
        fronts: how many, at most; None takes all.
        at_least: enough points; the front that reaches them is the last one.
    """
    rows = np.asarray(points, dtype=np.float64)
    left, taken = np.arange(len(rows)), np.zeros(0, dtype=np.intp)
    peeled = 0
    while len(left) and (fronts is None or peeled < fronts) and (at_least is None or len(taken) < at_least):
        best = nondominated(rows[left])
        taken, left, peeled = np.concatenate([taken, left[best]]), left[~best], peeled + 1
    return taken


def near_front(trials: Sequence[Trial], fronts: int) -> list[Trial]:
    """Returns the trials of the best fronts, by number."""
    found = [known for known in configurations(trials) if known.feasible]
    chosen = best_fronts([known.objectives for known in found], fronts=fronts)
    return [found[index].trial for index in sorted(chosen)]


def confirmed_front(
    state: State, architecture: str, seeds: Sequence[int], without: Collection[str] = ()
) -> list[Trial]:
    """Returns the candidates that no other dominates on test, in the means over fresh seeds, by the first objective.

    Args:
        state: of the study.
        architecture: whose front it is.
        seeds: every one of them must have given a result.
        without: ids of candidates that do not count.
    """
    means = {
        trial.trial_id: found
        for trial in state.of(architecture)
        if trial.trial_id not in without and (found := _on_test(state, trial, seeds))
    }
    names = list(means)
    return [state.trials[names[place]] for place in front_order([means[name] for name in names])]


def how_attacked(config: StudyConfig) -> dict[str, Any]:
    """Returns what the numbers of strong attacks depend on, beside the model and those that images come from."""
    return {"strength": config.strong.strength, "images": config.strong.images, "seed": config.seed}


def already_attacked(state: State, config: StudyConfig) -> set[tuple[str, int]]:
    """Returns trials and seeds whose models, as they are confirmed now, have been attacked as the config says."""
    how, confirmed = how_attacked(config), state.confirmations
    return {
        key
        for key, known in state.attacked.items()
        if known.how == how and key in confirmed and known.sha256 == confirmed[key].sha256
    }


def attacked_models(state: State, config: StudyConfig) -> list[tuple[Trial, int]]:
    """Returns the models that come under strong attacks by what is known now, the first seed of all before the second.

    Those that the attacks have made doubtful are on no front: others may be then, and come beside them. What violates a
    constraint is on none either.
    """
    strong, fresh = config.strong, config.fresh_seeds()
    if not strong:
        return []
    doubtful = {trial_id for (trial_id, _), known in state.attacked.items() if known.flags}
    violating = _violating(state) if config.constraints else set()
    if strong.of == "all":
        chosen = candidates(state, config.architectures)
    else:
        chosen = [trial for trial in state.trials.values() if trial.trial_id in doubtful]
        for architecture in config.architectures:
            front = confirmed_front(state, architecture, fresh, doubtful | violating)
            chosen += front[:1] + front[1:][-1:] if strong.of == "ends" else front
    models = [(trial, seed) for seed in fresh[: strong.seeds] for trial in chosen]
    return [(trial, seed) for trial, seed in models if _on_test(state, trial, [seed])]


def _violating(state: State) -> set[str]:
    """Returns who violates a constraint: baselines, which are confirmed all the same."""
    return {known.trial.trial_id for known in configurations(state.trials.values()) if not known.feasible}


def _on_test(state: State, trial: Trial, seeds: Sequence[int]) -> tuple[float, ...] | None:
    """Returns a candidate's objectives, mean over the seeds, or None where a seed has no result."""
    known = [state.confirmations.get((trial.trial_id, seed)) for seed in seeds]
    reports = [each.report for each in known if each and each.message is None and each.report is not None]
    if not seeds or len(reports) < len(seeds):
        return None
    return tuple(fmean(float(report[name]) for report in reports) for name in trial.ranked_by)


def candidates(state: State, architectures: tuple[str, ...]) -> list[Trial]:
    """Returns, per architecture, the trials that no other dominates on validation, and all baselines that ended.

    What violates a constraint is none, unless it is a baseline; replicates count for the trials that they repeat.
    """
    chosen: list[Trial] = []
    for architecture in architectures:
        trials = state.of(architecture)
        best = {trial.trial_id for trial in validation_front(trials)}
        chosen += [trial for trial in trials if trial.trial_id in best or (trial.label and trial.state == "COMPLETE")]
    return chosen

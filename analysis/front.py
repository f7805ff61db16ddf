"""The confirmed front of an architecture: candidates retrained with fresh seeds and measured on test.

Choosing on validation flatters, so nothing here comes from the search but the names of the candidates.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.constraints import violations
from analysis.load import Study
from analysis.objectives import Objective, reference_of
from analysis.pareto import front_order, hypervolume
from analysis.schema import LENGTHS
from analysis.statistics import Interval, interval, spread

VIOLATES: Final = "violates"
"""How the reason begins of who was left out for a constraint."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A configuration that was retrained with every fresh seed.

    Attributes:
        trial_id: of the trial that it repeats.
        label: the baseline's name, or None.
        width: multiplies the architecture's channels.
        parameters: of the classifier.
        seeds: the fresh seeds, in rising order.
        values: per `test_*` column one value a seed; a column that any seed left empty is absent.
        objectives: what it is compared by.
        flags: names of what strong attacks on it leave doubtful, of any seed; none where nobody made them.
    """

    trial_id: str
    label: str | None
    architecture: str
    width: float
    parameters: int | None
    seeds: tuple[int, ...]
    values: Mapping[str, NDArray[np.float64]]
    objectives: tuple[Objective, ...]
    flags: tuple[str, ...] = ()

    def interval(self, metric: str) -> Interval:
        """Returns the mean of a `test_*` column over seeds with its interval."""
        return interval(self.values[metric], most=_most(metric))

    def spread(self, metric: str) -> Interval:
        """Returns what an error bar shows of a `test_*` column."""
        return spread(self.values[metric], most=_most(metric))

    @property
    def name(self) -> str:
        """The baseline's name, or the trial's."""
        return self.label or self.trial_id

    @property
    def means(self) -> tuple[float, ...]:
        """The objectives on test, mean over seeds."""
        return tuple(float(self.values[objective.on_test].mean()) for objective in self.objectives)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ConfirmedFront:
    """What the confirmation says about an architecture.

    Attributes:
        objectives: that the candidates are compared by.
        candidates: all that gave these with every seed, and whose numbers nothing makes doubtful.
        flagged: those whose errors under attack are no evidence of robustness; they count nowhere.
        members: those of them that no other dominates in the means, by the first objective.
        excluded: trial id and reason of the candidates that did not, or violate a constraint of the study.
        volumes: hypervolumes up to the objectives' worst values, of all candidates, one a seed in the order of seeds.
    """

    architecture: str
    objectives: tuple[Objective, ...]
    candidates: tuple[Candidate, ...]
    flagged: tuple[Candidate, ...]
    members: tuple[Candidate, ...]
    excluded: tuple[tuple[str, str], ...]
    volumes: tuple[float, ...]

    @property
    def reference(self) -> tuple[float, ...]:
        """The point up to which the hypervolume counts."""
        return reference_of(self.objectives)

    @property
    def most(self) -> tuple[float, ...]:
        """What each objective can be at most: 1 for fractions, infinity for lengths."""
        return tuple(_most(objective.on_test) for objective in self.objectives)

    @property
    def values(self) -> NDArray[np.float64]:
        """The objectives on test, of shape (seeds, candidates, objectives)."""
        return _values(self.candidates, self.objectives)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The fresh seeds that all candidates share, in rising order."""
        return self.candidates[0].seeds if self.candidates else ()

    @property
    def hypervolume(self) -> Interval | None:
        """The mean of `volumes` with its interval; None without candidates."""
        return interval(self.volumes, most=math.prod(self.reference)) if self.volumes else None


def confirmed_fronts(study: Study) -> tuple[ConfirmedFront, ...]:
    """Returns the confirmed front of every architecture of the study, also where it is empty."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in study.confirmations.to_pylist():
        rows[row["architecture"]].append(row)
    names, violated = dict.fromkeys([*study.architectures, *rows]), violations(study)
    return tuple(_confirmed_front(name, rows[name], study.objectives, violated) for name in names)


def _confirmed_front(
    architecture: str,
    rows: list[dict[str, Any]],
    objectives: tuple[Objective, ...],
    violated: Mapping[str, Sequence[str]],
) -> ConfirmedFront:
    by_trial: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_trial[row["trial_id"]].append(row)
    reasons = {
        trial: f"{VIOLATES} {' and '.join(violated[trial])}" if trial in violated else _why_excluded(runs, objectives)
        for trial, runs in by_trial.items()
    }
    sound = {trial: runs for trial, runs in by_trial.items() if reasons[trial] is None}
    seeds = _shared(list(sound.values()))
    reasons |= {trial: reason for trial, runs in sound.items() if (reason := _why_waits(runs, seeds))}
    measured = [
        _candidate([run for run in runs if run["seed"] in seeds], objectives)
        for trial, runs in sound.items()
        if reasons[trial] is None
    ]
    candidates = tuple(candidate for candidate in measured if not candidate.flags)
    members = tuple(candidates[i] for i in front_order([candidate.means for candidate in candidates]))
    return ConfirmedFront(
        architecture=architecture,
        objectives=objectives,
        candidates=candidates,
        flagged=tuple(candidate for candidate in measured if candidate.flags),
        members=members,
        excluded=tuple((trial, reason) for trial, reason in reasons.items() if reason is not None),
        volumes=tuple(hypervolume(points, reference_of(objectives)) for points in _values(candidates, objectives)),
    )


def _shared(every: list[list[dict[str, Any]]]) -> set[int]:
    """Returns the seeds that have measured all, so that means are over the same; while there are none, all seeds."""
    seeds = [{run["seed"] for run in runs} for runs in every]
    return (set.intersection(*seeds) or set.union(*seeds)) if seeds else set()


def _why_waits(runs: list[dict[str, Any]], seeds: set[int]) -> str | None:
    measured = {run["seed"] for run in runs} & seeds
    return None if measured == seeds else f"confirmed with {len(measured)} of {len(seeds)} seeds so far"


def _why_excluded(runs: list[dict[str, Any]], objectives: tuple[Objective, ...]) -> str | None:
    for run in runs:
        if run["message"] is not None:
            return f"seed {run['seed']}: {run['message']}"
        values = [run[objective.on_test] for objective in objectives]
        if any(value is None or not np.isfinite(value) for value in values):
            return f"seed {run['seed']} gave {' or '.join(f'no {objective.label}' for objective in objectives)}"
    return None


def _candidate(runs: list[dict[str, Any]], objectives: tuple[Objective, ...]) -> Candidate:
    runs = sorted(runs, key=lambda run: run["seed"])
    values = {}
    for metric in (column for column in runs[0] if column.startswith("test_")):
        column = np.asarray([run[metric] for run in runs], dtype=np.float64)  # None becomes NaN
        if not np.isnan(column).any():
            values[metric] = column
    first = runs[0]
    return Candidate(
        trial_id=first["trial_id"],
        label=first["label"],
        architecture=first["architecture"],
        width=first["width"],
        parameters=first["parameters"],
        seeds=tuple(run["seed"] for run in runs),
        values=values,
        objectives=objectives,
        flags=tuple(dict.fromkeys(flag for run in runs for flag in run["flags"] or ())),
    )


def _values(candidates: Sequence[Candidate], objectives: Sequence[Objective]) -> NDArray[np.float64]:
    if not candidates:
        return np.empty((0, 0, len(objectives)))
    found = [[candidate.values[each.on_test] for candidate in candidates] for each in objectives]
    return np.asarray(found, dtype=np.float64).transpose(2, 1, 0)


def _most(metric: str) -> float:
    return math.inf if metric.removeprefix("test_") in LENGTHS else 1.0

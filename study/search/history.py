"""An architecture's trials as Optuna is told of them, all or as many as a question needs.

A study of the optimiser is made anew for every question, from the trials that bear on it; then a question depends on
what has happened and on nothing that a stopped process would take with it. What a trial that ended without a result
(FAILED, INFEASIBLE, or STOPPED early, with errors that are not its last) would be told as is FAIL, which Optuna's
samplers pass over; so it is left out.
"""

import copy
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any, final

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from study.search.front import best_fronts

optuna.logging.set_verbosity(optuna.logging.ERROR)
GOOD = 25  # the best that TPE is told of, at least, however old they are
BEGAN = datetime.fromtimestamp(0, UTC)  # no sampler asks when


@final
class Told(FrozenTrial):
    """A trial as Optuna knows it; studies that it is put into share its values, which nobody changes."""

    def __deepcopy__(self, memo: object) -> "Told":
        # Optuna copies what it is given, at a fifth of a millisecond a trial: too much for a thousand a question.
        return copy.copy(self)


def told(
    params: Mapping[str, Any],
    distributions: Mapping[str, BaseDistribution],
    values: Sequence[float] | None,
    constraints: Mapping[str, float],
    marks: Mapping[str, Any],
) -> Told:
    """Returns a trial as Optuna knows it: COMPLETE with values, RUNNING without.

    Args:
        params: what was chosen.
        distributions: what it was chosen from.
        values: the objectives.
        constraints: violations; 0 or less says that a constraint holds.
        marks: what a sampler has written on it.
    """
    trial = Told(
        number=-1,
        trial_id=-1,
        state=TrialState.RUNNING if values is None else TrialState.COMPLETE,
        value=None,
        values=values,
        datetime_start=BEGAN,
        datetime_complete=None if values is None else BEGAN,
        params={name: params[name] for name in distributions},
        distributions=dict(distributions),
        user_attrs={},
        system_attrs=dict(marks),
        intermediate_values={},
    )
    for name, violation in constraints.items():
        trial.set_constraint(name, violation)
    return trial


@final
class History:
    """What is known of an architecture's trials, by number; those of an earlier study have numbers below 0.

    Args:
        objectives: how many values a trial has.
    """

    def __init__(self, objectives: int) -> None:
        self._objectives = objectives
        self.running: dict[int, Told] = {}
        self._numbers: list[int] = []
        self._complete: list[Told] = []
        self._values = array("d")
        self._violations = array("d")

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, number: int, trial: Told) -> None:
        """Takes in a trial that is COMPLETE; saying it twice changes nothing."""
        place = bisect_left(self._numbers, number)
        if self._numbers[place : place + 1] == [number]:
            return
        self._numbers.insert(place, number)
        self._complete.insert(place, trial)
        for column, value in enumerate(trial.values):
            self._values.insert(place * self._objectives + column, value)
        self._violations.insert(place, sum(max(0.0, violation) for violation in trial.constraints.values()))

    def every(self) -> Iterator[tuple[int, Told]]:
        """Yields the trials that are COMPLETE, and those that run, with their numbers."""
        return chain(zip(self._numbers, self._complete, strict=True), self.running.items())

    def between(self, first: int, end: int) -> dict[int, Told]:
        """Returns the COMPLETE trials with numbers from `first` to before `end`."""
        places = slice(bisect_left(self._numbers, first), bisect_left(self._numbers, end))
        return dict(zip(self._numbers[places], self._complete[places], strict=True))

    def recent(self, most: int) -> list[Told]:
        """Returns the newest COMPLETE trials, the best of all before them, and those that run, by number.

        The best are whole non-dominated fronts, with `GOOD` trials at least: TPE calls a tenth of what it is told good,
        and the best of all are among these. Its picture of the rest is of the newest.
        """
        newest = range(max(0, len(self) - most), len(self))
        kept = sorted({*newest, *self._best(most)}) if len(self) > most else newest
        pairs = [(self._numbers[place], self._complete[place]) for place in kept]
        return [trial for _, trial in sorted([*pairs, *self.running.items()], key=lambda pair: pair[0])]

    def _best(self, most: int) -> Iterable[int]:
        values, violations = np.array(self._values).reshape(-1, self._objectives), np.array(self._violations)
        feasible = np.flatnonzero(violations == 0)
        best = feasible[best_fronts(values[feasible], at_least=GOOD)]
        if len(best) < GOOD:
            others = np.flatnonzero(violations > 0)
            best = np.concatenate([best, others[np.argsort(violations[others], kind="stable")][: GOOD - len(best)]])
        return [int(place) for place in np.sort(best)[-most:]]


def study_of(trials: Iterable[FrozenTrial], sampler: BaseSampler, objectives: int) -> optuna.Study:
    """Returns a study in memory of so many objectives, all minimised, that has these trials behind it."""
    storage = InMemoryStorage()
    study = optuna.create_study(storage=storage, sampler=sampler, directions=["minimize"] * objectives)
    place = storage.get_study_id_from_name(study.study_name)
    for trial in trials:
        storage.create_new_trial(place, template_trial=trial)
    return study

# ruff: noqa: ARG002 - a watch is told more than this one needs
"""A study as an Optuna file, for `optuna-dashboard FILE`: one Optuna study per architecture.

It is for people to look at, not for a sampler to learn from: trials that were stopped early are PRUNED in it, so that
they can be told from failed ones, whereas the search is told that they failed.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from search_spaces.space import Space
from study.cluster import Cluster
from study.config import StudyConfig
from study.errors import Refused
from study.monitoring.watch import Ended, Watch
from study.search.optuna_space import distributions
from study.storage.state import State, Trial
from trainables.checks import must

optuna.logging.set_verbosity(optuna.logging.ERROR)

STATES: Mapping[str, TrialState] = MappingProxyType(
    {
        "RUNNING": TrialState.RUNNING,
        "PAUSED": TrialState.RUNNING,
        "COMPLETE": TrialState.COMPLETE,
        "STOPPED": TrialState.PRUNED,
        "FAILED": TrialState.FAIL,
        "INFEASIBLE": TrialState.FAIL,
    }
)
COSTS = ("gradient_evaluations", "forward_passes", "seconds")


@final
class OptunaFile(Watch):
    """Keeps an Optuna journal file up with a study; one that holds a part of it already is carried on.

    Args:
        config: of the study.
        path: of the file; made where it does not exist.

    Raises:
        Refused: if the file cannot be written, or is something else.
    """

    def __init__(self, config: StudyConfig, path: Path) -> None:
        self._config, self._path, self._space = config, path, config.search_space()
        self._storage = _opened(path)
        self._studies: dict[str, int] = {name: self._study(name) for name in config.architectures}
        self._trials: dict[tuple[str, int], int] = {
            (name, number): self._storage.get_trial_id_from_study_id_trial_number(study, number)
            for name, study in self._studies.items()
            for number in range(self._storage.get_n_trials(study))
        }
        self._written: dict[str, int] = {}
        self._state = State()

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        self._state = state
        for study in self._studies.values():
            self._recognise(study)
        for trial in state.trials.values():
            self.trial_began(trial)
            if trial.state != "RUNNING":
                self.trial_ended(trial)

    def trial_began(self, trial: Trial) -> None:
        place = trial.architecture, trial.number
        if place in self._trials:
            self._describe(trial)
            return
        self._trials[place] = self._storage.create_new_trial(
            self._studies[trial.architecture], _frozen(trial, self._space)
        )
        self._written[trial.trial_id] = len(trial.curve)

    def trial_ended(self, trial: Trial) -> None:
        self._describe(trial)
        place, state = self._trials[trial.architecture, trial.number], STATES[trial.state]
        if state.is_finished() and not self._storage.get_trial(place).state.is_finished():
            self._write_curve(trial)
            self._storage.set_trial_state_values(place, state, trial.objectives)

    def _describe(self, trial: Trial) -> None:
        """Writes what has changed of that which Optuna has no field for; nothing changes after a trial's end."""
        place = self._trials[trial.architecture, trial.number]
        known = self._storage.get_trial(place)
        for key, value in {} if known.state.is_finished() else _about(trial).items():
            if known.user_attrs.get(key) != value:
                self._storage.set_trial_user_attr(place, key, value)

    def stage(self, name: str, jobs: int, done: int) -> None:
        pass

    def job_began(self, stage: str, trial: Trial, seed: int) -> None:
        pass

    def job_ended(self, ended: Ended) -> None:
        pass

    def notice(self, text: str) -> None:
        pass

    def tick(self) -> None:
        for trial in self._state.in_flight():
            self._write_curve(trial)

    def ended(self) -> None:
        pass

    def _study(self, architecture: str) -> int:
        name, objectives = f"{self._config.name} {architecture}", [each.name for each in self._space.objectives]
        study = optuna.create_study(
            storage=self._storage, study_name=name, directions=["minimize"] * len(objectives), load_if_exists=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(objectives)
        return self._storage.get_study_id_from_name(name)

    def _recognise(self, study: int) -> None:
        """Makes sure that the file does not hold another study of the same name."""
        began, known = self._state.study["started"], self._storage.get_study_user_attrs(study).get("started")
        must(known in (None, began), f"the file holds a study of this name that began at {known}, not at {began}")
        self._storage.set_study_user_attr(study, "started", began)

    def _write_curve(self, trial: Trial) -> None:
        """Writes the first objective of the epochs since the last time; the others are measured now and then."""
        place = self._trials[trial.architecture, trial.number]
        for epoch, error in list(_curve(trial).items())[self._written.get(trial.trial_id, 0) :]:
            self._storage.set_trial_intermediate_value(place, epoch, error)
        self._written[trial.trial_id] = len(trial.curve)


def _opened(path: Path) -> JournalStorage:
    try:
        with path.open("ab"):  # Optuna would fail at some later time, or in words of its own
            pass
        storage = JournalStorage(JournalFileBackend(str(path)))
        storage.get_all_studies()  # reads it
        return storage
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(
            f"--optuna takes a file that can be written, new or made by an earlier watch; {path}: {error}; give another"
        ) from error


def _frozen(trial: Trial, space: Space) -> FrozenTrial:
    """Returns a trial that is there at once with all that is known of it."""
    return create_trial(
        state=STATES[trial.state],
        values=trial.objectives,
        params=trial.params,
        distributions=distributions(space, trial.point),
        user_attrs=_about(trial),
        intermediate_values=_curve(trial),
    )


def _about(trial: Trial) -> dict[str, Any]:
    last = trial.curve[-1] if trial.curve else {}
    known = {"trial_id": trial.trial_id, "label": trial.label, "state": trial.state, "message": trial.message}
    costs = {"epochs": len(trial.curve), **{name: last.get(name) for name in COSTS}}
    return {key: value for key, value in {**known, **costs}.items() if value is not None}


def _curve(trial: Trial) -> dict[int, float]:
    first = trial.ranked_by[0]
    return {report["epoch"]: report[first] for report in trial.curve if report[first] is not None}

"""A study that runs elsewhere, told to a watch by its journal."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, final

from study.cluster import Cluster
from study.config import StudyConfig
from study.monitoring.progress import attacked_outcome, confirmed_outcome
from study.monitoring.watch import ATTACKS, CONFIRMATION, Watch
from study.search.front import already_attacked, attacked_models, candidates
from study.storage.follow import Entry
from study.storage.journal import Event
from study.storage.state import State

Key = tuple[str, int]  # a trial's id and a fresh seed
STAGE_OF = {"confirmed": CONFIRMATION, "attacked": ATTACKS}
PURPOSES = {"confirmation": CONFIRMATION, "strong attacks": ATTACKS}
Accesses = Callable[[], Sequence[Mapping[str, Any]]]
ELSEWHERE = Cluster(dashboard=None, token=None, concurrency=1)


@final
class TellingClock:
    """The time of the event that is being told; the wall's in between."""

    def __init__(self) -> None:
        self._at: float | None = None

    def set(self, time_of_event: str) -> None:
        """Stands still at a journal's time."""
        self._at = datetime.fromisoformat(time_of_event).timestamp()

    def release(self) -> None:
        """Goes with the wall's again."""
        self._at = None

    def __call__(self) -> float:
        return time.time() if self._at is None else self._at


@final
class Replay:
    """Turns the entries of a journal into what a driver would have told.

    What earlier drivers did is there when the study begins to be told; the newest one's work is told from its start,
    at the times at which it happened, so that it has a pace.

    Args:
        config: of the study.
        accesses: returns those to the test split so far, as `provenance.test_accesses` does.
        shown: the folder, as it is told.
        watch: is told.
        clock: the watch's.
    """

    def __init__(self, config: StudyConfig, accesses: Accesses, shown: Path, watch: Watch, clock: TellingClock) -> None:
        self.state = State()
        self._config, self._accesses, self._shown = config, accesses, shown
        self._watch, self._clock = watch, clock
        self._driver, self._begun = 0, ""
        self._stages: dict[str, int] = {}  # how many jobs were told of
        self._opened: set[tuple[str, str, int]] = set()

    def begin(self, entries: Sequence[Entry]) -> None:
        """Tells all that a journal holds so far, which is something."""
        newest = entries[-1].driver
        for entry in entries:
            if entry.driver < newest:
                self.state.apply(entry.event)
        self.go_on(entry for entry in entries if entry.driver == newest)

    def go_on(self, entries: Iterable[Entry]) -> None:
        """Tells what has been written since."""
        for entry in entries:
            self._clock.set(entry.event["time"])
            if entry.driver != self._driver:
                self._take_over(entry)
            self._tell(entry.event)
        self._tell_what_is_opened()
        self._clock.release()

    def _take_over(self, entry: Entry) -> None:
        """Tells of a driver's beginning: it hands out anew what its predecessor left in flight."""
        self._driver, self._begun = entry.driver, entry.event["time"]
        self._stages, self._opened = {}, set()
        if entry.event["kind"] == "study":
            self.state.apply(entry.event)  # a driver knows its study before it tells of it
        self._watch.began(self.state, ELSEWHERE, self._shown)
        for trial in self.state.in_flight():
            self._watch.trial_began(trial)

    def _tell(self, event: Event) -> None:
        """Tells of a change by what it makes of the state, whatever the kind of event that made it."""
        if event["kind"] in STAGE_OF:
            self._stage(STAGE_OF[event["kind"]])
        trial_id = event.get("trial_id", "")
        before = self.state.trials[trial_id].state if trial_id in self.state.trials else None
        self.state.apply(event)
        trial = self.state.trials.get(trial_id)
        if event["kind"] in STAGE_OF and trial is not None:
            key = trial_id, event["seed"]
            confirmed = event["kind"] == "confirmed"
            self._watch.job_ended(
                confirmed_outcome(self.state.confirmations[key], trial)
                if confirmed
                else attacked_outcome(self.state.attacked[key], trial)
            )
        elif trial is not None and trial.state != before:
            told = self._watch.trial_began if trial.state == "RUNNING" else self._watch.trial_ended
            told(trial)

    def _stage(self, name: str) -> None:
        """Tells that a stage begins, or has grown."""
        jobs = self._jobs(name)
        if len(jobs) != self._stages.get(name):
            self._stages[name] = len(jobs)
            self._watch.stage(name, len(jobs), len(self._done(name) & set(jobs)))

    def _tell_what_is_opened(self) -> None:
        """Tells which models are at work: an access to test is written before it happens, and in no journal."""
        for stage in PURPOSES.values():
            if self._done(stage):
                self._stage(stage)
        for access in self._accesses():
            name = PURPOSES.get(access.get("purpose", CONFIRMATION))
            if name is None or "trial_id" not in access:  # not of a model: a learned manifold's quality
                continue
            key = access["trial_id"], access["seed"]
            if access["time"] < self._begun or (name, *key) in self._opened or key in self._done(name):
                continue
            self._stage(name)
            self._opened.add((name, *key))
            self._clock.set(access["time"])
            self._watch.job_began(name, self.state.trials[key[0]], key[1])

    def _done(self, name: str) -> set[Key]:
        """Returns what of a stage has ended."""
        if name == CONFIRMATION:
            return set(self.state.confirmations)
        return already_attacked(self.state, self._as_now())

    def _as_now(self) -> StudyConfig:
        """Returns the study's config with the budget of attacks that was asked for last."""
        return replace(self._config, strong=self.state.strong)

    def _jobs(self, name: str) -> list[Key]:
        """Returns what a stage consists of, by what is known now."""
        if name == CONFIRMATION and self._config.is_grid:
            return []
        if name == CONFIRMATION:
            chosen, seeds = candidates(self.state, self._config.architectures), self._config.fresh_seeds()
            return [(trial.trial_id, seed) for trial in chosen for seed in seeds]
        return [(trial.trial_id, seed) for trial, seed in attacked_models(self.state, self._as_now())]

    @property
    def searched(self) -> bool:
        """Whether all trials have been asked for and none is in flight."""
        asked = [len(self.state.of(name)) for name in self._config.architectures]
        return min(asked) >= self._config.trials and not self.state.in_flight()

    @property
    def confirmed(self) -> bool:
        """Whether there is nothing left to confirm."""
        return self.searched and self._all_done(CONFIRMATION)

    @property
    def finished(self) -> bool:
        """Whether all is searched, confirmed and attacked."""
        return self.confirmed and self._all_done(ATTACKS)

    def _all_done(self, name: str) -> bool:
        return set(self._jobs(name)) <= self._done(name)

    @property
    def over(self) -> bool:
        """Whether a driver that has left has left nothing undone; a confirmation may not have been wanted."""
        return self.finished or (self.searched and not self.state.confirmations and not self._opened)

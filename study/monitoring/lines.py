"""Plain, timestamped lines for logs and pipes."""

import time
from pathlib import Path
from typing import final

from study.cluster import Cluster
from study.config import StudyConfig
from study.monitoring.progress import (
    WALL_CLOCK,
    Clock,
    Count,
    confirmed_outcome,
    duration,
    outcome,
    titled,
    trial_count,
)
from study.monitoring.watch import Watch
from study.storage.state import Confirmation, State, Trial


@final
class Lines(Watch):
    """One line whenever something has ended.

    Args:
        config: of the study.
        clock: tells when what is told happens.
    """

    def __init__(self, config: StudyConfig, clock: Clock = WALL_CLOCK) -> None:
        self._config, self._clock = config, clock
        self._paused: set[str] = set()
        self._counts: dict[str, Count] = {}
        self._confirmed = Count(0, 0.0)
        self._trials: dict[str, Trial] = {}

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        now, total = self._clock(), self._config.trials
        self._counts = {name: trial_count(state, name, total, now) for name in self._config.architectures}
        self._trials = dict(state.trials)
        self._paused = {trial.trial_id for trial in state.trials.values() if trial.state == "PAUSED"}
        had = sum(count.before for count in self._counts.values())
        self._print(f"study {self._config.name} in {run_dir}{f', {had} trials done before' if had else ''}")
        if cluster.dashboard:
            token = f" (the token that it asks for is in {cluster.token})" if cluster.token else ""
            self._print(f"Ray dashboard at {cluster.dashboard}{token}")

    def trial_began(self, trial: Trial) -> None:
        self._trials[trial.trial_id] = trial
        if trial.trial_id in self._paused:
            self._paused.remove(trial.trial_id)
            self._counts[trial.architecture].done -= 1

    def trial_ended(self, trial: Trial) -> None:
        count = self._counts[trial.architecture]
        count.done += 1
        count.total = max(count.total, count.done)  # replicates come on top
        if trial.state == "PAUSED":
            self._paused.add(trial.trial_id)
        self._print(f"{trial.architecture} {self._of(count)}: {titled(trial)}: {outcome(trial)}")

    def confirming(self, jobs: int, done: int) -> None:
        self._confirmed = Count(jobs, self._clock(), before=done, done=done)
        self._print(f"confirmation: {jobs - done} models to train with fresh seeds and to measure on test")

    def confirmation_began(self, trial: Trial, seed: int) -> None:
        pass

    def confirmation_ended(self, confirmation: Confirmation) -> None:
        self._confirmed.done += 1
        trial = self._trials[confirmation.trial_id]
        said = confirmed_outcome(confirmation, trial)
        self._print(f"confirmation {self._of(self._confirmed)}: {titled(trial)}, seed {confirmation.seed}: {said}")

    def notice(self, text: str) -> None:
        if text:
            self._print(" ".join(text.split()))

    def tick(self) -> None:
        pass

    def ended(self) -> None:
        pass

    def _of(self, count: Count) -> str:
        remaining = count.remaining(self._clock())
        eta = f", about {duration(remaining)} left" if remaining and count.done < count.total else ""
        return f"{count.done}/{count.total}{eta}"

    def _print(self, text: str) -> None:
        print(f"{time.strftime('%H:%M:%S', time.localtime(self._clock()))} {text}", flush=True)

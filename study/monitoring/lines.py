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
    duration,
    grown,
    outcome,
    titled,
    trial_count,
)
from study.monitoring.watch import STAGES, Ended, Watch
from study.storage.state import State, Trial


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
        self._stages: dict[str, Count] = {}

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        now, total = self._clock(), self._config.trials
        self._counts = {name: trial_count(state, name, total, now) for name in self._config.architectures}
        self._paused = {trial.trial_id for trial in state.trials.values() if trial.state == "PAUSED"}
        had = sum(count.before for count in self._counts.values())
        self._print(f"study {self._config.name} in {run_dir}{f', {had} trials done before' if had else ''}")
        if cluster.dashboard:
            token = f" (the token that it asks for is in {cluster.token})" if cluster.token else ""
            self._print(f"Ray dashboard at {cluster.dashboard}{token}")

    def trial_began(self, trial: Trial) -> None:
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

    def stage(self, name: str, jobs: int, done: int) -> None:
        if grown(self._stages, name, jobs, done, self._clock()):
            self._print(f"{name}: {jobs - done} {STAGES[name]}")

    def job_began(self, stage: str, trial: Trial, seed: int) -> None:
        pass

    def job_ended(self, ended: Ended) -> None:
        count = self._stages[ended.stage]
        count.done += 1
        self._print(f"{ended.stage} {self._of(count)}: {titled(ended.trial)}, seed {ended.seed}: {ended.said}")

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

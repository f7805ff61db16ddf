"""Plain, timestamped lines for logs and pipes."""

import time
from pathlib import Path
from typing import final

from study.cluster import Cluster
from study.config import StudyConfig
from study.monitoring.progress import Count, confirmed_outcome, duration, outcome, trial_count
from study.monitoring.watch import Watch
from study.storage.state import Confirmation, State, Trial


@final
class Lines(Watch):
    """One line whenever something has ended."""

    def __init__(self, config: StudyConfig) -> None:
        self._config = config
        self._counts: dict[str, Count] = {}
        self._confirmed = Count(0)
        self._names: dict[str, str] = {}

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        self._counts = {name: trial_count(state, name, self._config.trials) for name in self._config.architectures}
        self._names = {trial.trial_id: trial.name for trial in state.trials.values()}
        had = sum(count.before for count in self._counts.values())
        print_line(f"study {self._config.name} in {run_dir}{f', {had} trials done before' if had else ''}")
        if cluster.dashboard:
            token = f" (the token that it asks for is in {cluster.token})" if cluster.token else ""
            print_line(f"Ray dashboard at {cluster.dashboard}{token}")

    def trial_began(self, trial: Trial) -> None:
        self._names[trial.trial_id] = trial.name

    def trial_ended(self, trial: Trial) -> None:
        count = self._counts[trial.architecture]
        count.done += 1
        name = f"{trial.trial_id} {trial.label}" if trial.label else trial.trial_id
        print_line(f"{trial.architecture} {_of(count)}: {name}: {outcome(trial)}")

    def confirming(self, jobs: int, done: int) -> None:
        self._confirmed = Count(jobs, before=done, done=done)
        print_line(f"confirmation: {jobs - done} models to train with fresh seeds and to measure on test")

    def confirmation_began(self, trial: Trial, seed: int) -> None:
        pass

    def confirmation_ended(self, confirmation: Confirmation) -> None:
        self._confirmed.done += 1
        name = self._names[confirmation.trial_id]
        known = confirmation.trial_id if name == confirmation.trial_id else f"{confirmation.trial_id} {name}"
        said = confirmed_outcome(confirmation)
        print_line(f"confirmation {_of(self._confirmed)}: {known}, seed {confirmation.seed}: {said}")

    def tick(self) -> None:
        pass

    def ended(self) -> None:
        pass


def _of(count: Count) -> str:
    remaining = count.remaining()
    eta = f", about {duration(remaining)} left" if remaining and count.done < count.total else ""
    return f"{count.done}/{count.total}{eta}"


def print_line(text: str) -> None:
    """Prints a line with the time of day, at once."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)

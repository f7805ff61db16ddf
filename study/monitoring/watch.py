"""Whoever looks on while a study runs."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import final

from study.cluster import Cluster
from study.storage.state import State, Trial

CONFIRMATION, ATTACKS = "confirmation", "strong attacks"
STAGES: Mapping[str, str] = MappingProxyType(
    {
        CONFIRMATION: "models to train with fresh seeds and to measure on test",
        ATTACKS: "confirmed models to attack by all means",
    }
)
"""What follows the search, by name: what is done with how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job of a stage that has ended.

    Attributes:
        stage: its name.
        said: what came of it.
        failed: whether it gave no result.
    """

    stage: str
    trial: Trial
    seed: int
    said: str
    failed: bool


class Watch(ABC):
    """Is told what happens; changes nothing."""

    @abstractmethod
    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        """The study starts or goes on; `state` is the study's own and changes with it."""

    @abstractmethod
    def trial_began(self, trial: Trial) -> None:
        """A trial starts, or one that was paused goes on."""

    @abstractmethod
    def trial_ended(self, trial: Trial) -> None:
        """A trial has ended or was paused; its state says which."""

    @abstractmethod
    def stage(self, name: str, jobs: int, done: int) -> None:
        """One of `STAGES` starts or goes on: so many jobs in all, so many of them done; told again when that grows."""

    @abstractmethod
    def job_began(self, stage: str, trial: Trial, seed: int) -> None: ...

    @abstractmethod
    def job_ended(self, ended: Ended) -> None: ...

    @abstractmethod
    def notice(self, text: str) -> None:
        """Something about the run itself, until there is another notice; empty where there is nothing to say."""

    @abstractmethod
    def tick(self) -> None:
        """Some time has passed; called several times a second."""

    @abstractmethod
    def ended(self) -> None:
        """Nothing more will happen; the last lines follow."""


@final
class Watches(Watch):
    """Tells several watches the same. The first is the user's; what goes wrong in another must not end a study."""

    def __init__(self, first: Watch, *others: Watch) -> None:
        self._first, self._others = first, list(others)
        self._said, self._left_out = "", ""

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        self._tell(lambda watch: watch.began(state, cluster, run_dir))

    def trial_began(self, trial: Trial) -> None:
        self._tell(lambda watch: watch.trial_began(trial))

    def trial_ended(self, trial: Trial) -> None:
        self._tell(lambda watch: watch.trial_ended(trial))

    def stage(self, name: str, jobs: int, done: int) -> None:
        self._tell(lambda watch: watch.stage(name, jobs, done))

    def job_began(self, stage: str, trial: Trial, seed: int) -> None:
        self._tell(lambda watch: watch.job_began(stage, trial, seed))

    def job_ended(self, ended: Ended) -> None:
        self._tell(lambda watch: watch.job_ended(ended))

    def notice(self, text: str) -> None:
        self._said = text
        self._first.notice("\n".join(filter(None, (text, self._left_out))))

    def tick(self) -> None:
        self._tell(lambda watch: watch.tick())

    def ended(self) -> None:
        self._tell(lambda watch: watch.ended())

    def _tell(self, say: Callable[[Watch], None]) -> None:
        say(self._first)
        for watch in list(self._others):
            try:
                say(watch)
            except Exception as error:
                self._others.remove(watch)
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                self._left_out = f"{type(watch).__name__} is left out from here on: {reason}"
                self.notice(self._said)

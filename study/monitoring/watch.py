"""Whoever looks on while a study runs."""

from abc import ABC, abstractmethod
from pathlib import Path

from study.cluster import Cluster
from study.storage.state import Confirmation, State, Trial


class Watch(ABC):
    """Is told what happens; changes nothing."""

    @abstractmethod
    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        """The study starts or goes on."""

    @abstractmethod
    def trial_began(self, trial: Trial) -> None: ...

    @abstractmethod
    def trial_ended(self, trial: Trial) -> None: ...

    @abstractmethod
    def confirming(self, jobs: int, done: int) -> None:
        """The confirmation starts or goes on: so many jobs in all, so many of them done before."""

    @abstractmethod
    def confirmation_began(self, trial: Trial, seed: int) -> None: ...

    @abstractmethod
    def confirmation_ended(self, confirmation: Confirmation) -> None: ...

    @abstractmethod
    def tick(self) -> None:
        """Some time has passed; called several times a second."""

    @abstractmethod
    def ended(self) -> None:
        """Nothing more will happen; the last lines follow."""

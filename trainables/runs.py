"""What a trial is to whoever runs it, whatever it trains."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from trainables.report import ALONE, EpochReport

CHECKPOINT_EVERY = 30.0  # seconds; a trial that is interrupted loses at most that much, and a step


class Run(ABC):
    """A trial that is ready to train.

    Attributes:
        device: where it trains.
    """

    device: str

    @property
    @abstractmethod
    def parameters(self) -> int:
        """Counts the trained parameters of what it leaves."""

    @property
    @abstractmethod
    def manifold_digest(self) -> str | None:
        """Names the manifold that its numbers refer to, or None."""

    @property
    @abstractmethod
    def trained_manifold_digest(self) -> str | None:
        """Names the manifold that it trains on, where its numbers refer to another; else None."""

    @abstractmethod
    def reports(self, after_step: Callable[[], None] = lambda: None) -> Iterator[EpochReport]:
        """Trains from wherever it is, and reports after every epoch; `after_step` is called between two steps."""

    @abstractmethod
    def checkpoint(self) -> bytes:
        """Returns all that `go_on` needs; to be taken after a step or a report."""

    @abstractmethod
    def go_on(self, checkpoint: bytes) -> None:
        """Continues where a checkpoint of the same trial was taken.

        Raises:
            ValueError: if it is none.
        """

    @abstractmethod
    def weights(self) -> dict[str, Tensor]:
        """Returns what it leaves, as it is now, under the names of the networks."""

    def about(self, backend: str = ALONE) -> dict[str, Any]:
        """Returns what a record keeps of a trial beside its reports: what trains, and where and how in this process."""
        names = ("parameters", "device", "manifold_digest", "trained_manifold_digest")
        return {name: getattr(self, name) for name in names} | {"threads": torch.get_num_threads(), "backend": backend}


class Clock:
    """Says once whenever so many seconds have passed."""

    def __init__(self, seconds: float = CHECKPOINT_EVERY) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def __call__(self) -> bool:
        now = time.monotonic()
        due = now - self._last >= self._seconds
        self._last = now if due else self._last
        return due

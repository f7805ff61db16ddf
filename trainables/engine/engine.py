"""Fills the slots of fused steps with trials as they come, and shares a device among the kinds of them."""

import itertools
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import final
from weakref import WeakValueDictionary

import torch

from trainables.checks import must
from trainables.config import AnyTrialConfig, TrialConfig
from trainables.engine.cohort import Kin, kin
from trainables.engine.line import Line, Residents, Trial
from trainables.engine.news import News
from trainables.engine.turns import Turns
from trainables.pipeline import ClassifierRun
from trainables.trials import prepared

TURN = 0.25  # seconds of the device that one kin has before another
LARGEST = 64
MOST = 256  # trials that an engine asks for: more would be proposed knowing too little


@final
class Engine:
    """Trains many trials on one device.

    Trials that are kin (see `trainables.engine.cohort.kin`) share fused steps; kins take turns of equal time. One
    thread calls `advance` over and over; all other methods may be called from any thread, and wait for one such call.
    What a trial reports, and its checkpoints, are those of a trial on its own: either may go on from the other's.

    Args:
        root: of the store of learned manifolds.
        slots: models in a fused step, None to find out by measuring. Who wants to repeat a run exactly gives the same.
        largest: number of models that is tried when measuring.
        device: that computes the steps, and measures models.
    """

    def __init__(self, root: str, *, slots: int | None = None, largest: int = LARGEST, device: str = "cpu") -> None:
        must(slots is None or slots >= 1, f"slots counts models in a fused step and is at least 1; got {slots}")
        must(largest >= 1, f"largest counts models in a fused step and is at least 1; got {largest}")
        self._root, self._slots, self._largest, self._device = root, slots, largest, torch.device(device)
        self._turns, self._handles = Turns(), itertools.count()
        self._lines: dict[Kin, Line] = {}
        self._trials: dict[int, tuple[Trial, Line]] = {}
        self._residents: Residents = WeakValueDictionary()
        self._current: Line | None = None
        self._until = 0.0

    def submit(
        self,
        config: AnyTrialConfig,
        checkpoint: bytes | None = None,
        rungs: Collection[int] = (),
        *,
        weights: bool = False,
    ) -> int:
        """Takes in a trial, which begins as soon as a slot is free.

        Args:
            config: of the trial.
            checkpoint: where it goes on, of a trial with this config.
            rungs: epochs whose reports are to come with a checkpoint.
            weights: whether its last word is to come with its weights.

        Returns:
            a handle, which names the trial here.

        Raises:
            ValueError: if it cannot be trained, or not in a fused step; in one sentence.
        """
        return self.admit(self.prepare(config, checkpoint), rungs, weights=weights)

    def prepare(self, config: AnyTrialConfig, checkpoint: bytes | None = None) -> ClassifierRun:
        """Returns a trial for `admit`, without waiting for a step; it takes and raises what `submit` does."""
        trains = isinstance(config, TrialConfig)
        must(trains, f"a fused step trains classifiers; got a trial of {config.architecture}: train it alone")
        run = prepared(config, self._root)
        assert isinstance(run, ClassifierRun), "what a classifier's config prepares"
        if checkpoint is not None:
            run.go_on(checkpoint)
        return run

    def admit(self, run: ClassifierRun, rungs: Collection[int] = (), *, weights: bool = False) -> int:
        """Takes in a trial that is prepared; nobody else may go on with it.

        Raises:
            ValueError: if it cannot be trained in a fused step, in one sentence.
        """
        training = run.training
        must(training.progress.epoch < training.config.epochs, "a trial has epochs left; got one that is done")
        related = kin(training)
        with self._turns:
            line = self._lines.get(related)
            if line is None:
                line = self._lines[related] = Line(self._slots, self._largest, self._device, self._residents)
            busy = self._busy()
            if busy and not line.busy:  # who was away has no claim to the time that others have used since
                line.used = max(line.used, min(each.used for each in busy))
            here = replace(run, device=str(self._device))
            trial = Trial(handle=next(self._handles), run=here, rungs=rungs, weights=weights)
            self._trials[trial.handle] = trial, line
            line.add(trial)
        return trial.handle

    def cancel(self, handle: int) -> bool:
        """Forgets a trial; returns False for one that is over, or was never here."""
        with self._turns:
            trial, line = self._trials.pop(handle, (None, None))
            if trial is None or line is None:
                return False
            line.drop(trial)
            return True

    def checkpoint(self, handle: int) -> bytes:
        """Returns all that a trial needs to go on, here or on its own.

        Raises:
            ValueError: if no such trial runs or waits.
        """
        with self._turns:
            must(handle in self._trials, f"a handle names a trial that runs or waits; got {handle}")
            trial, line = self._trials[handle]
            return line.checkpoint(trial)

    @property
    def busy(self) -> bool:
        """Tells whether there is anything to do."""
        return bool(self._trials)

    @property
    def room(self) -> int:
        """Counts the trials that it should have: those that fill the steps of all kinds that are here, and one more."""
        with self._turns:
            busy = sum(line.slots for line in self._busy())
        return min(busy or (self._slots or 1), MOST) + 1

    def advance(self) -> list[News]:
        """Lets the kin whose turn it is do one thing, and returns what has happened; at once if all is done."""
        with self._turns:
            line = self._chosen()
            if line is None:
                return []
            started = time.perf_counter()
            news = line.advance()
            line.used += time.perf_counter() - started
            for each in news:
                if each.over and each.handle is not None:
                    del self._trials[each.handle]
            return news

    def run(self) -> Iterator[News]:
        """Advances until all trials are over."""
        while self.busy:
            yield from self.advance()

    def _busy(self) -> list[Line]:
        return [line for line in self._lines.values() if line.busy]

    def _chosen(self) -> Line | None:
        """Returns the line whose turn it is: of those that have something to do, the one that has used least."""
        busy = self._busy()
        if self._current in busy and self._current is not None:
            if self._current.used < self._until or len(busy) == 1:
                return self._current
            if self._device.type == "cuda":  # what was launched in a turn is that turn's time
                started = time.perf_counter()
                torch.cuda.synchronize(self._device)
                self._current.used += time.perf_counter() - started
        self._current = min(busy, key=lambda line: line.used, default=None)
        self._until = self._current.used + TURN if self._current else 0.0
        return self._current

"""Trials that are kin: those in the slots of a fused step, and those who wait for one."""

import time
from collections import deque
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Any, final

import torch

from trainables.allocation import ran_out
from trainables.config import ThreatName
from trainables.engine.asking import Asking, End
from trainables.engine.cohort import Cohort, Slot
from trainables.engine.news import News
from trainables.engine.sizing import measured, stopwatch
from trainables.files import one_line
from trainables.manifolds.manifold import Manifold
from trainables.pipeline import ClassifierRun
from trainables.report import EpochReport, Said
from trainables.runs import Clock
from trainables.training.examples import Resident

Residents = MutableMapping[Any, Resident]


@dataclass(slots=True, kw_only=True, eq=False)
class Trial:
    """A trial in an engine.

    Attributes:
        handle: names it.
        run: what it is.
        rungs: epochs whose reports come with a checkpoint; others do where one is due.
        weights: whether its last word comes with its weights.
        slot: that it has, or None while it waits.
    """

    handle: int
    run: ClassifierRun
    rungs: Collection[int]
    weights: bool = False
    slot: Slot | None = None
    due: Clock = field(default_factory=Clock)

    def news(self, report: EpochReport | None, slots: int, *, over: bool = False) -> News:
        """Returns what it says after an epoch in a step of so many slots; without a report, a checkpoint alone."""
        kept = report is None or report.epoch in self.rungs or self.due()
        said = Said(
            report=asdict(report) if report else None,
            model=self.run.about(f"fused-{slots}"),
            checkpoint=self.run.checkpoint() if kept else None,
        )
        weights = self.run.weights() if over and self.weights else None
        return News(handle=self.handle, said=said, over=over, weights=weights)


@final
class Line:
    """The trials of one kin, in the order in which they came.

    Args:
        slots: models in a fused step; None measures how many, on the first of the trials.
        largest: number of models that is tried.
        device: that computes.
        residents: training examples that are on the device, by what they are; shared by all lines.

    Attributes:
        used: seconds of the device so far.
    """

    def __init__(self, slots: int | None, largest: int, device: torch.device, residents: Residents) -> None:
        self._slots, self._largest, self._device, self._residents = slots, largest, device, residents
        self._waiting: deque[Trial] = deque()
        self._cohort: Cohort | None = None
        self._asking = Asking(device)
        self._seated: dict[Slot, Trial] = {}
        self.used = 0.0

    @property
    def busy(self) -> bool:
        """Tells whether there is anything to do."""
        return bool(self._waiting or self._seated)

    @property
    def slots(self) -> int:
        """Counts the models of a fused step; 1 where that has not been measured."""
        return self._slots or 1

    def add(self, trial: Trial) -> None:
        """Puts a trial at the end of those who wait."""
        self._waiting.append(trial)

    def drop(self, trial: Trial) -> None:
        """Forgets a trial that is here."""
        if trial.slot is None:
            self._waiting.remove(trial)
        else:
            self._vacate(trial)

    def checkpoint(self, trial: Trial) -> bytes:
        """Returns all that a trial needs to go on elsewhere, or here; it stays where it is."""
        if trial.slot is not None and self._cohort is not None:
            self._cohort.settle(trial.slot)
        return trial.run.checkpoint()

    def advance(self) -> list[News]:
        """Fills the free slots, and does one step of all, or asks one thing of some of those whose epoch has ended."""
        news: list[News] = []
        try:
            self._fill(news)
            if self._seated:
                self._go_on(news)
            return news
        except Exception as error:
            # Handled after this block: until its end the error's frames keep the memory that they had asked for.
            what, memory = _said(error), ran_out(error)
        return news + (self._narrowed(what) if memory else self._failed(what))

    def _fill(self, news: list[News]) -> None:
        if self._cohort is None:
            self._cohort = Cohort(self._waiting[0].run.training, self._size(news), self._device)
        while self._waiting and not self._cohort.full:
            trial = self._waiting[0]
            try:
                trial.slot = self._cohort.join(trial.run.training, self._data(trial))
                self._seated[trial.slot] = trial
            except Exception as error:
                if ran_out(error):
                    raise
                news.append(_failure(trial, _said(error)))
            self._waiting.popleft()

    def _size(self, news: list[News]) -> int:
        if self._slots is None:
            first = self._waiting[0]
            found = measured(stopwatch(first.run.training, self._data(first), self._device), self._largest)
            self._slots = found.slots
            self._emptied()
            rates = ", ".join(f"{rate:.3g} with {slots}" for slots, rate in found.rates.items())
            about = f"trials like {first.handle}: {found.slots} in a step, since {found.ended}"
            news.append(News(note=f"{about}; steps of one model a second: {rates}"))
        return self._slots

    def _data(self, trial: Trial) -> Resident:
        training = trial.run.training
        config = training.config
        moved: dict[ThreatName, Manifold] = {
            role.threat: training.moved[role.threat] for role in config.roles if role.threat != "pixel"
        }
        key = (config.data, config.moved_on if "manifold" in moved else None, tuple(sorted(moved)), training.dtype)
        data = self._residents.get(key)
        if data is None:
            data = Resident(training.splits.train, moved, training.dtype, self._device)
            self._residents[key] = data
        return data

    def _go_on(self, news: list[News]) -> None:
        """Does one step of all whose epochs have steps left, or measures some of the others, if they are enough."""
        assert self._cohort is not None, "slots have just been filled"
        slots = len(self._cohort.slots)
        if self._asking.gathered(slots, len(self._seated)):
            answered, short = self._asking.answer(slots)
            self._told(answered, news)
            if short is not None:
                raise short
            return
        started = time.perf_counter()
        going = [trial for slot, trial in self._seated.items() if slot not in self._asking]
        ended = [slot for slot in self._cohort.step() if slot not in self._asking]
        for slot in ended:
            self._cohort.settle(slot)
        share = (time.perf_counter() - started) / len(going)
        for trial in going:
            trial.run.training.progress.seconds += share
        for slot in ended:
            self._told(self._asking.begin(slot), news)

    def _told(self, ended: Mapping[Slot, End], news: list[News]) -> None:
        """Says what trials have reported at the end of an epoch, and lets those go who have reached their last."""
        assert self._cohort is not None, "trials have slots"
        slots = len(self._cohort.slots)
        for trial, end in [(self._seated[slot], end) for slot, end in ended.items()]:
            try:
                word = _word(trial, end, slots)
            except Exception as error:  # it is not told twice: its epoch is over
                word = _failure(trial, _said(error))
            if word is not None:
                news.append(word)
                if word.over:
                    self._vacate(trial)

    def _vacate(self, trial: Trial) -> None:
        assert self._cohort is not None, "a trial has a slot"
        assert trial.slot is not None, "the same"
        self._cohort.leave(trial.slot)
        del self._seated[trial.slot]
        self._asking.drop(trial.slot)
        trial.slot = None
        if not self.busy:
            self._cohort = None

    def _narrowed(self, what: str) -> list[News]:
        """Goes on with half the slots: who has none left waits before all others, and goes on where it was."""
        before = self._slots or 1
        if before == 1:
            return self._failed(f"one model alone needs more memory than there is: {what}")
        seated = list(self._seated.values())
        for trial in seated:
            self._vacate(trial)
        self._waiting.extendleft(reversed(seated))
        self._cohort, self._slots = None, before // 2
        self._emptied()
        who = f"trials like {seated[0].handle}" if seated else "trials"
        return [News(note=f"{who}: {before // 2} in a step from here on, since memory ended with {before}")]

    def _emptied(self) -> None:
        """Gives back what nothing needs any more: another engine may share the device."""
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _failed(self, what: str) -> list[News]:
        """Ends the trials that a step was for, or the first one that none could be made for."""
        failed = list(self._seated.values())
        for trial in failed:
            self._vacate(trial)
        if not failed:
            failed = [self._waiting.popleft()]
        self._cohort = None
        return [_failure(trial, what) for trial in failed]


def _word(trial: Trial, end: End, slots: int) -> News | None:
    """Returns what a trial says at the end of an epoch, if it does."""
    if isinstance(end, Exception):
        return _failure(trial, _said(end))
    if end is None:
        return trial.news(None, slots) if trial.due() else None
    return trial.news(end, slots, over=bool(end.infeasible) or end.epoch == trial.run.training.config.epochs)


def _failure(trial: Trial, what: str) -> News:
    return News(handle=trial.handle, said=Said(failed=what), over=True)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {one_line(error)}"

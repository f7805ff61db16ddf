"""How far a study is, in numbers that a view can show; no terminal in here."""

import time
from dataclasses import dataclass, field

from study.storage.state import Confirmation, State, Trial


@dataclass(slots=True)
class Count:
    """How much of something is done, and how fast it goes.

    Attributes:
        total: of all there is.
        before: done when this run began; says nothing about its speed.
        done: including `before`.
    """

    total: int
    before: int = 0
    done: int = 0
    since: float = field(default_factory=time.monotonic)

    def remaining(self) -> float | None:
        """Returns the seconds until all is done at the pace so far, or None before there is a pace."""
        fresh = self.done - self.before
        if fresh <= 0:
            return None
        return (self.total - self.done) * (time.monotonic() - self.since) / fresh


def trial_count(state: State, architecture: str, total: int) -> Count:
    """Returns how many of an architecture's trials have ended."""
    ended = sum(trial.state != "RUNNING" for trial in state.of(architecture))
    return Count(total, before=ended, done=ended)


def duration(seconds: float) -> str:
    """Returns a time as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def outcome(trial: Trial) -> str:
    """Says how a trial ended."""
    if trial.objectives is None:
        return f"{trial.state}: {shortened(trial.message or 'no reason given')}"
    error, robust = trial.objectives
    return f"error {error:.3f}, robust error {robust:.3f} on validation"


def confirmed_outcome(confirmation: Confirmation) -> str:
    """Says what a confirmation gave."""
    if confirmation.report is None or confirmation.message:
        return f"no result: {shortened(confirmation.message or 'no reason given')}"
    return f"error {confirmation.report['error']:.3f}, robust error {confirmation.report['robust_error']:.3f} on test"


def shortened(text: str, width: int = 160) -> str:
    """Cuts a message that would fill a screen; the tables have all of it."""
    return text if len(text) <= width else f"{text[: width - 1]}…"

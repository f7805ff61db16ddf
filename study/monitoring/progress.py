"""How far a study is, in numbers and words that a view can show; no terminal in here."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from analysis.formats import spelt
from study.monitoring.watch import ATTACKS, CONFIRMATION, Ended
from study.storage.state import Attacked, Confirmation, State, Trial

Clock = Callable[[], float]  # seconds since 1970; a study that is told anew has its own
WALL_CLOCK: Clock = time.time
OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "COMPLETE": "complete",
        "STOPPED": "stopped early",
        "PAUSED": "paused",
        "INFEASIBLE": "infeasible",
        "FAILED": "failed",
    }
)


@dataclass(slots=True)
class Count:
    """How much of something is done, and how fast it goes.

    Attributes:
        total: of all there is.
        since: when this run began.
        before: done when this run began; says nothing about its speed.
        done: including `before`.
    """

    total: int
    since: float
    before: int = 0
    done: int = 0

    def remaining(self, now: float) -> float | None:
        """Returns the seconds until all is done at the pace so far, or None before there is a pace."""
        fresh = self.done - self.before
        if fresh <= 0:
            return None
        return (self.total - self.done) * max(now - self.since, 0.0) / fresh


def grown(counts: dict[str, Count], name: str, jobs: int, done: int, now: float) -> bool:
    """Begins to count the jobs of a stage, or counts on where there are more of them; tells whether there is news."""
    if name not in counts:
        counts[name] = Count(jobs, now, before=done, done=done)
        return True
    more, counts[name].total = jobs > counts[name].total, jobs
    return more


def trial_count(state: State, architecture: str, total: int, now: float) -> Count:
    """Returns how many of an architecture's trials have ended."""
    ended = ended_trials(state, architecture)
    return Count(total, now, before=ended, done=ended)


def ended_trials(state: State, architecture: str) -> int:
    """Returns how many of an architecture's trials do not run; one that is paused may yet go on."""
    return sum(trial.state != "RUNNING" for trial in state.of(architecture))


def tallied(trials: Iterable[Trial]) -> dict[str, int]:
    """Returns how many trials there are in every state, RUNNING among them."""
    return dict.fromkeys((*OUTCOMES, "RUNNING"), 0) | Counter(trial.state for trial in trials)


def in_words(tally: Mapping[str, int]) -> str:
    """Says how many trials ended in which way."""
    return ", ".join(f"{tally[state]} {words}" for state, words in OUTCOMES.items() if tally.get(state))


def duration(seconds: float) -> str:
    """Returns a time as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


def titled(trial: Trial) -> str:
    """Returns a trial's id, with the name of the baseline that it is."""
    return f"{trial.trial_id} {trial.label}" if trial.label else trial.trial_id


def outcome(trial: Trial) -> str:
    """Says how a trial ended, or where it was left."""
    if trial.state in ("STOPPED", "PAUSED"):
        return f"{trial.state.lower()} {_so_far(trial)}"
    if trial.objectives is None:
        return f"{trial.state}: {shortened(trial.message or 'no reason given')}"
    measured = _named(dict(zip(trial.ranked_by, trial.objectives, strict=True)))
    return f"{measured} on {trial.config.get('evaluation', {}).get('split', 'validation')}"


def _so_far(trial: Trial) -> str:
    """Says what a trial had reached; what it would have reached is not known."""
    if not trial.curve:
        return "before its first epoch"
    said = [f"at epoch {trial.curve[-1]['epoch']}"]
    known = {name: _last_known(trial, name) for name in trial.ranked_by}
    measured = _named({name: value for name, value in known.items() if value is not None})
    return ": ".join([*said, measured] if measured else said)


def _named(values: Mapping[str, float]) -> str:
    return ", ".join(f"{spelt(name)} {value:.3f}" for name, value in values.items())


def _last_known(trial: Trial, name: str) -> float | None:
    """Returns the newest value of a metric; some are measured in some epochs only."""
    return next((report[name] for report in reversed(trial.curve) if report.get(name) is not None), None)


def confirmed_outcome(known: Confirmation, trial: Trial) -> Ended:
    """Says what the confirmation of a trial gave."""
    failed = known.report is None or known.message is not None
    said = f"no result: {shortened(known.message or 'no reason given')}"
    if known.report is not None and not failed:
        said = f"{_named({name: known.report[name] for name in trial.ranked_by})} on test"
    return Ended(stage=CONFIRMATION, trial=trial, seed=known.seed, said=said, failed=failed)


def attacked_outcome(known: Attacked, trial: Trial) -> Ended:
    """Says what strong attacks did to a model of a trial."""
    if known.found is None:
        said = f"no result: {shortened(known.message or 'no reason given')}"
        return Ended(stage=ATTACKS, trial=trial, seed=known.seed, said=said, failed=True)
    doubts = f"doubtful: {', '.join(known.flags)}" if known.flags else "no flag"
    said = f"robust error {known.found['threats']['pixel']['mean_error']:.3f} under the strongest attacks; {doubts}"
    return Ended(stage=ATTACKS, trial=trial, seed=known.seed, said=said, failed=False)


def shortened(text: str, width: int = 160) -> str:
    """Cuts a message that would fill a screen; the tables have all of it."""
    return text if len(text) <= width else f"{text[: width - 1]}…"

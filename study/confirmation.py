"""The confirmation: candidates retrained with fresh seeds and measured on test.

Who is a candidate is decided on validation alone; the test split is opened for nothing else.
"""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import zip_longest
from typing import Any, final

from study.config import StudyConfig
from study.monitoring.progress import confirmed_outcome
from study.monitoring.watch import CONFIRMATION, Ended
from study.search.front import candidates
from study.stages import Job, Stage
from study.storage.models import digest, is_whole
from study.storage.state import Model, Trial
from study.storage.store import Store
from trainables.report import EPOCH_REPORT_FIELDS
from trainables.tune import retrain


def jobs(store: Store) -> list[Job]:
    """Returns all that the confirmation consists of, the first seed of all candidates before the second.

    Those that take long and those that do not take turns, so that the pace so far says how much time is left; with the
    last seed the longest come first, lest one of them ends alone.
    """
    config = store.config
    longest_first = sorted(candidates(store.state, config.architectures), key=_seconds, reverse=True)
    half = (len(longest_first) + 1) // 2
    pairs = zip_longest(longest_first[:half], reversed(longest_first[half:]))
    in_turns = [trial for pair in pairs for trial in pair if trial]
    seeds = config.fresh_seeds()
    order = {seed: longest_first if seed == seeds[-1] else in_turns for seed in seeds}
    return [job_of(config, trial, seed) for seed, trials in order.items() for trial in trials]


def job_of(config: StudyConfig, trial: Trial, seed: int) -> Job:
    """Returns a candidate with a fresh seed, measured on test."""
    measured = asdict(config.confirmation())
    return Job(trial=trial, seed=seed, config=trial.config | {"seed": seed, "evaluation": measured})


def _seconds(trial: Trial) -> float:
    return float(trial.curve[-1]["seconds"]) if trial.curve else 0.0


@final
class Confirmation(Stage):
    """Retrains candidates.

    Args:
        store: says what there is to confirm, and keeps what comes of it.
        manifolds: the store of learned ones.
    """

    name, verb, purpose = CONFIRMATION, "confirm", "confirmation"
    work = staticmethod(retrain)

    def __init__(self, store: Store, manifolds: str) -> None:
        self._store, self._manifolds = store, manifolds
        self._failed: set[str] = set()  # here; what failed under another driver is tried again

    def jobs(self) -> list[Job]:
        return jobs(self._store)

    def done(self, job: Job) -> bool:
        """Tells whether a candidate is confirmed and its model, where it lies there, is whole."""
        known = self._store.state.confirmations.get((job.trial.trial_id, job.seed))
        path = self._store.weights(job.name)
        if known is None or known.sha256 is None:
            return known is not None and job.name in self._failed
        return not path.exists() or is_whole(path, known.sha256)

    def arguments(self, job: Job) -> tuple[Any, ...]:
        return dict(job.config), self._manifolds

    def keep(self, job: Job, answer: Mapping[str, Any]) -> Ended:
        """Writes the model first: a confirmation that is in the journal has its weights on disk."""
        store, key = self._store, (job.trial.trial_id, job.seed)
        if "failed" in answer:
            self._failed.add(job.name)
            store.confirmed(*key, None, answer["failed"], Model(), None)
        else:
            store.keep_weights(job.name, answer["weights"], job.config)
            report = {name: answer[name] for name in EPOCH_REPORT_FIELDS}
            missing = [name for name in job.trial.ranked_by if report[name] is None]
            message = report["infeasible"] or (f"it gave no {' and no '.join(missing)}" if missing else None)
            model = Model(**{name: answer.get(name) for name in Model.__dataclass_fields__})
            store.confirmed(*key, report, message, model, digest(answer["weights"]))
        return confirmed_outcome(store.state.confirmations[key], job.trial)

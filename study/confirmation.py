"""The confirmation: candidates retrained with fresh seeds and measured on test.

Who is a candidate is decided on validation alone; the test split is opened for nothing else.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

import ray

from study.interrupt import Interrupt
from study.monitoring.watch import Watch
from study.resources import Resources
from study.search.front import candidates
from study.storage.models import digest, is_whole
from study.storage.state import Confirmation, Model, Trial
from study.storage.store import Store
from trainables.report import EPOCH_REPORT_FIELDS

Retrain = Callable[[Mapping[str, Any], str], dict[str, Any]]
TICK = 0.25  # seconds between two looks at what has ended
RETRIES = 3  # of a task whose worker dies


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One candidate to retrain with one seed."""

    trial: Trial
    seed: int
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Names it, and the model that it leaves."""
        return f"{self.trial.trial_id}-{self.seed}"


def jobs(store: Store) -> list[Job]:
    """Returns all that the confirmation consists of, the first seed of all candidates before the second.

    Those that take long and those that do not take turns, so that the pace so far says how much time is left; with the
    last seed the longest come first, lest one of them ends alone.
    """
    config = store.config
    measured = asdict(config.confirmation())
    longest_first = sorted(candidates(store.state, config.architectures), key=_seconds, reverse=True)
    half = (len(longest_first) + 1) // 2
    pairs = zip_longest(longest_first[:half], reversed(longest_first[half:]))
    in_turns = [trial for pair in pairs for trial in pair if trial]
    seeds = config.fresh_seeds()
    order = {seed: longest_first if seed == seeds[-1] else in_turns for seed in seeds}
    return [
        Job(trial=trial, seed=seed, config=trial.config | {"seed": seed, "evaluation": measured})
        for seed, trials in order.items()
        for trial in trials
    ]


def _seconds(trial: Trial) -> float:
    return float(trial.curve[-1]["seconds"]) if trial.curve else 0.0


def run_confirmation(
    store: Store,
    retrain: Retrain,
    watch: Watch,
    interrupt: Interrupt,
    *,
    needs: Mapping[str, Resources],
    room: Callable[[], int],
    manifolds: str,
) -> None:
    """Retrains what has not been yet.

    Args:
        store: says what there is to confirm, and keeps what comes of it.
        retrain: turns a trial's config into what `trainables.tune.retrain` returns.
        watch: is told what happens.
        interrupt: stops it between two looks.
        needs: what a job of each architecture takes of a node.
        room: says how many jobs may be under way.
        manifolds: the store of learned ones.

    Raises:
        KeyboardInterrupt: if it was stopped; what has ended by then is recorded.
    """
    waiting = deque(job for job in jobs(store) if not _done(store, job))
    task = ray.remote(max_retries=RETRIES)(retrain)
    running: dict[ray.ObjectRef[dict[str, Any]], Job] = {}
    while waiting or running:
        while waiting and len(running) < room():
            job = waiting.popleft()
            store.test_opened("confirmation", job.trial.trial_id, job.seed)
            shown = f"confirm {job.trial.trial_id} seed {job.seed}"
            placed = task.options(**needs[job.trial.architecture].options(), name=shown)
            running[placed.remote(dict(job.config), manifolds)] = job
            watch.confirmation_began(job.trial, job.seed)
        done, _ = ray.wait(list(running), timeout=TICK)
        for reference in done:
            watch.confirmation_ended(_keep(store, running.pop(reference), _answer(reference)))
        store.refresh_tables()
        watch.tick()
        interrupt.check()


def _done(store: Store, job: Job) -> bool:
    """Tells whether a candidate is confirmed and its model, where it lies there, is whole."""
    known = store.state.confirmations.get((job.trial.trial_id, job.seed))
    path = store.run_dir / "models" / f"{job.name}.safetensors"
    return known is not None and (known.sha256 is None or not path.exists() or is_whole(path, known.sha256))


def _answer(reference: ray.ObjectRef[dict[str, Any]]) -> dict[str, Any]:
    try:
        return ray.get(reference)
    except ray.exceptions.RayError as error:
        return {"failed": f"its worker died {RETRIES + 1} times: {' '.join(str(error).split())}"}


def _keep(store: Store, job: Job, answer: Mapping[str, Any]) -> Confirmation:
    """Writes the model first: a confirmation that is in the journal has its weights on disk."""
    key = job.trial.trial_id, job.seed
    if "failed" in answer:
        store.confirmed(*key, None, answer["failed"], Model(), None)
        return store.state.confirmations[key]
    store.keep_weights(job.name, answer["weights"], job.config)
    report = {name: answer[name] for name in EPOCH_REPORT_FIELDS}
    missing = [name for name in job.trial.ranked_by if report[name] is None]
    message = report["infeasible"] or (f"it gave no {' and no '.join(missing)}" if missing else None)
    model = Model(**{name: answer.get(name) for name in Model.__dataclass_fields__})
    store.confirmed(*key, report, message, model, digest(answer["weights"]))
    return store.state.confirmations[key]

"""What follows a search, model by model in tasks of Ray's: one stage after another, by one loop."""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, final

import ray

from study.interrupt import Interrupt
from study.monitoring.watch import Ended, Watch
from study.resources import Resources
from study.storage.state import Trial
from study.storage.store import Store

TICK = 0.25  # seconds between two looks at what has ended
RETRIES = 3  # of a task whose worker dies


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One candidate with one fresh seed, and the config that its model is trained by."""

    trial: Trial
    seed: int
    config: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Names it, and its model."""
        return f"{self.trial.trial_id}-{self.seed}"


class Hands(ABC):
    """Who does jobs."""

    @property
    @abstractmethod
    def busy(self) -> int:
        """Counts the jobs that are under way."""

    @property
    @abstractmethod
    def free(self) -> bool:
        """Tells whether one more should begin."""

    @abstractmethod
    def share(self, waiting: int) -> int:
        """Returns how many of so many jobs should begin together, if they are of one architecture."""

    @abstractmethod
    def begin(self, jobs: Sequence[tuple[Job, tuple[Any, ...]]]) -> None:
        """Begins jobs of one architecture, each with its arguments."""

    @abstractmethod
    def ended(self) -> list[tuple[Job, dict[str, Any]]]:
        """Returns what came of the jobs that have ended since the last call; waits a little for one."""


class Stage(ABC):
    """Something that is done to every candidate and seed.

    Attributes:
        name: as a watch is told it.
        verb: as Ray shows it.
        purpose: of opening the test split.
        work: what a task does with the `arguments` of some jobs; it returns plain values of each, or `failed`: what
            went wrong.
    """

    name: str
    verb: str
    purpose: str
    work: Callable[[Sequence[Any]], list[dict[str, Any]]]

    @abstractmethod
    def jobs(self) -> list[Job]:
        """Returns all that the stage consists of, as far as that is known now, in the order in which it is begun."""

    @abstractmethod
    def done(self, job: Job) -> bool:
        """Tells whether the journal has what comes of a job."""

    @abstractmethod
    def arguments(self, job: Job) -> tuple[Any, ...]:
        """Returns what the task is given.

        Raises:
            OSError: if it cannot be read; the job has then failed.
        """

    @abstractmethod
    def keep(self, job: Job, answer: Mapping[str, Any]) -> Ended:
        """Records what has come of a job, and tells it."""


@final
class Tasks(Hands):
    """Tasks of Ray's.

    Args:
        stage: whose jobs they do.
        needs: what a task with jobs of each architecture takes of a node.
        room: says how many tasks may be under way.
        together: jobs in a task, at most; there are fewer where other tasks would have none.
    """

    def __init__(
        self, stage: Stage, needs: Mapping[str, Resources], room: Callable[[], int], *, together: int = 1
    ) -> None:
        self._task, self._verb = ray.remote(max_retries=RETRIES)(stage.work), stage.verb
        self._needs, self._room, self._together = needs, room, together
        self._running: dict[Any, list[Job]] = {}

    @property
    def busy(self) -> int:
        return sum(map(len, self._running.values()))

    @property
    def free(self) -> bool:
        return len(self._running) < self._room()

    def share(self, waiting: int) -> int:
        return min(self._together, math.ceil(waiting / max(1, self._room() - len(self._running))))

    def begin(self, jobs: Sequence[tuple[Job, tuple[Any, ...]]]) -> None:
        first, *others = (job for job, _ in jobs)
        shown = f"{self._verb} {first.trial.trial_id} seed {first.seed}"
        if others:
            shown += f" and {len(others)} more"
        task = self._task.options(**self._needs[first.trial.architecture].options(), name=shown)
        self._running[task.remote([arguments for _, arguments in jobs])] = [first, *others]

    def ended(self) -> list[tuple[Job, dict[str, Any]]]:
        done = ray.wait(list(self._running), timeout=TICK)[0] if self._running else []
        return [pair for reference in done for pair in _answers(reference, self._running.pop(reference))]


def run_stage(stage: Stage, hands: Hands, store: Store, watch: Watch, interrupt: Interrupt) -> None:
    """Does what has not been done yet.

    Args:
        stage: says what there is to do, and keeps what comes of it.
        hands: do it.
        store: of the study.
        watch: is told what happens.
        interrupt: stops it between two looks.

    Raises:
        KeyboardInterrupt: if it was stopped; what has ended by then is recorded.
    """
    waiting = _left(stage, watch)
    while waiting or hands.busy:
        while waiting and hands.free:
            some = _alike(waiting, hands.share(len(waiting)))
            if ready := [(job, arguments) for job in some if (arguments := _ready(stage, job, store, watch))]:
                hands.begin(ready)
        for job, answer in hands.ended():
            watch.job_ended(stage.keep(job, answer))
        if not (waiting or hands.busy):
            waiting = _left(stage, watch)  # what was found may ask for more
        store.refresh_tables()
        watch.tick()
        interrupt.check()


def _left(stage: Stage, watch: Watch) -> deque[Job]:
    jobs = stage.jobs()
    left = deque(job for job in jobs if not stage.done(job))
    watch.stage(stage.name, len(jobs), len(jobs) - len(left))
    return left


def _alike(waiting: deque[Job], most: int) -> list[Job]:
    """Takes the first job from those that wait, and others of its architecture."""
    of = waiting[0].trial.architecture
    some = list(islice((job for job in waiting if job.trial.architecture == of), most))
    for job in some:
        waiting.remove(job)
    return some


def _ready(stage: Stage, job: Job, store: Store, watch: Watch) -> tuple[Any, ...] | None:
    """Returns a job's arguments, and says that it begins; None if it has failed already."""
    watch.job_began(stage.name, job.trial, job.seed)
    try:
        arguments = stage.arguments(job)
    except OSError as error:
        watch.job_ended(stage.keep(job, {"failed": " ".join(str(error).split())}))
        return None
    store.test_opened(stage.purpose, job.trial.trial_id, job.seed)
    return arguments


def _answers(reference: Any, jobs: Sequence[Job]) -> list[tuple[Job, dict[str, Any]]]:
    try:
        answers: list[dict[str, Any]] = ray.get(reference)
    except ray.exceptions.RayError as error:
        answers = [{"failed": f"its worker died {RETRIES + 1} times: {' '.join(str(error).split())}"}] * len(jobs)
    return list(zip(jobs, answers, strict=True))

"""Engines on a cluster: an actor for every device, which trains many models in fused steps.

Ray Tune gives every trial a process of its own, of 110 MB before it does anything; the slots of one GPU would take more
memory than its models. So it is an engine that has a process, and the driver that talks to it (see decision 30).
"""

import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Self, TypeVar, final

import ray

from study.fused_trials import FusedTrials, Word
from study.resources import Resources
from trainables.report import Said

TICK = 0.25  # seconds between two looks at what the engines say
LISTENED = 5.0  # seconds that an engine keeps who asks waiting, where it has nothing to say
CALLS = 8  # at a time: one that waits for news, and trials that are being prepared

Job = TypeVar("Job")


@dataclass(slots=True, eq=False)
class _Engine(Generic[Job]):
    actor: Any
    room: int = 0  # of one that has said nothing yet, and may wait for a node
    jobs: dict[int | None, Job] = field(default_factory=dict)


class Heard(NamedTuple, Generic[Job]):
    """What the driver learns of a job.

    Attributes:
        word: that it says; None where its engine has died.
        died: how, then.
        first: whether no other job has died by that.
    """

    job: Job
    word: Word | None = None
    died: str = ""
    first: bool = True


@final
class Engines(Generic[Job]):
    """The engines of a cluster, as many as there is room for; they are started when there is work for them.

    An engine gets no jobs before it has said something: a cluster may have no node for it yet, or ever. The first one
    alone does, so that there is somebody to say what is wrong where none can begin.

    Args:
        needs: what an engine takes of a node.
        room: says how many engines there may be, now.
        most: jobs at a time, in all of them.
        manifolds: the store of learned ones.
        slots: models in a fused step, or None to find out.
        note: is told what engines say of themselves.
    """

    def __init__(
        self,
        needs: Resources,
        room: Callable[[], int],
        *,
        most: float,
        manifolds: str,
        slots: int | None,
        note: Callable[[str], None],
    ) -> None:
        self._needs, self._room, self._most, self._note = needs, room, most, note
        self._given = (manifolds, slots)
        self._at_first = (slots or 1) + 1  # jobs of the first engine before it has said anything
        self._engines: dict[Any, _Engine[Job]] = {}  # by the call that waits for its news
        self._begun: dict[Any, int] = {}  # tickets, by the call that hands the job over
        self._tickets = itertools.count()

    @property
    def jobs(self) -> int:
        """Counts what is under way."""
        return sum(len(engine.jobs) for engine in self._engines.values())

    @property
    def free(self) -> bool:
        """Tells whether one more should begin."""
        return self.jobs < self._most and (not self._engines or any(map(self._has_room, self._engines.values())))

    @property
    def _there(self) -> list[_Engine[Job]]:
        return [engine for engine in self._engines.values() if engine.room]

    def _has_room(self, engine: _Engine[Job]) -> bool:
        return len(engine.jobs) < (engine.room if self._there else self._at_first)

    def _grow(self) -> None:
        """Starts further engines if all have work: as many as there are, or one, which may wait for a node."""
        there, engines = self._there, len(self._engines)
        if all(engine.jobs for engine in there):
            for _ in range(min(self._room() - engines, max(1, len(there)) - (engines - len(there)))):
                self._start()

    def begin(
        self,
        job: Job,
        config: Mapping[str, Any],
        *,
        checkpoint: bytes | None = None,
        rungs: Collection[int] = (),
        weights: bool = False,
    ) -> None:
        """Gives a job to the engine that has least to do; see `trainables.engine.Engine.submit`."""
        if not self._engines:
            self._start()
        there = self._there or list(self._engines.values())
        least = min(there, key=lambda engine: (not self._has_room(engine), len(engine.jobs)))
        ticket = next(self._tickets)
        least.jobs[ticket] = job
        self._begun[least.actor.begin.remote(ticket, dict(config), checkpoint, tuple(rungs), weights)] = ticket
        self._grow()

    def cancel(self, job: Job) -> None:
        """Takes a job back; nothing more is heard of it."""
        for engine in self._engines.values():
            for ticket in [ticket for ticket, known in engine.jobs.items() if known == job]:
                del engine.jobs[ticket]
                engine.actor.cancel.remote(ticket)

    def heard(self) -> Iterator[Heard[Job]]:
        """Yields what was said since the last call; waits a little for something."""
        calls = list(self._engines)
        if not calls:
            time.sleep(TICK)
            return
        for call in ray.wait(calls, timeout=TICK)[0]:
            yield from self._answer(call)
        for call in ray.wait(begun := list(self._begun), num_returns=len(begun), timeout=0)[0] if self._begun else []:
            yield from self._not_begun(call, self._begun.pop(call))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Ends all engines, and whatever they were at."""
        for engine in self._engines.values():
            ray.kill(engine.actor)
        self._engines.clear()

    def _start(self) -> None:
        options = {**self._needs.options(), "max_concurrency": CALLS}
        actor: Any = ray.remote(FusedTrials).options(**options).remote(*self._given)
        self._listen(_Engine[Job](actor))

    def _listen(self, engine: _Engine[Job]) -> None:
        self._engines[engine.actor.news.remote(LISTENED if engine.room else 0.0)] = engine

    def _answer(self, call: Any) -> Iterator[Heard[Job]]:
        engine = self._engines.pop(call)
        try:
            words, engine.room = ray.get(call)
        except ray.exceptions.RayError as error:
            ray.kill(engine.actor)
            reason = f"its engine died: {str(error).partition(chr(10))[0]}"
            for place, job in enumerate(engine.jobs.values()):
                yield Heard(job, died=reason, first=place == 0)
            return
        self._listen(engine)
        for word in words:
            if word.note is not None:
                self._note(word.note)
            # Looked up now: who hears the words before this one may have cancelled the job.
            if word.ticket in engine.jobs:
                yield Heard(engine.jobs.pop(word.ticket) if word.over else engine.jobs[word.ticket], word)

    def _not_begun(self, call: Any, ticket: int) -> Iterator[Heard[Job]]:
        """Tells of a job that its engine could not even take in; where it has died, its jobs are told of otherwise."""
        try:
            ray.get(call)
        except ray.exceptions.RayActorError:
            return
        except ray.exceptions.RayError as error:
            said = Said(failed=f"its engine could not take it: {str(error).partition(chr(10))[0]}")
            for engine in [engine for engine in self._engines.values() if ticket in engine.jobs]:
                yield Heard(engine.jobs.pop(ticket), Word(ticket, said, over=True))

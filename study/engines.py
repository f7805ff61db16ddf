"""Engines on a cluster: an actor for every device, which trains many models in fused steps.

Ray Tune gives every trial a process of its own, of 110 MB before it does anything; the slots of one GPU would take more
memory than its models. So it is an engine that has a process, and the driver that talks to it (see decision 30).
"""

import itertools
import os
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar, final

import ray

from study.resources import Resources
from trainables.report import Said

if TYPE_CHECKING:
    from trainables.engine import News

TICK = 0.25  # seconds between two looks at what the engines say
LISTENED = 5.0  # seconds that an engine keeps who asks waiting, where it has nothing to say
CALLS = 8  # at a time: one that waits for news, and trials that are being prepared

Job = TypeVar("Job")


class Word(NamedTuple):
    """What a job says.

    Attributes:
        ticket: of the job; None where the engine itself says it.
        said: as a trial on its own would say it.
        over: whether it was the last word.
        note: what somebody should know, in one sentence, or None.
        weights: that the model leaves, in the safetensors format, where they were asked for.
    """

    ticket: int | None = None
    said: Said | None = None
    over: bool = False
    note: str | None = None
    weights: bytes | None = None


@final
class FusedTrials:
    """An engine in a process of its own, and the thread that advances it; a Ray actor.

    Args:
        manifolds: the store of learned ones.
        slots: models in a fused step, or None to find out.
    """

    def __init__(self, manifolds: str, slots: int | None) -> None:
        # The driver, which has this class too, needs no torch for it.
        from trainables.allocation import own_device
        from trainables.engine import Engine
        from trainables.tune import settle

        settle()
        self._engine = Engine(manifolds, slots=slots, device=str(own_device()))
        self._tickets: dict[int, int] = {}  # by handle
        self._said: SimpleQueue[News | Word] = SimpleQueue()
        self._naming, self._busy = Lock(), Event()
        Thread(target=self._advance, daemon=True).start()

    def begin(
        self, ticket: int, config: Mapping[str, Any], checkpoint: bytes | None, rungs: Collection[int], weights: bool
    ) -> None:
        """Takes in a trial; what is wrong with it is said as its last word."""
        from trainables.config import trial_from_dict

        try:
            with self._naming:
                handle = self._engine.submit(trial_from_dict(config), checkpoint, rungs, weights=weights)
                self._tickets[handle] = ticket
        except Exception as error:
            said = Said(failed=" ".join(f"{type(error).__name__}: {error}".split()))
            self._said.put(Word(ticket, said, over=True))
        self._busy.set()

    def cancel(self, ticket: int) -> None:
        """Forgets a trial that is here."""
        with self._naming:
            for handle in [handle for handle, known in self._tickets.items() if known == ticket]:
                self._engine.cancel(handle)
                del self._tickets[handle]

    def news(self, seconds: float) -> tuple[list[Word], int]:
        """Returns what was said since the last call, and how many trials the engine should have.

        Args:
            seconds: to wait for something.
        """
        heard: list[News | Word] = []
        try:
            heard.append(self._said.get(timeout=seconds))
            while True:
                heard.append(self._said.get_nowait())
        except Empty:
            pass
        with self._naming:  # a trial may have said something before its handle had a name
            return [word for each in heard if (word := self._named(each))], self._engine.room

    def _named(self, news: "News | Word") -> Word | None:
        from trainables.packing import pack_weights

        if isinstance(news, Word):
            return news
        if news.handle is None:
            return Word(note=news.note)
        ticket = self._tickets.pop(news.handle, None) if news.over else self._tickets.get(news.handle)
        if ticket is None:  # it was cancelled
            return None
        weights = None if news.weights is None else pack_weights(news.weights)
        return Word(ticket, news.said, news.over, news.note, weights)

    def _advance(self) -> None:
        """Advances for ever; an engine that has broken takes its process along, so that its trials are tried again."""
        try:
            while True:
                for news in self._engine.advance():
                    self._said.put(news)
                if not self._engine.busy:
                    self._busy.wait()
                    self._busy.clear()
        except BaseException:
            traceback.print_exc()  # to Ray's log of this process
            os._exit(1)


@dataclass(slots=True, eq=False)
class _Engine(Generic[Job]):
    actor: Any
    room: int
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
        self._at_first = (slots or 1) + 1  # jobs of an engine that has said nothing yet
        self._engines: dict[Any, _Engine[Job]] = {}  # by the call that waits for its news
        self._tickets = itertools.count()

    @property
    def jobs(self) -> int:
        """Counts what is under way."""
        return sum(len(engine.jobs) for engine in self._engines.values())

    @property
    def free(self) -> bool:
        """Tells whether one more should begin."""
        return self.jobs < self._most and (self._may_grow or any(map(_has_room, self._engines.values())))

    @property
    def _may_grow(self) -> bool:
        return len(self._engines) < self._room()

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
        least = min(self._engines.values(), key=lambda engine: len(engine.jobs), default=None)
        if least is None or (least.jobs and self._may_grow):
            least = self._started()
        ticket = next(self._tickets)
        least.jobs[ticket] = job
        least.actor.begin.remote(ticket, dict(config), checkpoint, tuple(rungs), weights)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Ends all engines, and whatever they were at."""
        for engine in self._engines.values():
            ray.kill(engine.actor)
        self._engines.clear()

    def _started(self) -> _Engine[Job]:
        options = {**self._needs.options(), "max_concurrency": CALLS}
        actor: Any = ray.remote(FusedTrials).options(**options).remote(*self._given)
        engine = _Engine[Job](actor, self._at_first)
        self._listen(engine)
        return engine

    def _listen(self, engine: _Engine[Job]) -> None:
        self._engines[engine.actor.news.remote(LISTENED)] = engine

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


def _has_room(engine: _Engine[Any]) -> bool:
    return len(engine.jobs) < engine.room

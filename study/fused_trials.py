"""What an engine on a cluster is: its process, and what it says."""

import os
import traceback
from collections.abc import Collection, Mapping
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, final

from trainables.report import Said

if TYPE_CHECKING:
    from trainables.engine import News


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
        self._cancelled: set[int] = set()  # while they were prepared
        self._said: SimpleQueue[News | Word] = SimpleQueue()
        self._naming, self._busy = Lock(), Event()
        Thread(target=self._advance, daemon=True).start()

    def begin(
        self, ticket: int, config: Mapping[str, Any], checkpoint: bytes | None, rungs: Collection[int], weights: bool
    ) -> None:
        """Takes in a trial; what is wrong with it is said as its last word."""
        try:
            from trainables.config import trial_from_dict

            run = self._engine.prepare(trial_from_dict(config), checkpoint)
            with self._naming:
                if ticket in self._cancelled:
                    return
                handle = self._engine.admit(run, rungs, weights=weights)
                self._tickets[handle] = ticket
        except Exception as error:
            said = Said(failed=" ".join(f"{type(error).__name__}: {error}".split()))
            self._said.put(Word(ticket, said, over=True))
        self._busy.set()

    def cancel(self, ticket: int) -> None:
        """Forgets a trial that is here, or about to be."""
        with self._naming:
            self._cancelled.add(ticket)
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

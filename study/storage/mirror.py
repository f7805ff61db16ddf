"""A study that lies at an address: it works in a local folder, and what is new there is copied again and again.

A driver on another machine starts from what was copied: it may lose the last ten seconds of events or so (`Pace.push`),
and as much more as a broken network held back. A driver on the same machine loses nothing.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import tenacity

from study.errors import DiskFull, Refused
from study.storage.checkpoints import SUFFIX
from study.storage.lease import Lease, Pace
from study.storage.models import digest
from study.storage.pull import pull, refuse_existing
from study.storage.remote import reachable
from study.storage.segments import lines_so_far, numbers, paths
from trainables.files import UNREACHABLE, Files, one_line, redacted

MANIFEST = "mirror.json"  # what the models at the address are, so that they need not be copied twice
PATTERNS = ("models/*", "test_access.jsonl", "study.json", "results/*", "report/*")
MOST_OPEN = 100  # files at a time

Signature = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _New:
    """A file that is not at the address yet, or not as it is now."""

    name: str
    signature: Signature
    content: Callable[[], bytes]


class Mirror:
    """Holds a study at an address and keeps it like a local folder.

    Entered, it holds the study there and has fetched what the folder lacks; `follow` begins to copy; `finish` copies
    what is left and says whether that worked. What goes wrong with the address in between never ends the study.

    Args:
        folder: of the study; a new study's need not exist yet.
        remote: where it lies.
        resume: whether it has begun already.
        say: is told, on one line each, what somebody should know; called from another thread.

    Raises:
        Refused: if the address does not answer, or its study cannot be begun or continued there.
        StudyBusy: if another driver works on it, on any machine.
    """

    def __init__(
        self, folder: Path, remote: Files, *, resume: bool, say: Callable[[str], None], pace: Pace | None = None
    ) -> None:
        self._folder, self._remote, self._resume, self._say = folder, remote, resume, say
        self._pace = pace or Pace()
        self._lease = Lease(remote, self._pace)
        self._sent: dict[str, Signature] = {}
        self._models: dict[str, str] = {}
        self._checkpoints: set[str] = set()
        self._failed = self._told = False
        self._threads = [
            _Repeated(self._pace.heartbeat, self._give_sign),
            _Repeated(self._pace.push, self._try_to_copy),
        ]

    @property
    def lost(self) -> bool:
        """Whether another driver has taken the study over; nothing is copied any more then."""
        return self._lease.lost

    def __enter__(self) -> Self:
        with reachable(self._remote.address):
            self._lease.take()
            try:
                self._begin()
            except BaseException as error:
                with suppress(*UNREACHABLE):
                    self._lease.release()
                if isinstance(error, DiskFull):
                    raise Refused(str(error)) from error
                raise
        self._threads[0].start()
        return self

    def _begin(self) -> None:
        if not self._resume:
            return refuse_existing(self._remote)
        pull(self._remote, self._folder)
        self._checkpoints = {name for name in self._remote.sizes() if name.startswith("checkpoints/")}
        with suppress(ValueError, TypeError):
            self._models = dict(json.loads(self._remote.read(MANIFEST) or b"{}"))
        return None

    def follow(self) -> None:
        """Begins to copy what is new, now and then."""
        self._threads[1].start()

    def finish(self) -> str | None:
        """Copies what is left, and says what went wrong; None where everything is at the address."""
        last = tenacity.Retrying(
            stop=tenacity.stop_after_delay(self._pace.patience),
            wait=tenacity.wait_exponential(multiplier=0.5, max=10),
            retry=tenacity.retry_if_exception_type(UNREACHABLE),
            reraise=True,
        )
        try:
            self._threads[1].stop()
            last(self._copy, _Progress(self._say, self._pace.silence))
        except (*UNREACHABLE, KeyboardInterrupt) as error:
            return (
                f"the study is whole in {self._folder}, but not all of it could be copied to {self._remote}: "
                f"{redacted(one_line(error))}; copy it with --resume {self._remote}"
            )
        if self.lost:
            return f"another driver took {self._remote} over; what this one did since then is in {self._folder} only"
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for thread in self._threads:
            thread.stop()
        with suppress(*UNREACHABLE):
            self._lease.release()

    # -- copying ------------------------------------------------------------------------------------------------------

    def _copy(self, progress: "_Progress | None" = None) -> None:
        """Copies what is new, in an order that leaves something to go on from at every moment.

        What the journal tells of - models above all - is there before it; a checkpoint is never newer than the journal,
        else a trial would go on behind epochs that nobody knows. Hence checkpoints are opened before the journal is
        read, which keeps them as they were then, and copied after it.
        """
        self._lease.confirm()  # after an outage the study may be another driver's
        more = True
        while more and not self.lost:
            with ExitStack() as opened:
                checkpoints = self._open_checkpoints(opened)
                more = len(checkpoints) == MOST_OPEN
                journal = list(self._new_segments())
                new = [*self._new_files(), *journal, *checkpoints]
                for place, file in enumerate(new):
                    if progress is not None:
                        progress(place, len(new), self._remote)
                    self._send(file)
        self._drop_checkpoints()

    def _new_files(self) -> Iterator[_New]:
        for path in (path for pattern in PATTERNS for path in sorted(self._folder.glob(pattern))):
            name, signature = path.relative_to(self._folder).as_posix(), _signature(path)
            if signature and not path.name.startswith(".") and self._sent.get(name) != signature:
                yield _New(name=name, signature=signature, content=path.read_bytes)

    def _new_segments(self) -> Iterator[_New]:
        journal = self._folder / "journal"
        for number in numbers(journal):
            first, second = paths(journal, number)
            name, signature = f"journal/{first.name}", _signature(first) + _signature(second)
            if self._sent.get(name) != signature:
                lines = lines_so_far(journal, number)
                if lines:
                    yield _New(name=name, signature=signature, content=partial(bytes, lines))

    def _open_checkpoints(self, opened: ExitStack) -> list[_New]:
        new: list[_New] = []
        for path in sorted((self._folder / "checkpoints").glob(f"*{SUFFIX}")):
            name = f"checkpoints/{path.name}"
            if self._sent.get(name) == _signature(path) or len(new) == MOST_OPEN:
                continue
            with suppress(FileNotFoundError):  # its trial has just ended
                file: IO[bytes] = opened.enter_context(path.open("rb"))
                new.append(_New(name=name, signature=_signature(path), content=file.read))
        return new

    def _send(self, file: _New) -> None:
        if self.lost:
            return
        try:
            content = file.content()
        except FileNotFoundError:
            return
        if file.name.startswith("models/"):
            self._send_model(file.name, content)
        else:
            self._remote.write(file.name, content)
        if file.name.startswith("checkpoints/"):
            self._checkpoints.add(file.name)
        self._sent[file.name] = file.signature

    def _send_model(self, name: str, content: bytes) -> None:
        known, now = self._models.get(name), digest(content)
        if known == now:
            return
        if known is not None:  # the list must not promise what may be half done
            del self._models[name]
            self._write_manifest()
        self._remote.write(name, content)
        self._models[name] = now
        self._write_manifest()

    def _write_manifest(self) -> None:
        self._remote.write(MANIFEST, json.dumps(self._models).encode())

    def _drop_checkpoints(self) -> None:
        for name in sorted(self._checkpoints):
            if not self.lost and not (self._folder / name).exists():
                self._remote.delete(name)
                self._checkpoints.discard(name)
                self._sent.pop(name, None)

    # -- while the study runs -----------------------------------------------------------------------------------------

    def _give_sign(self) -> None:
        with suppress(*UNREACHABLE):  # copying says so
            self._lease.refresh()
        self._tell_of_loss()

    def _tell_of_loss(self) -> None:
        if self.lost and not self._told:
            self._told = True
            self._say(f"another driver has taken {self._remote} over; nothing more is copied there: stop this one")

    def _try_to_copy(self) -> None:
        failed, self._failed = self._failed, True
        try:
            self._copy()
        except UNREACHABLE as error:
            if not failed:
                self._say(
                    f"cannot copy to {self._remote}: {redacted(one_line(error))}; "
                    f"the study goes on here, and copying is tried again every {self._pace.push:g} s"
                )
            return
        self._failed = False
        if failed and not self.lost:
            self._say(f"copies to {self._remote} again")


class _Progress:
    """Says how far a copy is, where it takes long enough to wonder."""

    def __init__(self, say: Callable[[str], None], silence: float) -> None:
        self._say, self._silence = say, silence
        self._next = time.monotonic() + silence

    def __call__(self, done: int, files: int, remote: Files) -> None:
        if time.monotonic() >= self._next:
            self._say(f"copying to {remote}: {done} of {files} files are there")
            self._next = time.monotonic() + self._silence


class _Repeated:
    """Does something now and then, in a thread of its own, until it is stopped."""

    def __init__(self, seconds: float, act: Callable[[], None]) -> None:
        self._seconds, self._act = seconds, act
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._act()


def _signature(path: Path) -> Signature:
    """Returns what changes when a file is replaced or grows; empty where there is none."""
    try:
        known = path.stat()
    except OSError:
        return ()
    return known.st_ino, known.st_mtime_ns, known.st_size

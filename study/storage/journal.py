"""The source of truth of a study: an append-only journal of events.

A line of a segment is `{"n": number, "crc": checksum, "event": {...}}`. Numbers rise by one over all segments, so a
missing line is noticed; a line that lacks its newline was torn by a crash before anybody acted upon it, and is dropped.
Every driver begins a segment of its own, hence nothing is ever appended to a torn line.

A segment lies in two files, and `append` returns when both are on disk: whatever happens to one of them, no event is
lost. The next driver mends it.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from study.errors import Refused, StudyBusy
from study.storage.atomic import said_plainly, sync_folder
from study.storage.segments import COPY, line, mend, numbers, paths, segments
from study.storage.segments import Event as Event  # what a journal holds is asked for here

# Whoever asks whether a driver is at work (`analysis.presence.held`) is in its way for an instant: it tries again
# before it gives up.
ATTEMPTS, PAUSE = 4, 0.1  # seconds
SEGMENT_EVENTS = 1000  # a segment that is copied elsewhere again and again had better be short


class Journal:
    """An open journal; one process holds it at a time.

    Args:
        folder: of the segments; made where it does not exist.

    Raises:
        StudyBusy: if another process holds it.
        JournalDamaged: if a line cannot be read from either copy.
        Refused: if it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: list[IO[bytes]] = []
        self._failure: OSError | None = None
        try:
            (folder / COPY).mkdir(parents=True, exist_ok=True)
            self._lock = hold(folder)
            try:
                self._events = _mended(folder)
                self._count = len(self._events)
                self._begin_segment()
            except BaseException:
                self.close()
                raise
        except OSError as error:
            raise Refused(
                f"a study's journal must be writable; {error.filename or folder}: {error.strerror}; "
                "free some space, or mend its rights"
            ) from error

    def past(self) -> list[Event]:
        """Returns what had happened before the journal was opened."""
        return list(self._events)

    def append(self, event: Mapping[str, Any]) -> Event:
        """Writes an event and returns it as it will be read; when this returns, it is on disk, twice.

        Raises:
            DiskFull: if the disk does not take it. The journal is then as it was before, and this process cannot
                append to it any more.
        """
        return self.append_all([event])[0]

    def append_all(self, events: Iterable[Mapping[str, Any]]) -> list[Event]:
        """Writes several events at the price of one; a crash in between keeps some of the first of them.

        Raises:
            DiskFull: as `append`; then none of them is kept.
        """
        lines = [line(number, event) for number, event in enumerate(events, start=self._count)]
        if self._failure is not None:
            raise self._failure
        self.rotate(events=SEGMENT_EVENTS)
        self._write(b"".join(lines))
        self._count += len(lines)
        return [json.loads(text)["event"] for text in lines]

    def rotate(self, *, events: int = 1, seconds: float = 0.0) -> bool:
        """Closes the present segment and begins one, and tells so; closed segments change no more.

        Does nothing before the segment has so many events and is so many seconds old.
        """
        old = time.monotonic() - self._begun >= seconds
        if self._failure is not None or self._count - self._first < max(events, 1) or not old:
            return False
        for file in self._files:
            file.close()
        try:
            with said_plainly(self._folder):
                self._begin_segment()
        except OSError as error:
            self._failure = error
            raise
        return True

    def _begin_segment(self) -> None:
        number = max(numbers(self._folder), default=0) + 1
        # Unbuffered: what a failed write has left in a buffer would be written later, behind what was cut off.
        self._files = []
        for path in paths(self._folder, number):
            self._files.append(path.open("xb", buffering=0))
        sync_folder(self._folder)
        sync_folder(self._folder / COPY)
        self._first, self._size, self._begun = self._count, 0, time.monotonic()

    def _write(self, content: bytes) -> None:
        try:
            with said_plainly(Path(self._files[0].name)):
                for file in self._files:
                    _write_all(file, content)
                for file in self._files:  # behind both writes: the second costs little then
                    os.fsync(file.fileno())
        except OSError as error:
            self._failure = error
            self._cut_back()
            raise
        self._size += len(content)

    def _cut_back(self) -> None:
        for file in self._files:
            with suppress(OSError):  # what cannot be cut off is a torn line at worst, or an event that did happen
                os.ftruncate(file.fileno(), self._size)
                os.fsync(file.fileno())

    def close(self) -> None:
        """Lets go of the study."""
        for file in self._files:
            file.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read(folder: Path) -> Iterator[Event]:
    """Yields the events of a journal in order, without holding it.

    Raises:
        JournalDamaged: if both copies of a line are damaged, a torn last one aside.
    """
    for segment in segments(folder):
        yield from segment.events


def hold(folder: Path) -> IO[bytes]:
    """Holds a journal until what it returns is closed.

    Raises:
        StudyBusy: if another process holds it.
    """
    # Closed by the system when its holder dies, however that happens: no lock is left behind.
    handle = (folder / "lock").open("ab")
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(PAUSE)
        else:
            return handle
    handle.close()
    raise StudyBusy(f"one driver works on a study at a time; another one holds {folder.parent}; wait for it or stop it")


def _mended(folder: Path) -> list[Event]:
    events: list[Event] = []
    for segment in segments(folder):
        mend(folder, segment)
        events.extend(segment.events)
    return events


def _write_all(file: IO[bytes], content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[file.write(rest) :]

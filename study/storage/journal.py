"""The source of truth of a study: an append-only journal of events.

A line of a segment is `{"n": number, "crc": checksum, "event": {...}}`. Numbers rise by one over all segments, so a
missing line is noticed; a line that lacks its newline was torn by a crash before anybody acted upon it, and is dropped.
Every driver writes a segment of its own, hence nothing is ever appended to a torn line.
"""

import fcntl
import json
import os
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from study.errors import JournalDamaged, StudyBusy

Event = dict[str, Any]
# Whoever asks whether a driver is at work (`held`) is in its way for an instant: it tries again before it gives up.
ATTEMPTS, PAUSE = 4, 0.1  # seconds


class Journal:
    """An open journal; one process holds it at a time.

    Args:
        folder: of the segments; made where it does not exist.

    Raises:
        StudyBusy: if another process holds it.
        JournalDamaged: if a line cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = _locked(folder / "lock")
        try:
            self._events = list(read(folder))
            number = 1 + max((int(path.stem) for path in segments(folder)), default=0)
            self._segment: IO[bytes] = (folder / f"{number:06d}.jsonl").open("xb")
            sync_folder(folder)
        except BaseException:
            self._lock.close()
            raise
        self._count = len(self._events)

    def past(self) -> list[Event]:
        """Returns what had happened before the journal was opened."""
        return list(self._events)

    def append(self, event: Mapping[str, Any]) -> Event:
        """Writes an event and returns it as it will be read; when this returns, it is on disk."""
        line = _line(self._count, event)
        self._segment.write(line)
        self._segment.flush()
        os.fsync(self._segment.fileno())
        self._count += 1
        written: Event = json.loads(line)["event"]
        return written

    def close(self) -> None:
        """Lets go of the study."""
        self._segment.close()
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
        JournalDamaged: if a line cannot be read that is not a torn last one.
    """
    expected = 0
    for path in segments(folder):
        lines = path.read_bytes().split(b"\n")
        for place, line in enumerate(lines[:-1], start=1):  # the last has no newline: empty, or torn
            event = parsed(line, expected)
            if event is None:
                raise JournalDamaged(
                    f"every line of a study's journal must be as it was written; line {place} of {path} is not; "
                    "restore the file from a copy, or start a study under another --name"
                )
            yield event
            expected += 1


def held(folder: Path) -> bool:
    """Tells whether a process holds a journal, without keeping one from taking it."""
    try:
        with (folder / "lock").open("rb") as handle:
            # Shared, so that those who ask are not in each other's way; let go at once, when the handle is closed.
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def sync_folder(folder: Path) -> None:
    """Makes sure that names just made or replaced in a folder survive a crash of the machine."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def segments(folder: Path) -> list[Path]:
    """Returns a journal's files in the order in which they were begun."""
    return sorted(folder.glob("*.jsonl"))


def _canonical(number: int, event: Mapping[str, Any]) -> bytes:
    return json.dumps([number, event], sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _line(number: int, event: Mapping[str, Any]) -> bytes:
    line = {"n": number, "crc": f"{zlib.crc32(_canonical(number, event)):08x}", "event": event}
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def parsed(line: bytes, number: int) -> Event | None:
    """Returns the event of a line, or None where the line is not the one that was written there."""
    try:
        plain = json.loads(line)
        crc = f"{zlib.crc32(_canonical(number, plain['event'])):08x}"
        whole = plain["n"] == number and plain["crc"] == crc
    except (ValueError, KeyError, TypeError):
        return None
    event: Event = plain["event"]
    return event if whole else None


def _locked(path: Path) -> IO[bytes]:
    # Closed by the system when its holder dies, however that happens: no lock is left behind.
    handle = path.open("ab")
    for _ in range(ATTEMPTS):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(PAUSE)
        else:
            return handle
    handle.close()
    raise StudyBusy(
        f"one driver works on a study at a time; another one holds {path.parent.parent}; wait for it or stop it"
    )

"""A journal that somebody else is writing, read as it grows: nothing is read twice, nothing is locked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from study.errors import JournalDamaged
from study.storage.journal import Event, parsed, segments


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event and the driver that wrote it, counted from 1: every driver writes a segment of its own."""

    driver: int
    event: Event


class Follower:
    """Remembers how far it has read a journal.

    Args:
        folder: of the segments; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._offsets: dict[Path, int] = {}
        self._count = 0

    def news(self) -> Iterator[Entry]:
        """Yields what has been written since the last call.

        A last line without its newline is being written, or was torn by a crash: it is waited for until there is a
        later segment, whose driver dropped it.

        Raises:
            JournalDamaged: if any other line cannot be read. The next call tries that line again: over a network a
                line may be seen before all of it is there.
        """
        known = segments(self._folder)
        gone = [path for path in self._offsets if path not in known]
        if gone:
            raise JournalDamaged(f"a study's journal only grows; {gone[0]} is gone; restore it from a copy")
        for driver, path in enumerate(known, start=1):
            yield from self._read(path, driver)

    def _read(self, path: Path, driver: int) -> Iterator[Entry]:
        offset = self._offsets.setdefault(path, 0)
        if path.stat().st_size < offset:
            raise JournalDamaged(f"a study's journal only grows; {path} was cut short; restore it from a copy")
        with path.open("rb") as file:
            file.seek(offset)
            lines = file.read().split(b"\n")
        for line in lines[:-1]:
            event = parsed(line, self._count)
            if event is None:
                raise JournalDamaged(
                    f"every line of a study's journal must be as it was written; the one at byte {self._offsets[path]} "
                    f"of {path} is not; restore the file from a copy"
                )
            self._offsets[path] += len(line) + 1
            self._count += 1
            yield Entry(driver=driver, event=event)

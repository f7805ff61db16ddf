"""A journal that somebody else is writing, read as it grows: nothing is read twice, nothing is locked."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from study.errors import JournalDamaged
from study.storage.segments import Event, numbers, parsed, paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event and the driver that wrote it, counted from 1: every driver says when it begins."""

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
        self._count, self._driver = 0, 1

    def news(self) -> Iterator[Entry]:
        """Yields what has been written since the last call.

        A last line without its newline is being written, or was torn by a crash: it is waited for until there is a
        later segment, whose driver dropped it.

        Raises:
            JournalDamaged: if any other line cannot be read. The next call tries that line again: over a network a
                line may be seen before all of it is there.
        """
        known = [paths(self._folder, number)[0] for number in numbers(self._folder)]
        gone = [path for path in self._offsets if not path.exists()]
        if gone:
            raise JournalDamaged(f"a study's journal only grows; {gone[0]} is gone; restore it from a copy")
        for path in known:
            yield from self._read(path)

    def _read(self, path: Path) -> Iterator[Entry]:
        offset = self._offsets.setdefault(path, 0)
        if path.stat().st_size < offset:
            raise JournalDamaged(f"a study's journal only grows; {path} was cut short; restore it from a copy")
        with path.open("rb") as file:
            file.seek(offset)
            lines = file.read().split(b"\n")
        for line in lines[:-1]:
            found = parsed(line)
            if found is None or found[0] != self._count:
                raise JournalDamaged(
                    f"every line of a study's journal must be as it was written; the one at byte {self._offsets[path]} "
                    f"of {path} is not; restore the file from a copy"
                )
            self._offsets[path] += len(line) + 1
            self._count += 1
            self._driver += found[1]["kind"] == "driver"
            yield Entry(driver=self._driver, event=found[1])

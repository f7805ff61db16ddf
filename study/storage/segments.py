"""The files of a journal: every segment lies there twice, and a line is read from whichever copy has it whole."""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from study.errors import JournalDamaged
from study.storage.atomic import write_bytes

Event = dict[str, Any]

COPY = "copy"  # the folder of second copies, inside the journal's


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """What both copies of a segment amount to.

    Attributes:
        number: of the segment; it names the files.
        lines: as they were written, each with its newline.
        events: of the lines.
        copies: the files as they are, None for one that is missing.
    """

    number: int
    lines: bytes
    events: tuple[Event, ...]
    copies: tuple[bytes | None, bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """One file, taken apart.

    Attributes:
        good: its lines that are as they were written, with their events, by number.
        end: the number that would follow its last line that has its newline, good or not.
        torn: whether a line without its newline stands behind.
    """

    good: dict[int, tuple[bytes, Event]]
    end: int
    torn: bool


def numbers(folder: Path) -> list[int]:
    """Returns the numbers of a journal's segments, in order."""
    paths = [*folder.glob("*.jsonl"), *(folder / COPY).glob("*.jsonl")]
    return sorted({int(path.stem) for path in paths if path.stem.isdigit()})


def paths(folder: Path, number: int) -> tuple[Path, Path]:
    """Returns where the two copies of a segment lie."""
    name = f"{number:06d}.jsonl"
    return folder / name, folder / COPY / name


def segments(folder: Path) -> Iterator[Segment]:
    """Yields a journal's segments in order, without holding it.

    Raises:
        JournalDamaged: if both copies of a line are damaged, a torn last one aside.
    """
    expected = 0
    for number in numbers(folder):
        segment = _merged(folder, number, expected)
        yield segment
        expected += len(segment.events)


def lines_so_far(folder: Path, number: int) -> bytes:
    """Returns the lines of one segment that are whole in either copy, while its driver may be writing behind them."""
    copies = [_apart(content, 0) for content in map(_content, paths(folder, number)) if content is not None]
    good = {n: text for copy in copies for n, (text, _) in copy.good.items()}
    first = min(good, default=0)
    end = next(n for n in range(first, first + len(good) + 1) if n not in good)
    return b"".join(good[n] + b"\n" for n in range(first, end))


def mend(folder: Path, segment: Segment) -> None:
    """Makes both copies what they should be; only who holds the journal may do so."""
    for path, content in zip(paths(folder, segment.number), segment.copies, strict=True):
        if content != segment.lines:
            write_bytes(path, segment.lines)


def line(number: int, event: Mapping[str, Any]) -> bytes:
    """Returns what stands in a segment for an event: `{"n": number, "crc": checksum, "event": {...}}`."""
    plain = {"n": number, "crc": _checksum(number, event), "event": event}
    return json.dumps(plain, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _merged(folder: Path, number: int, expected: int) -> Segment:
    contents = _content(paths(folder, number)[0]), _content(paths(folder, number)[1])
    # Both copies are nearly always the same, and then one tells all.
    copies = [_apart(content, expected) for content in dict.fromkeys(contents) if content is not None]
    good = {n: found for copy in copies for n, found in copy.good.items()}
    end = next(n for n in range(expected, expected + len(good) + 1) if n not in good)
    lost_last = all(copy.end + copy.torn > end for copy in copies) and any(copy.end > end for copy in copies)
    if end < expected + len(good) or lost_last:
        raise JournalDamaged(
            "every line of a study's journal must be as it was written in one of its two copies; "
            f"line {end - expected + 1} of {paths(folder, number)[0]} is not; "
            "restore the file from a backup, or start a study under another --name"
        )
    found = [good[n] for n in range(expected, end)]
    return Segment(
        number=number,
        lines=b"".join(text + b"\n" for text, _ in found),
        events=tuple(event for _, event in found),
        copies=contents,
    )


def _apart(content: bytes, expected: int) -> _Copy:
    *whole, rest = content.split(b"\n")
    good: dict[int, tuple[bytes, Event]] = {}
    end = expected
    for text in whole:
        known = parsed(text)
        if known is None or known[0] < max(good, default=expected - 1) + 1:
            end += 1  # somebody's line, but not the one that was written here
        else:
            good[known[0]] = text, known[1]
            end = known[0] + 1
    return _Copy(good=good, end=end, torn=bool(rest))


def parsed(text: bytes) -> tuple[int, Event] | None:
    """Returns a line's number and event, or None where it is not as it was written."""
    try:
        plain = json.loads(text)
        number, event = plain["n"], plain["event"]
        whole = plain["crc"] == _checksum(number, event)
    except (ValueError, KeyError, TypeError):
        return None
    return (number, event) if whole else None


def _checksum(number: int, event: Mapping[str, Any]) -> str:
    canonical = json.dumps([number, event], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{zlib.crc32(canonical.encode()):08x}"


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None

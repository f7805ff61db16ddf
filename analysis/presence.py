"""Whether somebody works on a study, and what of it has changed since."""

import fcntl
from pathlib import Path
from typing import Final

READ: Final = ("study.json", "test_access.jsonl", "results/*")
Marks = tuple[tuple[str, int, int], ...]


def held(folder: Path) -> bool:
    """Tells whether a driver holds a study's journal, without keeping one from taking it."""
    try:
        with (folder / "lock").open("rb") as handle:
            # Shared, so that those who ask are not in each other's way; let go at once, when the handle is closed.
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def marks(run_dir: Path) -> Marks:
    """Returns what changes whenever a file that a report is made from does: names, times in nanoseconds, sizes."""
    found = []
    for path in sorted(path for pattern in READ for path in run_dir.glob(pattern)):
        try:
            stat = path.stat()
        except FileNotFoundError:  # replaced in this very moment
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(found)

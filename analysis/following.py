"""Reports that keep up with studies while these run."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from analysis.load import StudyUnreadable
from analysis.presence import Marks, held, marks

LOOK_EVERY: Final = 1.0  # seconds
RELOAD: Final = 10  # seconds after which a browser loads the page anew
Write = Callable[[int | None], object]


def follow(run_dirs: Sequence[Path], write: Write, look_every: float = LOOK_EVERY) -> None:
    """Writes a report whenever a study has changed, and for the last time when nobody works on any of them.

    Args:
        run_dirs: the studies' folders.
        write: writes the report; it is told after how many seconds a browser should load it anew, None for never.
        look_every: seconds between two looks.

    Raises:
        StudyUnreadable: where a study that nobody works on cannot be read.
        OSError: where the report cannot be written.
    """
    seen: list[Marks] = []
    while any(held(run_dir / "journal") for run_dir in run_dirs):
        now = [marks(run_dir) for run_dir in run_dirs]
        if now != seen and _written(write):
            seen = now
        time.sleep(look_every)
    write(None)


def _written(write: Write) -> bool:
    try:
        write(RELOAD)
    except StudyUnreadable:  # the first trial has not reported yet
        return False
    return True

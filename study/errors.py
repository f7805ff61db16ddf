"""One class per reaction of a caller.

Refused: wrong before a trial starts; the command line says so on one line and exits with 2.
  JournalDamaged: the study's journal cannot be trusted.
  StudyBusy: another driver works on the study.
DiskFull: the disk takes no more while a study runs; what is done is kept, and resuming goes on once there is space.
WorkersDie: whatever trial they are given; what is done is kept.
"""

import os
from pathlib import Path


class Refused(Exception):  # noqa: N818 - named after what happens to the study
    """Something is wrong before a trial starts; the message says what must hold, what was given, how to mend it."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class JournalDamaged(Refused):
    """A line of the journal that is not a torn last one cannot be read."""


class StudyBusy(Refused):
    """Another driver holds the study."""


class DiskFull(OSError):  # noqa: N818 - named after what happened
    """A disk took no more of what a study writes; all that had been written before is whole.

    Args:
        number: of the system's error, such as `errno.ENOSPC`.
        path: what was being written.
    """

    def __init__(self, number: int | None, path: Path) -> None:
        super().__init__(number, os.strerror(number or 0), str(path))

    def __str__(self) -> str:
        return (
            f"the disk must take what a study writes; {self.filename}: {self.strerror}; "
            "what is done is kept; free some space or mend the disk, then go on with --resume"
        )


class WorkersDie(Exception):  # noqa: N818 - named after what happens to the study
    """Workers die one after another without a word: the cluster cannot run trials, and none of them is to blame."""

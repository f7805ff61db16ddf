"""One class per reaction of a caller.

Refused: wrong before a trial starts; the command line says so on one line and exits with 2.
  JournalDamaged: the study's journal cannot be trusted.
  StudyBusy: another driver works on the study.
"""


class Refused(Exception):  # noqa: N818 - named after what happens to the study
    """Something is wrong before a trial starts; the message says what must hold, what was given, how to mend it."""

    def __str__(self) -> str:
        return " ".join(super().__str__().split())


class JournalDamaged(Refused):
    """A line of the journal that is not a torn last one cannot be read."""


class StudyBusy(Refused):
    """Another driver holds the study."""

"""Where trials in flight go on from: one file a trial, in the run directory."""

import hashlib
from pathlib import Path

from study.storage.atomic import write_bytes

DIGEST = hashlib.sha256().digest_size


class Checkpoints:
    """Keeps the last checkpoint of every trial that has not ended.

    Args:
        folder: of the files; made when there is one to keep.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, trial_id: str, epoch: int, content: bytes) -> None:  # noqa: ARG002
        """Replaces a trial's checkpoint; after a crash the old one is there, or the new."""
        write_bytes(self._path(trial_id), hashlib.sha256(content).digest() + content)

    def load(self, trial_id: str) -> bytes | None:
        """Returns a trial's checkpoint, or None where there is none that is whole."""
        try:
            stored = self._path(trial_id).read_bytes()
        except FileNotFoundError:
            return None
        content = stored[DIGEST:]
        return content if hashlib.sha256(content).digest() == stored[:DIGEST] else None

    def drop(self, trial_id: str) -> None:
        """Forgets a trial that has ended."""
        self._path(trial_id).unlink(missing_ok=True)

    def _path(self, trial_id: str) -> Path:
        return self._folder / f"{trial_id}.checkpoint"

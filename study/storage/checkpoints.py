"""Where trials in flight can go on from: one file a trial, and the one before it in case that it is damaged."""

import hashlib
import json
from pathlib import Path

from study.storage.atomic import sync_folder, write_bytes
from trainables.checks import must

SUFFIX, BEFORE, DAMAGED = ".checkpoint", ".before", ".damaged"


class Checkpoints:
    """The checkpoints of a study.

    A file is a line of JSON that says how long the rest is and what its SHA-256 must be, and the rest.

    Args:
        folder: of the files; made when there is something to keep.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, trial_id: str, epoch: float, content: bytes) -> None:
        """Keeps where a trial is; when this returns, it is on disk, and until then the one before is there.

        Raises:
            DiskFull: if the disk does not take it; what was kept before can still be loaded.
        """
        latest, before = self._files(trial_id)
        head = {"epoch": epoch, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        coming = latest.with_name(f".{latest.name}.coming")
        write_bytes(coming, json.dumps(head).encode() + b"\n" + content)
        if latest.exists():
            latest.replace(before)
        coming.replace(latest)
        sync_folder(self._folder)

    def load(self, trial_id: str) -> bytes | None:
        """Returns the newest content that is whole; a damaged file is set aside under the name `*.damaged`."""
        found = self._newest(trial_id)
        return None if found is None else found[1]

    def epoch(self, trial_id: str) -> float | None:
        """Returns the epoch of what `load` returns."""
        found = self._newest(trial_id)
        return None if found is None else found[0]

    def drop(self, trial_id: str) -> None:
        """Forgets a trial; damaged files stay for whoever wants to know why."""
        for path in self._files(trial_id):
            path.unlink(missing_ok=True)

    def _newest(self, trial_id: str) -> tuple[float, bytes] | None:
        for path in self._files(trial_id):
            try:
                whole = path.read_bytes()
            except FileNotFoundError:
                continue
            found = _opened(whole)
            if found is not None:
                return found
            path.replace(path.with_name(path.name + DAMAGED))
        return None

    def _files(self, trial_id: str) -> tuple[Path, Path]:
        must(trial_id not in ("", ".", "..") and "/" not in trial_id, f"a trial's id names a file; got {trial_id!r}")
        name = trial_id + SUFFIX
        return self._folder / name, self._folder / (name + BEFORE)


def _opened(whole: bytes) -> tuple[float, bytes] | None:
    """Returns the epoch and the content of a file, or None where they are not what was kept."""
    line, newline, content = whole.partition(b"\n")
    try:
        head = json.loads(line)
        epoch = float(head["epoch"])
        good = newline and head["bytes"] == len(content) and head["sha256"] == hashlib.sha256(content).hexdigest()
    except (ValueError, KeyError, TypeError):
        return None
    return (epoch, content) if good else None

"""Files that are there whole or not at all."""

import errno
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from study.errors import DiskFull

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.ESTALE)  # or broken


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file; a reader sees the old content or the new, also after a crash.

    Raises:
        DiskFull: if the disk does not take it; the old content is still there.
        OSError: if it may not be written for another reason.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with said_plainly(path):
        try:
            with beside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError:
            with suppress(OSError):
                beside.unlink(missing_ok=True)  # half a file would take the space that is missing
            raise
        sync_folder(path.parent)


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Replaces a file by indented JSON."""
    write_bytes(path, (json.dumps(plain, indent=2) + "\n").encode())


def sync_folder(folder: Path) -> None:
    """Makes sure that names just made or replaced in a folder survive a crash of the machine."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turns a disk's refusal into the error that says what to do about it."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL or isinstance(error, DiskFull):
            raise
        raise DiskFull(error.errno, path) from error

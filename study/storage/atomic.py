"""Files that are there whole or not at all."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from study.storage.journal import sync_folder


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file; a reader sees the old content or the new, also after a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def write_json(path: Path, plain: Mapping[str, Any]) -> None:
    """Replaces a file by indented JSON."""
    write_bytes(path, (json.dumps(plain, indent=2) + "\n").encode())

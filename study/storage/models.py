"""Whether a model's file is the one that was written."""

import hashlib
from pathlib import Path


def digest(weights: bytes) -> str:
    """Returns the SHA-256 of a model, to be recorded when it is written."""
    return hashlib.sha256(weights).hexdigest()


def is_whole(path: Path, recorded: str) -> bool:
    """Tells whether a model such as `models/NAME.safetensors` is there, as it was when its SHA-256 was recorded."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == recorded
    except OSError:
        return False

"""How a fault in a file of images is told, and the command that fetches the file."""

import shlex
from pathlib import Path

from trainables.config import VARIANTS, DataConfig


class DamagedError(ValueError):
    """A file is missing or not what it must be; fetching it helps."""


def command(config: DataConfig) -> str:
    """Returns the command line that fetches a data set, as one would type it."""
    variants = VARIANTS.get(config.dataset, (None,))
    variant = [] if config.variant == variants[0] else ["--variant", str(config.variant)]
    words = ["--dataset", config.dataset, *variant, "--data-root", str(config.source), "--download"]
    return shlex.join(["python", "-m", "study.launch", *words])


def broken(config: DataConfig, path: Path, role: str, fault: object) -> DamagedError:
    """Returns the error for a file that is not what it must be, in one line with the way out.

    Args:
        config: whose source the file belongs to.
        path: of the file.
        role: what the file must be, such as "the training images".
        fault: what holds for such a file, and what was got.
    """
    needs = " (which needs `pip install gdown`)" if config.dataset == "celeba" else ""
    told = f"{path} must be {role} of {config.dataset}: {fault}; fetch it with `{command(config)}`{needs}"
    return DamagedError(" ".join(told.splitlines()))


def unreadable(error: OSError) -> str:
    """Says that a file or folder can be read, and why this one cannot."""
    return f"it can be read; got {error.strerror or error}"

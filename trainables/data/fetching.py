"""Downloads through torchvision, into a folder aside: what is fetched by halves is never taken for whole."""

import hashlib
import io
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

from trainables.config import DataConfig
from trainables.data.faults import command

ASIDE = ".incomplete"
Published = Mapping[Path, str]
"""The MD5 of every file that is fetched, by its place below the data root."""


def fetch(config: DataConfig) -> None:
    """Fetches a data set into its source; files that are there already and right are not fetched again.

    Raises:
        ValueError: if it cannot be had or written, in one line. Files that came whole are kept aside, and the next
            try goes on from there.
    """
    root = Path(str(config.source))
    aside = root / ASIDE
    try:
        published = _published(config)
        with _only_whole_files(aside, published), _copies(root, aside, published), _quiet_off_terminal():
            _run_torchvision(config, aside)
            _move_files(aside, root)
    except Exception as error:  # torchvision lets through whatever urllib, gdown, zipfile and gzip raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(
            f"the files of {config.dataset} must come over the network into {root}; got {told}; see to the connection "
            f"and the rights there, and try again: `{command(config)}`"
        ) from error


def _published(config: DataConfig) -> Published:
    from torchvision import datasets  # takes seconds

    if config.dataset == "celeba":
        return {Path("celeba", name): md5 for _, md5, name in datasets.CelebA.file_list}
    if config.dataset == "emnist":
        return {Path("EMNIST", "raw", Path(datasets.EMNIST.url).name): datasets.EMNIST.md5}
    kind = {"fashion": datasets.FashionMNIST, "mnist": datasets.MNIST}[config.dataset]
    return {Path(kind.__name__, "raw", name): md5 for name, md5 in kind.resources}


def _run_torchvision(config: DataConfig, root: Path) -> None:
    from torchvision import datasets

    if config.dataset == "celeba":
        datasets.CelebA(root, split="all", download=True)
    elif config.dataset == "emnist":
        datasets.EMNIST(root, split=str(config.variant), download=True)
    else:
        {"fashion": datasets.FashionMNIST, "mnist": datasets.MNIST}[config.dataset](root, download=True)


def _whole(path: Path, md5: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == md5


@contextmanager
def _only_whole_files(aside: Path, published: Published) -> Iterator[None]:
    """Keeps nothing in a folder, before and after, but files whose checksum is right; no folder if there are none."""
    begun = not aside.parent.exists()
    aside.mkdir(parents=True, exist_ok=True)
    _sweep(aside, published)
    try:
        yield
    finally:
        _sweep(aside, published)
        if not any(aside.iterdir()):
            aside.rmdir()
        if begun and not any(aside.parent.iterdir()):
            aside.parent.rmdir()


def _sweep(aside: Path, published: Published) -> None:
    for path in sorted(aside.rglob("*"), reverse=True):  # what a folder holds comes before the folder
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif (place := path.relative_to(aside)) not in published or not _whole(path, published[place]):
            path.unlink()


@contextmanager
def _copies(root: Path, aside: Path, published: Published) -> Iterator[None]:
    """Lends the folder aside what is right already, for torchvision to find."""
    places = [place for place, md5 in published.items() if not (aside / place).exists() and _whole(root / place, md5)]
    try:
        for place in places:
            (aside / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / place, aside / place)
        yield
    finally:
        for place in places:
            (aside / place).unlink(missing_ok=True)


def _move_files(aside: Path, root: Path) -> None:
    for path in [path for path in aside.rglob("*") if path.is_file()]:
        target = root / path.relative_to(aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


@contextmanager
def _quiet_off_terminal() -> Iterator[None]:
    """Hides progress bars where they would fill a log."""
    if sys.stderr.isatty():
        yield
    else:
        with redirect_stderr(io.StringIO()):
            yield

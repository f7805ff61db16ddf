"""Data sets of images that lie in files: Fashion-MNIST, MNIST, EMNIST and CelebA."""

import hashlib
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from trainables.config import DataConfig
from trainables.data import celeba, vision
from trainables.data.faults import DamagedError, broken, unreadable
from trainables.data.fetching import fetch
from trainables.data.selection import select
from trainables.data.split import Split, Splits
from trainables.data.stored import Stock, Stocks, StoredSplit


def load(config: DataConfig) -> Splits:
    """Reads the examples that a config selects, and writes nothing.

    Raises:
        DamagedError: if a file is missing or damaged.
        ValueError: if there are too few examples; both in one line, with the way out.
    """
    stocks = _read(config)
    rows = select(config, stocks.training.labels, stocks.test.labels)
    train, validation = stocks.training.take(rows.train), stocks.training.take(rows.validation)
    return Splits(
        train=train,
        validation=validation,
        test=stocks.test.take(rows.test),
        classes=stocks.classes,
        image_shape=train.shape,
        # Read again: a trial need not keep them in memory.
        pool=lambda most=None: _pooled(_read(config).training, rows.validation, most),
        pool_fingerprint=_pool_fingerprint(stocks.training.labels, rows.validation, validation),
    )


def _pooled(stock: Stock, validation: Int[Tensor, "rows"], most: int | None) -> StoredSplit:
    """Takes the training images that are not for validation, all or the first."""
    learned = torch.ones(len(stock.labels), dtype=torch.bool)
    learned[validation] = False
    return stock.take(learned.nonzero()[:most, 0])


def _pool_fingerprint(labels: Int[Tensor, "all"], rows: Int[Tensor, "rows"], validation: StoredSplit) -> str:
    """Returns a SHA-256 of which images there are: all labels, and rows and bytes of those that are left out."""
    hashed = hashlib.sha256(fingerprint_of(validation).encode())
    for part in (labels, rows):
        hashed.update(part.to(torch.int64).cpu().contiguous().numpy().tobytes())
    return hashed.hexdigest()


def _read(config: DataConfig) -> Stocks:
    """Reads all that a data set has; CelebA's images only when they are taken.

    Raises:
        DamagedError: if a file is missing or damaged.
    """
    root = Path(str(config.source))
    try:
        found = next(root.iterdir(), None)
    except OSError as error:
        raise broken(config, root, "the data folder", unreadable(error)) from error
    if found is None:
        raise broken(config, root, "the data folder", "it holds files; got an empty one")
    return celeba.stocks(config) if config.dataset == "celeba" else vision.stocks(config)


def download(config: DataConfig) -> None:
    """Fetches a data set, unless all that the config selects is there and whole.

    Raises:
        ValueError: if it cannot be had or written, or has too few examples; in one line.
    """
    try:
        load(config)
    except DamagedError:
        fetch(config)


def fingerprint(splits: Splits) -> str:
    """Returns the SHA-256 of all images and labels of stored splits in their order, as 64 hexadecimal digits."""
    return fingerprint_of(splits.train, splits.validation, splits.test)


def fingerprint_of(*stored: Split) -> str:
    """Does the same for any stored splits."""
    hashed = hashlib.sha256()
    for split in stored:
        assert isinstance(split, StoredSplit), "made images are named by what they are made of"
        for part in (split.pixels, split.labels.to(torch.int64)):
            hashed.update(str(tuple(part.shape)).encode())
            hashed.update(part.cpu().contiguous().numpy().tobytes())
    return hashed.hexdigest()

"""Fashion-MNIST, MNIST and EMNIST, from the files that torchvision keeps, packed or not.

EMNIST's digits are the paper's (arXiv 1812.00740, section 3.1). Its images lie on their side in the files (G. Cohen
et al., arXiv 1702.05373) and are turned upright here.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch

from trainables.checks import must
from trainables.config import DataConfig
from trainables.data.faults import broken
from trainables.data.idx import Bytes, read_images, read_labels
from trainables.data.stored import Stock, Stocks


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where a data set lies, and what its files mean.

    Attributes:
        folder: below the data root.
        training: what the names of the training files begin with; `test` likewise.
        labels: the lowest and the highest in the files; classes count from the lowest.
        upright: whether the images stand in the files as one looks at them.
    """

    folder: str
    training: str = "train"
    test: str = "t10k"
    labels: tuple[int, int] = (0, 9)
    upright: bool = True


def _emnist(part: str, labels: tuple[int, int]) -> Layout:
    return Layout(
        folder="EMNIST", training=f"emnist-{part}-train", test=f"emnist-{part}-test", labels=labels, upright=False
    )


LAYOUTS: Mapping[tuple[str, str | None], Layout] = MappingProxyType(
    {
        ("fashion", None): Layout(folder="FashionMNIST"),
        ("mnist", None): Layout(folder="MNIST"),
        ("emnist", "digits"): _emnist("digits", (0, 9)),
        ("emnist", "letters"): _emnist("letters", (1, 26)),
    }
)


def stocks(config: DataConfig) -> Stocks:
    """Reads all images and labels of a data set.

    Raises:
        DamagedError: if a file is missing or damaged, in one line.
    """
    layout = LAYOUTS[config.dataset, config.variant]
    low, high = layout.labels
    return Stocks(
        training=_stock(config, layout, layout.training, "training"),
        test=_stock(config, layout, layout.test, "test"),
        classes=high - low + 1,
    )


def _stock(config: DataConfig, layout: Layout, prefix: str, purpose: str) -> Stock:
    raw = Path(str(config.source)) / layout.folder / "raw"
    images = _checked(config, raw, f"{prefix}-images-idx3-ubyte", f"the {purpose} images", read_images)

    def read(path: Path, md5: str | None) -> Bytes:
        labels, (low, high) = read_labels(path, md5), layout.labels
        must(len(labels) == len(images), f"it has a label for each of {len(images)} images; got {len(labels)}")
        least, most = int(labels.min()), int(labels.max())
        must(low <= least and most <= high, f"its labels lie in {low} to {high}; got {least} to {most}")
        return labels - np.uint8(low)

    labels = _checked(config, raw, f"{prefix}-labels-idx1-ubyte", f"the {purpose} labels", read)
    pixels = torch.tensor(images if layout.upright else images.transpose(0, 2, 1))[:, None]
    return Stock(torch.tensor(labels, dtype=torch.int64), lambda rows: pixels[rows])


def _checked(config: DataConfig, raw: Path, name: str, role: str, read: Callable[[Path, str | None], Bytes]) -> Bytes:
    """Reads the unpacked file if there is one, and else the packed."""
    packed = raw / f"{name}.gz"
    path = raw / name if os.path.lexists(raw / name) else packed
    try:
        return read(path, _published_md5(config, packed.name) if path == packed else None)
    except ValueError as fault:
        raise broken(config, path, role, fault) from fault


def _published_md5(config: DataConfig, name: str) -> str | None:
    from torchvision.datasets import MNIST, FashionMNIST  # takes seconds, which unpacked files do not need

    published = {"fashion": FashionMNIST, "mnist": MNIST}.get(config.dataset)
    return dict(published.resources)[name] if published else None

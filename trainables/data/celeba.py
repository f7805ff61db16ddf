"""CelebA, cut and made smaller as in the paper; one tells men from women.

Z. Liu et al., ICCV 2015 (the data); Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3.1. Unlike the
authors' code, which interpolates between a few of the pixels, a smaller image averages over all of them.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Int, UInt8
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from trainables.checks import must
from trainables.config import DataConfig
from trainables.data.faults import broken, unreadable
from trainables.data.stored import Stock, Stocks

ATTRIBUTE = "Male"
LIST, IMAGES = "list_attr_celeba.txt", "img_align_celeba"
WHOLE = 202_599  # images; a list of fewer is somebody's own excerpt
ORIGINAL = (178, 218)  # width, height
SMALLER = (54, 66)
CROP = (3, 5, 51, 61)  # left, top, right, bottom
MANY = 2000  # images that take long enough for a progress bar


def stocks(config: DataConfig) -> Stocks:
    """Reads the list of images, of which the first nine tenths are for training; images are read when taken.

    Raises:
        DamagedError: if the list is missing or damaged, in one line.
    """
    folder = Path(str(config.source)) / "celeba"
    try:
        names, labels = _read_list(folder / LIST)
    except ValueError as fault:
        raise broken(config, folder / LIST, "the list of attributes", fault) from fault
    training = len(names) * 9 // 10

    def stock(part: slice) -> Stock:
        paths = [folder / IMAGES / name for name in names[part]]
        return Stock(labels[part], lambda rows: _read_images(config, [paths[row] for row in rows.tolist()]))

    return Stocks(training=stock(slice(training)), test=stock(slice(training, None)), classes=2)


def _read_list(path: Path) -> tuple[list[str], Int[Tensor, "images"]]:
    """Returns the images' names and whether each has the attribute: a count, a line of attributes, a line an image."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(unreadable(error)) from error
    lines = content.decode("ascii", "replace").splitlines()
    must(len(lines) >= 2, f"it begins with the number of images and a line of attributes; got {len(lines)} lines")
    count, attributes, *rows = lines
    must(count.strip().isdigit(), f"its first line is the number of images; got {count.strip()[:20]!r}")
    if int(count) == WHOLE:
        _must_be_published(content)
    return _parse(int(count), attributes.split(), [row.split() for row in rows])


def _parse(count: int, attributes: list[str], rows: list[list[str]]) -> tuple[list[str], Int[Tensor, "images"]]:
    must(len(rows) == count, f"it has as many lines as its first line says, {count}; got {len(rows)}")
    must(ATTRIBUTE in attributes, f"its second line names the attribute {ATTRIBUTE}; got {len(attributes)} others")
    column = 1 + attributes.index(ATTRIBUTE)
    for row in rows:
        fields = 1 + len(attributes)
        must(len(row) == fields, f"every line has {fields} fields; got {len(row)} in that of {row[:1]}")
        must(row[column] in ("-1", "1"), f"{ATTRIBUTE} is -1 or 1; got {row[column]!r} for {row[0]!r}")
        must(Path(row[0]).name == row[0], f"images are named without a folder; got {row[0]!r}")
    names = [row[0] for row in rows]
    must(len(set(names)) == count, f"the {count} images have names of their own; got {len(set(names))} different ones")
    return names, torch.tensor([row[column] == "1" for row in rows], dtype=torch.int64)


def _must_be_published(content: bytes) -> None:
    from torchvision.datasets import CelebA  # takes seconds, which an excerpt does not need

    published = {name: md5 for _, md5, name in CelebA.file_list}[LIST]
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    must(found == published, f"with {WHOLE} images its MD5 is {published}; got {found}")


def _read_images(config: DataConfig, paths: list[Path]) -> UInt8[Tensor, "images 3 56 48"]:
    width, height = CROP[2] - CROP[0], CROP[3] - CROP[1]
    pixels = torch.empty(len(paths), 3, height, width, dtype=torch.uint8)
    for index, path in enumerate(_watched(paths)):
        try:
            pixels[index] = torch.tensor(np.asarray(_read_image(path))).permute(2, 0, 1)
        except ValueError as fault:
            raise broken(config, path, "an image", fault) from fault
    return pixels


def _read_image(path: Path) -> Image.Image:
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            found = f"{image.width}x{image.height} {image.mode}"
            must(
                (image.size, image.mode) == (ORIGINAL, "RGB"),
                f"it is {ORIGINAL[0]}x{ORIGINAL[1]} (width x height) RGB; got {found}",
            )
            return image.resize(SMALLER, Image.Resampling.BILINEAR).crop(CROP)
    except UnidentifiedImageError as error:
        raise ValueError("it is a JPEG file; got another") from error
    except OSError as error:
        raise ValueError(unreadable(error)) from error
    except (SyntaxError, Image.DecompressionBombError) as error:  # what Pillow says of some damaged headers
        raise ValueError(f"it is a JPEG file; got a damaged one ({error})") from error


def _watched(paths: list[Path]) -> Iterable[Path]:
    """Shows a progress bar on a terminal if there are many."""
    from rich.console import Console  # trials show nothing, and need not load it
    from rich.progress import track

    console = Console(stderr=True)
    hidden = len(paths) <= MANY or not console.is_terminal
    return track(paths, description="Reading CelebA", console=console, transient=True, disable=hidden)

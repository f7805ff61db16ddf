"""Idx files, in which MNIST and its relatives come: a big-endian header, then bytes.

Format: Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten digits". The magic number is 2048 plus
the number of dimensions; their sizes follow, four bytes each.
"""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainables.checks import must
from trainables.data.faults import unreadable

MAGIC = 2048
KINDS = {MAGIC + 1: " (labels)", MAGIC + 3: " (images)"}
SIDE = 28
Bytes = NDArray[np.uint8]


def read_images(path: Path, md5: str | None) -> Bytes:
    """Reads images of shape (n, 28, 28); see `read_labels`."""
    images = _array(_content(path, md5), 3)
    must(images.shape[1:] == (SIDE, SIDE), f"its images are {SIDE}x{SIDE}; got {images.shape[1]}x{images.shape[2]}")
    return images


def read_labels(path: Path, md5: str | None) -> Bytes:
    """Reads labels as they stand in a file, whose end in .gz says that it is packed.

    Args:
        path: of the file.
        md5: that a packed file must have, as hexadecimal digits; None if nobody published one.

    Raises:
        ValueError: what must hold for such a file and what was got, without the path.
    """
    return _array(_content(path, md5), 1)


def _content(path: Path, md5: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(unreadable(error)) from error
    if path.suffix != ".gz":
        return content
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    must(md5 in (None, found), f"its MD5 is {md5}; got {found} of {len(content)} bytes")
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"it is a whole gzip file; got {error}") from error


def _array(content: bytes, dimensions: int) -> Bytes:
    header = 4 * (1 + dimensions)
    must(len(content) >= header, f"it begins with a header of {header} bytes; got {len(content)} bytes in all")
    magic, *shape = (int(number) for number in np.frombuffer(content[:header], dtype=">u4"))
    wanted = MAGIC + dimensions
    must(magic == wanted, f"its magic number is {wanted}{KINDS[wanted]}; got {magic}{KINDS.get(magic, '')}")
    must(shape[0] > 0, "it holds one example or more; got none")
    announced, found = math.prod(shape), len(content) - header
    sizes = " x ".join(map(str, shape))
    must(announced == found, f"it holds the {announced} bytes ({sizes}) that its header announces; got {found}")
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)

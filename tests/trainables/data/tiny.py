"""Tiny data sets in the layouts of the real ones."""

import gzip
import io
import struct
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

FOLDERS = {"fashion": "FashionMNIST", "mnist": "MNIST", "emnist": "EMNIST"}
TRAINING, TEST = 120, 60


def write_idx(path: Path, array: np.ndarray) -> None:
    """Writes bytes with the header of their shape; packed if the name ends in .gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = struct.pack(f">{1 + array.ndim}I", 2048 + array.ndim, *array.shape) + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)


def stems(dataset: str, variant: str | None = None) -> tuple[str, str]:
    """What the names of the training and of the test files begin with."""
    part = f"emnist-{variant or 'digits'}"
    return (f"{part}-train", f"{part}-test") if dataset == "emnist" else ("train", "t10k")


def images_of(labels: np.ndarray, seed: int) -> np.ndarray:
    """Noise with one bright row that tells the class; no two images are equal."""
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 80, size=(len(labels), 28, 28), dtype=np.uint8)
    images[np.arange(len(labels)), 1 + labels % 26] = 255
    return images


def write_vision(
    root: Path, dataset: str, variant: str | None = None, *, packed: bool = False, training: int = TRAINING
) -> Path:
    """Writes the four files of MNIST or a relative below a data root, and returns their folder.

    Packed files of MNIST and Fashion-MNIST have not the published checksums, and are refused for that.
    """
    raw, letters = root / FOLDERS[dataset] / "raw", variant == "letters"
    for seed, (stem, count) in enumerate(zip(stems(dataset, variant), (training, TEST), strict=True)):
        labels = np.random.default_rng(seed).permutation(np.arange(count) % (26 if letters else 10))
        ending = ".gz" if packed else ""
        write_idx(raw / f"{stem}-images-idx3-ubyte{ending}", images_of(labels, seed))
        write_idx(raw / f"{stem}-labels-idx1-ubyte{ending}", labels + letters)
    return raw


@cache
def _portrait(number: int, male: bool) -> bytes:
    """A blurred JPEG that is brighter for men; no two are equal."""
    coarse = np.random.default_rng(number).integers(0, 120, size=(11, 9, 3), dtype=np.uint8) + np.uint8(120 * male)
    packed = io.BytesIO()
    Image.fromarray(coarse).resize((178, 218), Image.Resampling.BICUBIC).save(packed, "JPEG", quality=90)
    return packed.getvalue()


def write_celeba(root: Path, count: int = 64) -> Path:
    """Writes a list of attributes and as many JPEG images, two thirds of them of men; returns their folder."""
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    lines = [str(count), "5_o_Clock_Shadow Male Young "]
    for number in range(1, count + 1):
        male = number % 3 > 0
        (folder / "img_align_celeba" / f"{number:06}.jpg").write_bytes(_portrait(number, male))
        lines.append(f"{number:06}.jpg -1 {1 if male else -1:2d}  1")
    (folder / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    return folder

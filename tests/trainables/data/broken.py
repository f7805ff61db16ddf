"""Data that no study must start with: each kind made from good, tiny files, with the options that meet it."""

import gzip
import os
import shutil
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from tests.trainables.data.tiny import stems, write_celeba, write_idx, write_vision
from trainables.config import DataConfig
from trainables.data.glyphs import matplotlib_fonts
from trainables.data.typefaces import bundled

Damage = Callable[[Path], object]
SIZES = ("--n-train", "20", "--n-validation", "10", "--n-test", "5", "--n-attacked", "5")
ALL_OF_CELEBA = ("--n-train", "40", "--n-validation", "17", "--n-test", "7", "--n-attacked", "5")


def data_config(options: list[str]) -> DataConfig:
    """Returns the data that options of the command line select."""
    given = {option[2:].replace("-", "_"): value for option, value in zip(options[::2], options[1::2], strict=True)}
    fonts = given.get("dataset", "fonts") == "fonts"
    root = Path(given.pop("data_root")) if "data_root" in given else None
    source = given.pop("fonts_dir", str(root / "FONTS" / "prototypes.npz" if root and fonts else root))
    numbers = {name: int(value) for name, value in given.items() if name.startswith("n_")}
    known = {field.name for field in fields(DataConfig)}
    return DataConfig(source=source, **{key: value for key, value in (given | numbers).items() if key in known})


# -- the good data ---------------------------------------------------------------------------------------------------


def vision(folder: Path, dataset: str, variant: str | None = None, damage: Damage = Path.iterdir, **how: bool):
    """MNIST or a relative; the damage is done to the folder of its four files."""
    damage(write_vision(folder, dataset, variant, **how))
    chosen = ["--variant", variant] if variant else []
    return ["--dataset", dataset, *chosen, "--data-root", str(folder), *SIZES]


def faces(folder: Path, damage: Damage = Path.exists):
    """Subfolder of fonts, of which there is one."""
    (folder / "fonts").mkdir()
    shutil.copy(matplotlib_fonts() / "cmr10.ttf", folder / "fonts" / "cmr10.ttf")
    damage(folder / "fonts" / "cmr10.ttf")
    return ["--fonts-dir", str(folder / "fonts"), *SIZES]


def prototypes(folder: Path, damage: Damage = Path.exists, **arrays: object):
    (folder / "FONTS").mkdir()
    path = folder / "FONTS" / "prototypes.npz"
    np.savez(path, **{"prototypes": bundled().prototypes, "names": np.array(bundled().names)} | arrays)
    damage(path)
    return ["--data-root", str(folder), *SIZES]


def celeba(folder: Path, damage: Damage = Path.exists):
    """The damage is done to the folder with the list."""
    damage(write_celeba(folder))
    return ["--dataset", "celeba", "--data-root", str(folder), *ALL_OF_CELEBA]


GOOD: dict[str, Callable[[Path], list[str]]] = {
    **{f"fonts: {make.__name__}": make for make in (faces, prototypes)},
    **{name: partial(vision, dataset=name) for name in ("fashion", "mnist", "emnist")},
    "emnist: letters": partial(vision, dataset="emnist", variant="letters"),
    "emnist: packed": partial(vision, dataset="emnist", packed=True),
    "celeba": celeba,
}


# -- what can happen to it -------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-200] + bytes([content[-200] ^ 255]) + content[-199:])


def write(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to_nothing(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def at(name: str, damage: Damage) -> Damage:
    """Damages a file of a folder."""
    return lambda folder: damage(folder / name)


def written(name: str, array: np.ndarray) -> Damage:
    """Puts an idx file of another array there."""
    return at(name, lambda path: write_idx(path, array))


def swapped(one: str, other: str) -> Damage:
    return lambda folder: (folder / one).write_bytes((folder / other).read_bytes())


def edited(old: str, new: str) -> Damage:
    """Edits CelebA's list of attributes."""

    def edit(folder: Path) -> None:
        path = folder / "list_attr_celeba.txt"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return edit


def redrawn(size: tuple[int, int], mode: str, kind: str = "JPEG") -> Damage:
    """Puts another picture in place of one of CelebA's."""
    return at(FACE, lambda path: Image.new(mode, size).save(path, kind))


def blank_letter() -> np.ndarray:
    images = bundled().prototypes.copy()
    images[3, 4] = 0
    return images


TRAIN, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
DIGITS, LETTERS = stems("emnist")[0], stems("emnist", "letters")[0]
PACKED, PACKED_LABELS = f"{DIGITS}-images-idx3-ubyte.gz", f"{DIGITS}-labels-idx1-ubyte.gz"
FACE, LIST = "img_align_celeba/000002.jpg", "list_attr_celeba.txt"

PLAIN: dict[str, Damage] = {
    "training images missing": at(TRAIN, Path.unlink),
    "training labels missing": at(LABELS, Path.unlink),
    "test images missing": at(TEST, Path.unlink),
    "test labels missing": at(TEST_LABELS, Path.unlink),
    "no file at all": lambda raw: [path.unlink() for path in raw.iterdir()],
    "images cut off": at(TRAIN, cut),
    "labels cut off": at(TEST_LABELS, cut),
    "bytes after the end": at(TRAIN, lambda path: path.write_bytes(path.read_bytes() + b"more")),
    "empty file": at(TEST, write(b"")),
    "half a header": at(TRAIN, write(bytes([0, 0, 8, 3, 0, 0]))),
    "text": at(TRAIN, write(b"<html>404 Not Found</html>")),
    "labels for images": swapped(TRAIN, LABELS),
    "images for labels": swapped(LABELS, TRAIN),
    "images of 27x28": written(TRAIN, np.zeros((120, 27, 28))),
    "no images": written(TEST, np.zeros((0, 28, 28))),
    "fewer labels than images": written(LABELS, np.arange(119) % 10),
    "more labels than images": written(TEST_LABELS, np.arange(61) % 10),
    "label 10": written(LABELS, np.arange(120) % 11),
    "folder for a file": at(TRAIN, folder_instead),
    "link to nothing": at(LABELS, link_to_nothing),
}
PACKED_ONES: dict[str, Damage] = {
    "packed images cut off": at(PACKED, cut),
    "packed images with a flipped bit": at(PACKED, flip),
    "packed labels that are no gzip file": at(PACKED_LABELS, write(b"not packed")),
    "packed images without a header": at(PACKED, write(gzip.compress(b""))),
}
CELEBA: dict[str, Damage] = {
    "list missing": at(LIST, Path.unlink),
    "list empty": at(LIST, write(b"")),
    "list is a folder": at(LIST, folder_instead),
    "list is no text": at(LIST, write(bytes(range(256)) * 9)),
    "list has no count": edited("64\n", "many\n"),
    "list has another count": edited("64\n", "65\n"),
    "list cut off": at(LIST, cut),
    "list without Male": edited(" Male ", " Female "),
    "value 0": edited("000002.jpg -1  1", "000002.jpg -1  0"),
    "field missing": edited("000002.jpg -1  1  1", "000002.jpg -1  1"),
    "name twice": edited("000002.jpg", "000003.jpg"),
    "name leads elsewhere": edited("000002.jpg", "../000002.jpg"),
    "no images": at("img_align_celeba", shutil.rmtree),
    "image missing": at(FACE, Path.unlink),
    "image cut off": at(FACE, lambda path: path.write_bytes(path.read_bytes()[:1500])),
    "image empty": at(FACE, write(b"")),
    "image is text": at(FACE, write(b"no picture")),
    "image is a folder": at(FACE, folder_instead),
    "image is a PNG": redrawn((178, 218), "RGB", "PNG"),
    "image of another size": redrawn((218, 178), "RGB"),
    "grey image": redrawn((178, 218), "L"),
}


# -- the table -------------------------------------------------------------------------------------------------------


def whole_celeba(folder: Path) -> list[str]:
    """A list with as many lines as the published one, but other lines."""
    options, rows = celeba(folder), (f"{number:06}.jpg -1" for number in range(1, 202_600))
    (folder / "celeba" / LIST).write_text("\n".join(["202599", "Male", *rows]))
    return options


def absent(folder: Path, options: list[str]) -> list[str]:
    return [*options, "--data-root", str(folder / "absent"), *SIZES]


def a_file(folder: Path, options: list[str]) -> list[str]:
    (folder / "file").write_text("no folder")
    return [*options, "--data-root", str(folder / "file"), *SIZES]


def empty(folder: Path, options: list[str]) -> list[str]:
    return [*options, "--data-root", str(folder), *SIZES]


def too_few(folder: Path, option: str) -> list[str]:
    options = vision(folder, "fashion")
    options[options.index(option) + 1] = "150"
    return options


def no_fonts(folder: Path) -> list[str]:
    (folder / "fonts").mkdir()
    (folder / "fonts" / "OFL.txt").write_text("licence")
    return ["--fonts-dir", str(folder / "fonts"), *SIZES]


DATASETS = ("fonts", "fashion", "mnist", "emnist", "celeba")
BROKEN: dict[str, Callable[[Path], list[str]]] = {
    **{f"{name}: no data root": partial(absent, options=["--dataset", name]) for name in DATASETS},
    **{f"{name}: data root is a file": partial(a_file, options=["--dataset", name]) for name in DATASETS},
    **{f"{name}: data root is empty": partial(empty, options=["--dataset", name]) for name in DATASETS},
    **{f"mnist: {name}": partial(vision, dataset="mnist", damage=damage) for name, damage in PLAIN.items()},
    **{
        f"emnist: {name}": partial(vision, dataset="emnist", damage=damage, packed=True)
        for name, damage in PACKED_ONES.items()
    },
    **{f"{name}: packed with a wrong checksum": partial(vision, dataset=name, packed=True) for name in DATASETS[1:3]},
    "emnist: letters with label 0": partial(
        vision,
        dataset="emnist",
        variant="letters",
        damage=written(f"{LETTERS}-labels-idx1-ubyte", np.arange(120) % 26),
    ),
    "emnist: digits where letters are wanted": lambda folder: [
        *vision(folder, "emnist"),
        "--variant",
        "letters",
    ],
    **{f"celeba: {name}": partial(celeba, damage=damage) for name, damage in CELEBA.items()},
    "celeba: whole list with a wrong checksum": whole_celeba,
    **{
        f"fashion: too few for {option}": partial(too_few, option=option)
        for option in ("--n-train", "--n-validation", "--n-test")
    },
    "fonts: prototypes are text": partial(prototypes, damage=write(b"no archive")),
    "fonts: prototypes cut off": partial(prototypes, damage=cut),
    "fonts: prototypes with a flipped bit": partial(
        prototypes, damage=lambda path: path.write_bytes(path.read_bytes()[:4000] + b"?" + path.read_bytes()[4001:])
    ),
    "fonts: prototypes are a folder": partial(prototypes, damage=folder_instead),
    "fonts: prototypes hold a pickle": partial(prototypes, names=np.array([{}], dtype=object)),
    "fonts: nine letters": partial(prototypes, prototypes=bundled().prototypes[:, :9]),
    "fonts: a blank letter": partial(prototypes, prototypes=blank_letter()),
    "fonts: more faces than names": partial(prototypes, names=np.array(bundled().names[1:])),
    "fonts: a font cut off": partial(faces, damage=lambda path: path.write_bytes(path.read_bytes()[:3000])),
    "fonts: symbols": partial(
        faces, damage=lambda path: path.write_bytes((matplotlib_fonts() / "cmex10.ttf").read_bytes())
    ),
    "fonts: no font in the folder": no_fonts,
}
if os.name != "nt" and os.geteuid() != 0:  # root may read everything
    BROKEN["mnist: no rights to a file"] = partial(
        vision, dataset="mnist", damage=at(TRAIN, lambda path: path.chmod(0))
    )
    BROKEN["mnist: no rights to the folder"] = partial(vision, dataset="mnist", damage=lambda raw: raw.chmod(0))

"""The typefaces of FONTS, from a folder of fonts, a prototypes file, or what matplotlib and Pillow carry.

`python -m trainables.data.typefaces --help` tells how to make a prototypes file.
"""

import argparse
import hashlib
import json
import os
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from trainables.data.glyphs import (
    LETTERS,
    SIDE,
    Glyphs,
    UnusableFaceError,
    matplotlib_fonts,
    render,
    render_file,
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Typefaces:
    """Faces in the order of their names.

    Attributes:
        prototypes: read-only, faces x 10 letters x 28 x 28, white (255) on black (0).
        names: one a face, sorted and distinct.
        dropped: the fonts that gave no face, each with the reason.
    """

    prototypes: Glyphs
    names: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        images, names = self.prototypes, self.names
        shape = (len(LETTERS), SIDE, SIDE)
        if images.dtype != np.uint8 or images.shape[1:] != shape or len(images) == 0:
            raise ValueError(
                f"prototypes are uint8 of shape (faces, {', '.join(map(str, shape))}) with one face or more; "
                f"got {images.dtype} of shape {images.shape}"
            )
        if len(names) != len(images):
            raise ValueError(f"every face has one name; got {len(names)} names for {len(images)} faces")
        for one, other in pairwise(names):
            if one >= other:
                raise ValueError(f"names are sorted and distinct; got {one!r} before {other!r}")
        blank = np.argwhere(~images.any(axis=(2, 3)))
        if len(blank):
            face, letter = blank[0]
            raise ValueError(f"every letter has ink; got a blank {LETTERS[letter]} in {names[face]!r}")
        own = images.copy()
        own.flags.writeable = False
        object.__setattr__(self, "prototypes", own)


def _collect(folder: Path, files: Iterable[Path], built_in: dict[str, Glyphs]) -> Typefaces:
    """Renders files in order and keeps what is usable and not yet there."""
    kept = dict(built_in)
    places = {glyphs.tobytes(): place for place, glyphs in built_in.items()}
    dropped = []
    for file in files:
        place = file.relative_to(folder).as_posix()
        try:
            glyphs = render_file(file)
            if (twin := places.setdefault(glyphs.tobytes(), place)) != place:
                raise UnusableFaceError(f"it is the same as {twin}")
            kept[place] = glyphs
        except UnusableFaceError as reason:
            dropped.append((place, str(reason)))
    if not kept:
        raise ValueError(
            f"a folder of typefaces holds a usable one; got {len(dropped)} unusable in {folder}, the first "
            f"being {dropped[0][0]}: {dropped[0][1]}"
        )
    return _named(kept, tuple(dropped))


def _named(kept: dict[str, Glyphs], dropped: tuple[tuple[str, str], ...]) -> Typefaces:
    """Names faces after their files, or by their paths where several files have that name."""
    stems = Counter(Path(place).stem for place in kept)
    named = {place if stems[stem := Path(place).stem] > 1 else stem: glyphs for place, glyphs in kept.items()}
    names = tuple(sorted(named))
    return Typefaces(prototypes=np.stack([named[name] for name in names]), names=names, dropped=dropped)


def _font_files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.suffix.lower() in (".ttf", ".otf") and path.is_file()]
    return sorted(files, key=lambda path: (path.stem, path.as_posix()))


def render_folder(folder: Path, watch: Callable[[Sequence[Path]], Iterable[Path]] = lambda files: files) -> Typefaces:
    """Renders every .ttf and .otf below a folder, such as a google/fonts checkout.

    A face is named after its file, or by its path where several files have that name; variable fonts give their
    default instance. `watch` sees the files go by, for a progress bar.

    Raises:
        ValueError: if there is no usable font.
    """
    files = _font_files(folder)
    if not files:
        raise ValueError(f"a folder of typefaces holds .ttf or .otf files; got {folder} without any")
    return _collect(folder, watch(files), {})


@lru_cache(maxsize=1)
def bundled() -> Typefaces:
    """Returns the 24 faces that matplotlib and Pillow carry, so that FONTS needs no file."""
    built_in = ImageFont.load_default(size=64)
    if not isinstance(built_in, ImageFont.FreeTypeFont):
        raise ValueError("FONTS needs a Pillow with FreeType; got one without: install Pillow's wheel")
    folder = matplotlib_fonts()
    return _collect(folder, _font_files(folder), {built_in.getname()[0] or "Aileron": render(built_in)})


def fingerprint(faces: Typefaces) -> str:
    """Returns the SHA-256 of all names and pixels, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(faces.names).encode() + faces.prototypes.tobytes()).hexdigest()


def save_prototypes(faces: Typefaces, path: Path) -> None:
    """Writes a prototypes file: all of it or none, and the same bytes for the same faces."""
    partial_file = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with partial_file.open("wb") as stream:
            np.savez_compressed(stream, prototypes=faces.prototypes, names=np.array(faces.names))
        partial_file.replace(path)
    finally:
        partial_file.unlink(missing_ok=True)


def load_prototypes(path: Path) -> Typefaces:
    """Reads a prototypes file.

    Raises:
        ValueError: if it is missing or damaged, with how to make it again.
    """
    try:
        arrays = _read_arrays(path)
        if not arrays.keys() >= {"prototypes", "names"}:
            raise ValueError(f"it holds `prototypes` and `names`; got {sorted(arrays)}")
        names = arrays["names"]
        if names.dtype.kind != "U" or names.ndim != 1:
            raise ValueError(f"names are one row of text; got {names.dtype} of shape {names.shape}")
        return Typefaces(prototypes=arrays["prototypes"], names=tuple(names.tolist()))
    except ValueError as fault:
        raise ValueError(
            f"{path} must be a prototypes file of FONTS: {fault}; make it again with "
            f"`python -m trainables.data.typefaces --fonts-dir DIR --out {path} --force`"
        ) from fault


# What a damaged archive raises depends on which byte is wrong.
_DAMAGE = (ValueError, EOFError, KeyError, TypeError, NotImplementedError, MemoryError, RuntimeError, SyntaxError)


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise zipfile.BadZipFile("no archive, or only the beginning of one")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
    except OSError as error:
        raise ValueError(f"it can be read; got {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"it is a whole .npz archive; got {error}") from error
    except _DAMAGE as error:
        raise ValueError(f"it holds plain arrays; got what numpy cannot read ({type(error).__name__})") from error


def typefaces(source: str | None) -> Typefaces:
    """Returns the faces of a source, read once a process.

    Args:
        source: a prototypes file, a folder with FONTS/prototypes.npz, or one of fonts; None is the bundled.

    Raises:
        ValueError: if the source is none of these, or damaged.
    """
    if source is None:
        return bundled()
    path = Path(source).expanduser().resolve()
    inside = path / "FONTS" / "prototypes.npz"
    path = inside if inside.is_file() else path
    return _read_once(path, path.stat().st_mtime_ns if path.exists() else 0)


@lru_cache(maxsize=4)
def _read_once(path: Path, _changed: int) -> Typefaces:  # a file that changed is another one
    if path.suffix == ".npz":
        return load_prototypes(path)
    if not _font_files(path):
        raise ValueError(
            "typefaces come from an .npz file, a folder with FONTS/prototypes.npz, or one of .ttf and .otf files; "
            f"got {path}, which is none of them"
        )
    return render_folder(path)


class _OneLineParser(argparse.ArgumentParser):
    """Says in one line what is wrong; the usage is in --help."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{message} (see --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="python -m trainables.data.typefaces",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=(
            "Renders the letters A to J of all typefaces in a folder into one file to train on.\n"
            "Every letter becomes 28x28 pixels, white on black, centred by its ink; a face has one scale,\n"
            "its tallest letter being at most 19 px and its widest at most 22 px. Faces that lack a letter,\n"
            "draw symbols instead, or equal another face are dropped, and the reasons counted."
        ),
        epilog=(
            "example:\n"
            "  git clone --depth 1 https://github.com/google/fonts\n"
            "  python -m trainables.data.typefaces --fonts-dir fonts --out data/FONTS/prototypes.npz\n"
            "  python -m study.launch --space tradeoff --data-root data\n\n"
            "exit status: 0 written; 2 something given is wrong, and nothing was written"
        ),
    )
    parser.add_argument("--fonts-dir", type=Path, required=True, metavar="DIR", help="searched for .ttf and .otf")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz", help="the file to write")
    parser.add_argument("--force", action="store_true", help="overwrite the file if it exists")
    return parser


def _check(fonts_dir: Path, out: Path, force: bool) -> None:
    if not fonts_dir.is_dir():
        raise ValueError(f"--fonts-dir is a folder; got {fonts_dir}, which is not")
    if out.suffix != ".npz" or not out.parent.is_dir():
        raise ValueError(f"--out is an .npz file in a folder that exists; got {out}")
    if out.exists() and not force:
        raise ValueError(f"--out is a new file, or comes with --force; got {out}, which exists")


def _print_summary(faces: Typefaces, out: Path) -> None:
    print(f"{len(faces.names)} typefaces kept, {len(faces.dropped)} dropped: {out}")
    reasons = Counter(reason.partition(" (")[0].partition(" as ")[0] for _, reason in faces.dropped)
    for reason, count in reasons.most_common():
        print(f"{count:6d} dropped: {reason}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes a prototypes file; returns the exit status."""
    from rich.console import Console  # here, because trials read typefaces too, and show nothing
    from rich.progress import track

    options = _parser().parse_args(arguments)
    console = Console(stderr=True)
    watch = partial(track, description="Rendering", console=console, transient=True, disable=not console.is_terminal)
    try:
        _check(options.fonts_dir, options.out, options.force)
        faces = render_folder(options.fonts_dir, watch)
        save_prototypes(faces, options.out)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    _print_summary(faces, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())

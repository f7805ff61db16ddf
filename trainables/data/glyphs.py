"""The recipe of FONTS: one font to the letters A to J, as images of 28x28 pixels.

Stutz, Hein and Schiele, "Disentangling Adversarial Robustness and Generalization", CVPR 2019, arXiv 1812.00740,
supplementary material, "FONTS". Unlike the authors' code, which draws at 21 px and places all by the offset of "A",
a face has one scale and every letter is centred by its ink: a transformation then turns and scales every letter
about its own middle.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

LETTERS = "ABCDEFGHIJ"
SIDE = 28
TALLEST, WIDEST = 19, 22

# Letters are drawn eight times too large and averaged down: scale and centre are then exact to an eighth of a
# pixel, and hinting has no say. Anti-aliasing spreads a letter that is 19 px tall over up to 20 rows.
OVERSAMPLING = 8

# A glyph must look less like at least this fraction of the other letters than like its own, on average over a
# face. Of 1000 Google faces the least legible script reaches 0.69; symbols in place of letters reach 0.5 on
# average, and one such face in 20 passes.
LEGIBLE = 2 / 3
ORDINARY_FACES = (
    *(f"DejaVu{family}{style}" for family in ("Sans", "SansMono") for style in
      ("", "-Bold", "-Oblique", "-BoldOblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-Italic", "-BoldItalic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "Italic", "BolIta")),
    *("cmb10", "cmmi10", "cmr10", "cmss10", "cmti10", "cmtt10"),
)  # fmt: skip

Glyphs = NDArray[np.uint8]


class UnusableFaceError(ValueError):
    """A font that gives no ten letters; its message is the reason."""


def _ink(font: ImageFont.FreeTypeFont, letter: str) -> Image.Image:
    """Draws a letter and crops it to its ink, since FreeType's own box includes the advance."""
    left, top, right, bottom = font.getbbox(letter)
    width, height = int(right - left) + 2, int(bottom - top) + 2
    if max(width, height) > 100 * SIDE:
        raise UnusableFaceError(f"its {letter} is larger than any letter")
    canvas = Image.new("L", (width, height))
    ImageDraw.Draw(canvas).text((1 - left, 1 - top), letter, fill=255, font=font)
    box = canvas.getbbox()
    if box is None:
        raise UnusableFaceError(f"its {letter} is blank")
    return canvas.crop(box)


def _letters(font: ImageFont.FreeTypeFont, size: int) -> list[Image.Image]:
    # The basic layout, because what else Pillow can lay out with depends on the machine.
    sized = font.font_variant(size=max(size, 1), layout_engine=ImageFont.Layout.BASIC)
    return [_ink(sized, letter) for letter in LETTERS]


def room(letters: list[Image.Image]) -> float:
    """Returns by how much these letters could grow; below 1 they are too large."""
    height = max(letter.height for letter in letters)
    width = max(letter.width for letter in letters)
    return min(TALLEST * OVERSAMPLING / height, WIDEST * OVERSAMPLING / width)


def largest_letters(font: ImageFont.FreeTypeFont) -> list[Image.Image]:
    """Returns the letters' ink, oversampled, at the largest size of which all of them fit."""
    size = 64
    for _ in range(2):
        size = int(size * room(_letters(font, size)))
    for candidate in range(size + 2, size - 8, -1):
        letters = _letters(font, candidate)
        if room(letters) >= 1:
            return letters
    raise UnusableFaceError("its letters do not grow with their size")


def render(font: ImageFont.FreeTypeFont) -> Glyphs:
    """Draws a face's ten letters, each centred by its ink.

    Raises:
        UnusableFaceError: if a letter is blank, or two are the same.
    """
    large = SIDE * OVERSAMPLING
    glyphs = np.empty((len(LETTERS), SIDE, SIDE), dtype=np.uint8)
    for index, ink in enumerate(largest_letters(font)):
        canvas = Image.new("L", (large, large))
        canvas.paste(ink, ((large - ink.width) // 2, (large - ink.height) // 2))
        glyphs[index] = np.asarray(canvas.reduce(OVERSAMPLING))
        if not glyphs[index].any():
            raise UnusableFaceError(f"its {LETTERS[index]} is too fine to be seen")
    if len({glyph.tobytes() for glyph in glyphs}) < len(LETTERS):
        raise UnusableFaceError("its letters are not all distinct")
    return glyphs


def _features(glyphs: Glyphs) -> NDArray[np.float64]:
    """Returns a centred vector of length one for each glyph, its ink stretched over a fixed square."""
    boxes = [Image.fromarray(glyph) for glyph in glyphs]
    squares = [box.crop(box.getbbox()).resize((14, 14), Image.Resampling.BOX) for box in boxes]
    vectors = np.stack([np.asarray(square, dtype=np.float64).ravel() for square in squares])
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths: NDArray[np.float64] = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-9)  # a full square has length zero


def matplotlib_fonts() -> Path:
    """Returns the folder of the fonts that matplotlib carries."""
    import matplotlib  # here, because only those who render need it

    return Path(matplotlib.get_data_path(), "fonts", "ttf")


@lru_cache(maxsize=1)
def _ordinary_features() -> NDArray[np.float64]:
    """Returns the features of ordinary faces, faces x letters x features."""
    folder = matplotlib_fonts()
    fonts = [ImageFont.truetype(folder / f"{name}.ttf", 64) for name in ORDINARY_FACES]
    return np.stack([_features(render(font)) for font in fonts])


def legibility(glyphs: Glyphs) -> float:
    """Returns the fraction of other letters that a face's glyphs look less like than their own.

    Likeness is the correlation with the most alike of the ordinary faces; 1 is a clear hand, 0.5 is chance.
    """
    alike = np.einsum("gf,olf->gol", _features(glyphs), _ordinary_features()).max(axis=1)
    alike -= alike.mean(axis=0)  # some letters look like everything
    return float((alike < np.diag(alike)[:, None]).sum() / (len(LETTERS) * (len(LETTERS) - 1)))


def render_file(font_file: Path) -> Glyphs:
    """Renders a font file; whatever makes it unusable is an UnusableFaceError."""
    try:
        glyphs = render(ImageFont.truetype(font_file, 64))
    except UnusableFaceError:
        raise
    except (OSError, ValueError, MemoryError) as error:
        raise UnusableFaceError(f"it cannot be read ({error})") from error
    if (score := legibility(glyphs)) < LEGIBLE:
        raise UnusableFaceError(f"it does not draw letters (legibility {score:.2f}, must be {LEGIBLE:.2f})")
    return glyphs

import numpy as np
import pytest
from PIL import Image, ImageFont

from trainables.data import glyphs as recipe
from trainables.data.glyphs import LEGIBLE, OVERSAMPLING, SIDE, UnusableFaceError, matplotlib_fonts
from trainables.data.typefaces import bundled, typefaces

FONTS = matplotlib_fonts()


def margins(images, axis):
    """Empty pixels before and after the ink along an axis of (..., rows, columns)."""
    inked = images.any(axis=axis)
    return inked.argmax(axis=-1), inked[..., ::-1].argmax(axis=-1)


def extent(images, axis):
    """Length of the ink in pixels, a partly covered row or column counting in part."""
    return (images / 255).max(axis=axis).sum(axis=-1).max(axis=-1)


@pytest.mark.parametrize("name", ["DejaVuSans", "DejaVuSansMono-BoldOblique", "STIXGeneralItalic", "cmsy10"])
def test_a_face_is_as_large_as_19_rows_and_22_columns_allow(name):
    letters = recipe.largest_letters(ImageFont.truetype(FONTS / f"{name}.ttf", 64))

    height, width = max(ink.height for ink in letters), max(ink.width for ink in letters)

    assert height <= 19 * OVERSAMPLING
    assert width <= 22 * OVERSAMPLING
    assert height >= 19 * OVERSAMPLING - 2 or width >= 22 * OVERSAMPLING - 2


@pytest.mark.parametrize(("width", "height"), [(176, 10), (10, 152)])
def test_one_more_column_or_row_would_not_fit(width, height):
    assert recipe.room([Image.new("L", (width, height))]) == 1
    assert recipe.room([Image.new("L", (width + 1, height + 1))]) < 1


def test_the_scale_does_not_depend_on_the_size_a_font_was_opened_at():
    small, large = (ImageFont.truetype(FONTS / "cmr10.ttf", size) for size in (8, 300))

    assert np.array_equal(recipe.render(small), recipe.render(large))


def test_averaged_down_the_ink_still_covers_at_most_19_rows_and_22_columns():
    heights, widths = (extent(bundled().prototypes, axis) for axis in (-1, -2))

    assert 18 < heights.min() <= heights.max() <= 19
    assert widths.max() <= 22


@pytest.mark.parametrize("axis", [-1, -2])
def test_every_letter_is_centred_by_its_ink(axis):
    before, after = margins(bundled().prototypes, axis)

    assert np.abs(before - after).max() <= 1


def test_letters_are_white_on_black_and_antialiased():
    images = bundled().prototypes

    assert (images.max(axis=(2, 3)) > 200).mean() > 0.95
    assert not images[..., [0, 1, -2, -1], :].any()
    assert 0.05 < ((images > 0) & (images < 255)).mean() < 0.2


def test_letters_that_are_out_of_place_are_not_legible():
    face = recipe.render(ImageFont.truetype(FONTS / "DejaVuSans.ttf", 64))

    assert recipe.legibility(face) > 0.95
    assert recipe.legibility(np.roll(face, 1, axis=0)) < LEGIBLE


def test_calligraphy_is_legible_and_brackets_are_not():
    calligraphic, brackets = (recipe.render(ImageFont.truetype(FONTS / f"{n}.ttf", 64)) for n in ("cmsy10", "cmex10"))

    assert recipe.legibility(calligraphic) > 0.9
    assert recipe.legibility(brackets) < 0.55


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("cmex10", "does not draw letters"),
        ("STIXSizOneSymReg", "its A is blank"),
        ("LastResortHE-Regular", "not all distinct"),
        ("absent", "cannot be read"),
    ],
)
def test_an_unusable_font_says_why(file, reason):
    with pytest.raises(UnusableFaceError, match=reason):
        recipe.render_file(FONTS / f"{file}.ttf")


@pytest.mark.data
def test_the_example_faces_have_the_same_ink_as_the_bundled_ones(data_root):
    examples, own = typefaces(str(data_root)).prototypes, bundled().prototypes

    assert examples.shape[1:] == own.shape[1:] == (10, SIDE, SIDE)
    assert np.median(extent(examples, axis=-1)) == pytest.approx(np.median(extent(own, axis=-1)), abs=0.3)
    assert examples.mean() == pytest.approx(own.mean(), rel=0.1)
    assert (examples > 0).any(axis=-1).sum(axis=-1).max() == (own > 0).any(axis=-1).sum(axis=-1).max()


@pytest.mark.data
def test_the_least_legible_example_face_still_draws_letters(data_root):
    least = min(recipe.legibility(face) for face in typefaces(str(data_root)).prototypes)

    assert least == pytest.approx(0.69, abs=0.01)
    assert least > LEGIBLE

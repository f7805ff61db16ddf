from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from trainables.config import DataConfig
from trainables.data.fonts import FontSplit, make_splits
from trainables.data.ranges import FONT_RANGES
from trainables.data.split import Split, Splits
from trainables.manifolds.affine import Warp, affine_matrix
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Code
from trainables.seeding import stream

FACES = 7
IDENTITY = torch.tensor([[0.0, 0, 0, 0, 1, 0]])


@pytest.fixture(scope="module")
def manifold() -> FontManifold:
    prototypes = torch.randint(0, 256, (FACES, 10, 28, 28), generator=stream(0, "p"), dtype=torch.uint8)
    return FontManifold(prototypes, Warp(FONT_RANGES["hard"], 28, 28))


class Photographs(Split):
    labels = torch.zeros(3, dtype=torch.long)

    def images(self, indices: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(indices), 1, 28, 28)


def splits(manifold: FontManifold, **changes: object) -> Splits:
    sizes = {"n_train": 200, "n_validation": 300, "n_test": 100}
    return make_splits(DataConfig(**(sizes | changes)), FACES, manifold.render)


def test_identity_gives_the_prototype(manifold: FontManifold) -> None:
    image = manifold.decode(Code(IDENTITY, torch.tensor([[3, 4]])))

    torch.testing.assert_close(image[0, 0], manifold.prototypes[3, 4] / 255, atol=1e-5, rtol=0)


def test_matrix_is_the_papers() -> None:
    t_x, t_y, l_x, l_y, s, r = theta = [0.1, -0.2, 0.3, -0.4, 0.9, 0.7]
    c, n = np.cos(r), np.sin(r)
    expected = [[c * s - n * s * l_x, -n * s + c * s * l_x, t_x], [c * s * l_y + n * s, -n * s * l_y + c * s, t_y]]

    np.testing.assert_allclose(affine_matrix(torch.tensor([theta], dtype=torch.float64))[0], expected)


def test_translation_moves_by_pixels_and_leaves_black_behind(manifold: FontManifold) -> None:
    """A shift of 2/27 is one pixel: the matrix maps output to input, with corners at -1 and 1."""
    theta = torch.tensor([[2 / 27, 0.0, 0, 0, 1, 0]], dtype=torch.float64)
    image = manifold.decode(Code(theta, torch.tensor([[0, 0]])))[0, 0]

    torch.testing.assert_close(image[:, :-1], manifold.prototypes[0, 0][:, 1:].double() / 255, atol=1e-6, rtol=0)
    torch.testing.assert_close(image[:, -1], torch.zeros(28, dtype=torch.float64), atol=1e-6, rtol=0)


def test_a_small_scale_enlarges_the_letter() -> None:
    square = torch.zeros(1, 10, 28, 28, dtype=torch.uint8)
    square[:, :, 10:18, 10:18] = 255
    manifold = FontManifold(square, Warp(FONT_RANGES["hard"], 28, 28))
    theta = IDENTITY.clone()
    theta[0, 4] = 0.75

    grown = manifold.decode(Code(theta, torch.tensor([[0, 0]]))).sum() / (square[0, 0].sum() / 255)

    assert grown.item() == pytest.approx(1 / 0.75**2, rel=0.05)


def test_gradients_agree_with_finite_differences() -> None:
    smooth = (127 * (1 + torch.sin(torch.linspace(0, 6, 28)))).to(torch.uint8)
    manifold = FontManifold(smooth[:, None].expand(28, 28).expand(1, 10, 28, 28), Warp(FONT_RANGES["hard"], 28, 28))
    theta = torch.tensor([[0.05, -0.03, 0.1, 0.2, 0.9, 0.3]], dtype=torch.float64, requires_grad=True)

    assert gradcheck(
        lambda free: manifold.decode(Code(free, torch.tensor([[0, 2]])))[0, 0, 10:14, 12:15], theta, eps=1e-7
    )


@pytest.mark.parametrize("variant", ["easy", "moderate", "hard"])
def test_thetas_fill_their_ranges_and_codes_decode_to_images(manifold: FontManifold, variant: str) -> None:
    low, high = FONT_RANGES[variant].box()
    split = splits(manifold, variant=variant, n_train=5000).train
    indices = torch.arange(len(split))
    code = manifold.codes(split, indices)

    assert (code.free >= low).all()
    assert (code.free <= high).all()
    torch.testing.assert_close(code.free.amin(0), low, atol=2e-3, rtol=0)
    torch.testing.assert_close(code.free.amax(0), high, atol=2e-3, rtol=0)
    assert torch.equal(manifold.decode(code), split.images(indices))


def test_splits_are_disjoint_and_come_from_the_seed(manifold: FontManifold) -> None:
    first, again, other = splits(manifold), splits(manifold), splits(manifold, seed=1)
    rows = [tuple(row) for split in (first.train, first.validation, first.test) for row in split.theta.tolist()]

    assert len(set(rows)) == len(rows) == 600
    assert torch.equal(first.test.theta, again.test.theta)
    assert not torch.equal(first.test.theta, other.test.theta)


@pytest.mark.parametrize("prefix", [10, 70, 140, 300])
def test_every_prefix_is_balanced_over_letters_and_spread_over_faces(manifold: FontManifold, prefix: int) -> None:
    glyphs = splits(manifold).validation.glyphs[:prefix]
    counts = torch.zeros(FACES, 10).index_put((glyphs[:, 0], glyphs[:, 1]), torch.ones(prefix), accumulate=True)

    assert (counts.sum(0) == prefix // 10).all()
    assert (counts.amax(0) - counts.amin(0)).max() <= 1


def test_first_takes_all_letters_of_the_first_faces(manifold: FontManifold) -> None:
    glyphs = splits(manifold, subset="first", n_train=30).train.glyphs

    assert len(glyphs[:, 0].unique()) == 3
    assert torch.equal(glyphs[:, 0], glyphs[:, 0].reshape(3, 10)[:, :1].expand(3, 10).flatten())
    assert torch.equal(glyphs[:, 1], torch.arange(30) % 10)


def test_a_larger_training_set_repeats_faces_under_new_transformations(manifold: FontManifold) -> None:
    split = splits(manifold, subset="first", n_train=140).train

    assert torch.equal(split.glyphs[:70], split.glyphs[70:])
    assert not torch.equal(split.theta[:70], split.theta[70:])


@pytest.mark.parametrize("subset", ["random", "first"])
def test_a_larger_training_set_begins_with_the_smaller_one(manifold: FontManifold, subset: str) -> None:
    sizes = [10 * FACES - 3, 10 * FACES + 7, 50 * FACES, 130 * FACES]
    every = [splits(manifold, n_train=size, subset=subset).train for size in sizes]

    for few, more in pairwise(every):
        assert isinstance(few, FontSplit)
        assert isinstance(more, FontSplit)
        assert torch.equal(few.theta, more.theta[: len(few)])
        assert torch.equal(few.glyphs, more.glyphs[: len(few)])


def test_the_box_holds_what_is_clamped(manifold: FontManifold) -> None:
    clamped = manifold.clamp(torch.full((1, 6), 9.0))

    torch.testing.assert_close(clamped[0], manifold.warp.high)


def test_only_fonts_lie_on_this_manifold(manifold: FontManifold) -> None:
    with pytest.raises(TypeError, match="FONTS"):
        manifold.codes(Photographs(), torch.arange(3))


def test_digest_tells_manifolds_apart(manifold: FontManifold) -> None:
    same = FontManifold(manifold.prototypes.clone(), Warp(FONT_RANGES["hard"], 28, 28))
    easier = FontManifold(manifold.prototypes, Warp(FONT_RANGES["easy"], 28, 28))

    assert manifold.digest() == same.digest()
    assert manifold.digest() != easier.digest()


def test_images_are_made_on_the_fly(manifold: FontManifold) -> None:
    split = splits(manifold).train

    assert isinstance(split, FontSplit)
    assert not any(getattr(split, name).numel() > 1200 for name in ("theta", "glyphs", "labels"))

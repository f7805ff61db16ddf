"""Affine transformations of images; the suite of all threats is in tests/contracts."""

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as TF

from trainables.data.ranges import FONT_RANGES, IMAGE_RANGES
from trainables.data.split import Split
from trainables.manifolds.affine import IDENTITY, AffineManifold, Warp
from trainables.manifolds.manifold import Code
from trainables.seeding import stream

SHAPES = [(1, 28, 28), (3, 56, 48)]


class Noise(Split):
    """Images that no transformation leaves unchanged."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.stock = torch.rand(5, *shape, generator=stream(0, "noise"))
        self.labels = torch.arange(5)

    def images(self, indices: Tensor) -> Tensor:
        return self.stock[indices]


def moved(image: Tensor, **changes: float) -> Tensor:
    names = ("t_x", "t_y", "shear_x", "shear_y", "scale", "rotation")
    theta = dict(zip(names, IDENTITY, strict=True)) | changes
    manifold = AffineManifold(Warp(FONT_RANGES["hard"], *image.shape[2:]))
    return manifold.decode(Code(torch.tensor([list(theta.values())], dtype=image.dtype), image))


@pytest.mark.parametrize("shape", SHAPES)
def test_codes_stand_at_the_identity_and_decode_to_the_images(shape: tuple[int, int, int]) -> None:
    manifold, split, some = AffineManifold(Warp(IMAGE_RANGES, *shape[1:])), Noise(shape), torch.tensor([3, 1])
    code = manifold.codes(split, some)

    assert code.free.tolist() == [list(IDENTITY)] * 2
    torch.testing.assert_close(manifold.decode(code), split.images(some), atol=1e-5, rtol=0)


def test_all_channels_move_by_the_same_pixels() -> None:
    image = Noise((3, 56, 48)).stock[:1]
    shifted = moved(image, t_x=2 / 47 * 3)  # three pixels of 48; the outermost lie at -1 and 1

    torch.testing.assert_close(shifted[..., :-3], image[..., 3:], atol=1e-4, rtol=0)


def test_a_rotation_is_torchvisions() -> None:
    """Another implementation, on an odd grid, whose centre both agree on."""
    grid = torch.linspace(-1, 1, 29)
    blob = torch.exp(-8 * ((grid[:, None] - 0.3) ** 2 + 2 * grid**2))[None, None]
    angle = 20.0
    theirs = TF.rotate(blob, angle, interpolation=TF.InterpolationMode.BILINEAR)
    ours = moved(blob, rotation=torch.tensor(angle).deg2rad().item())

    torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=0)


@pytest.mark.parametrize(("dimension", "low", "high"), [(0, -0.15, 0.15), (2, -0.2, 0.2), (4, 0.85, 1.15)])
def test_the_box_of_images_is_the_papers(dimension: int, low: float, high: float) -> None:
    warp = Warp(IMAGE_RANGES, 28, 28)

    assert warp.clamp(torch.full((1, 6), -9.0))[0, dimension].item() == pytest.approx(low, abs=1e-5)
    assert warp.clamp(torch.full((1, 6), 9.0))[0, dimension].item() == pytest.approx(high, abs=1e-5)


def test_digests_tell_ranges_apart() -> None:
    digests = {AffineManifold(Warp(ranges, 28, 28)).digest() for ranges in (*FONT_RANGES.values(), IMAGE_RANGES)}

    assert len(digests) == 4


def test_a_code_is_decoded_in_its_own_precision() -> None:
    image = Noise((1, 28, 28)).stock[:1]
    theta = torch.tensor([[0.1, -0.05, 0.02, 0, 1.1, 0.3]])
    manifold = AffineManifold(Warp(IMAGE_RANGES, 28, 28))

    precise = manifold.decode(Code(theta.double(), image))

    assert precise.dtype == torch.float64
    torch.testing.assert_close(precise.float(), manifold.decode(Code(theta, image)), atol=1e-4, rtol=0)

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from trainables.data.ranges import FONT_RANGES, IMAGE_RANGES
from trainables.geometry import NORMS, Norm
from trainables.manifolds.affine import IDENTITY, AffineManifold, Warp
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Code
from trainables.seeding import stream
from trainables.threats.manifold import ManifoldThreat
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

BATCH = 6
MakeThreat = Callable[[float], Threat]


@pytest.fixture(params=["linf", "l2"])
def norm(request: pytest.FixtureRequest) -> Norm:
    return NORMS[request.param]


@pytest.fixture(scope="session")
def blobs() -> Tensor:
    """Four faces of ten smooth blobs: prototypes that need no file."""
    grid = torch.linspace(-1, 1, 28)
    centres = (torch.rand(4, 10, 2, generator=stream(0, "blobs")) - 0.5)[..., None, None]
    distance = (grid[:, None] - centres[:, :, 0]) ** 2 + (grid[None, :] - centres[:, :, 1]) ** 2
    return (255 * torch.exp(-6 * distance)).to(torch.uint8)


@pytest.fixture(scope="session")
def manifold(blobs: Tensor) -> FontManifold:
    return FontManifold(blobs, Warp(FONT_RANGES["hard"], 28, 28))


@pytest.fixture(scope="session")
def code(manifold: FontManifold) -> Code:
    rng = stream(0, "codes")
    low, high = manifold.warp.low, manifold.warp.high
    theta = low + (high - low) * torch.rand(BATCH, 6, generator=rng)
    glyphs = torch.stack([torch.arange(BATCH) % 4, torch.arange(BATCH)], dim=1)
    return Code(theta.double(), glyphs)


def colour_images() -> Tensor:
    """Six smooth images of three channels, higher than wide."""
    coarse = torch.rand(BATCH, 3, 7, 6, generator=stream(0, "colours"), dtype=torch.float64)
    return torch.nn.functional.interpolate(coarse, (56, 48), mode="bilinear", align_corners=True)


@pytest.fixture(params=["pixel", "colour pixel", "manifold", "affine", "colour affine"])
def make_threat(request: pytest.FixtureRequest, norm: Norm, manifold: FontManifold, code: Code) -> MakeThreat:
    """Makes a threat on six examples at a radius."""
    grey = torch.rand(BATCH, 1, 28, 28, generator=stream(0, "images"), dtype=torch.float64)
    images = colour_images() if "colour" in request.param else grey
    if "pixel" in request.param:
        return lambda radius: PixelThreat(images, norm, torch.tensor(radius, dtype=torch.float64))
    if request.param == "manifold":
        return lambda radius: ManifoldThreat(manifold, code, norm, torch.tensor(radius, dtype=torch.float64))
    affine = AffineManifold(Warp(IMAGE_RANGES, *images.shape[2:]))
    upright = Code(torch.tensor(IDENTITY, dtype=torch.float64).repeat(BATCH, 1), images)
    return lambda radius: ManifoldThreat(affine, upright, norm, torch.tensor(radius, dtype=torch.float64))


def starting_point(threat: Threat, seed: int = 0) -> Tensor:
    rng = stream(seed, "start")
    gaussian = torch.randn(threat.anchor.shape, generator=rng, dtype=torch.float64)
    return threat.start(gaussian, torch.rand(len(gaussian), generator=rng, dtype=torch.float64))

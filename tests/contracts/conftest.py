from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from trainables.data.ranges import FONT_RANGES, IMAGE_RANGES
from trainables.geometry import NORMS, Norm
from trainables.manifolds.affine import IDENTITY, AffineManifold, Warp
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.learned import LearnedManifold
from trainables.manifolds.manifold import Code
from trainables.manifolds.vaegan.networks import Networks
from trainables.seeding import stream
from trainables.threats.manifold import ManifoldThreat
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

BATCH = 6
LEARNED_BOX = (-0.5, 0.6)
MakeThreat = Callable[[float | Tensor], Threat]


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


@pytest.fixture(scope="session")
def learned() -> LearnedManifold:
    """Ten untrained models whose images depend on their codes."""
    networks = Networks(image_shape=(1, 28, 28), latent=5, width=1 / 16)
    models = [networks.initialise(stream(each, "learned"), judging=False) for each in range(10)]
    weights = {name: torch.stack([params[name] for params, _ in models]) for name in models[0][0]}
    stats = {name: torch.stack([known[name] for _, known in models]) for name in models[0][1]}
    louder = {name: 300 * values if "conv" in name or "linear" in name else values for name, values in weights.items()}
    box = {name: torch.full((5,), bound) for name, bound in zip(("box.low", "box.high"), LEARNED_BOX, strict=True)}
    return LearnedManifold(networks, louder | stats | box, agnostic=False, box="minmax")


def colour_images() -> Tensor:
    """Six smooth images of three channels, higher than wide."""
    coarse = torch.rand(BATCH, 3, 7, 6, generator=stream(0, "colours"), dtype=torch.float64)
    return torch.nn.functional.interpolate(coarse, (56, 48), mode="bilinear", align_corners=True)


@pytest.fixture(params=["pixel", "colour pixel", "manifold", "learned", "affine", "colour affine"])
def make_threat(
    request: pytest.FixtureRequest, norm: Norm, manifold: FontManifold, code: Code, learned: LearnedManifold
) -> MakeThreat:
    """Makes a threat on six examples at a radius, or at one for each."""
    grey = torch.rand(BATCH, 1, 28, 28, generator=stream(0, "images"), dtype=torch.float64)
    images = colour_images() if "colour" in request.param else grey
    if "pixel" in request.param:
        return lambda radius: PixelThreat(images, norm, torch.as_tensor(radius, dtype=torch.float64))
    if request.param == "manifold":
        return lambda radius: ManifoldThreat(manifold, code, norm, torch.as_tensor(radius, dtype=torch.float64))
    if request.param == "learned":
        spread = torch.linspace(*LEARNED_BOX, BATCH * 5, dtype=torch.float64).reshape(BATCH, 5)
        mixed = Code(spread, torch.tensor([3, 0, 3, 9, 1, 0]))
        return lambda radius: ManifoldThreat(learned, mixed, norm, torch.as_tensor(radius, dtype=torch.float64))
    affine = AffineManifold(Warp(IMAGE_RANGES, *images.shape[2:]))
    upright = Code(torch.tensor(IDENTITY, dtype=torch.float64).repeat(BATCH, 1), images)
    return lambda radius: ManifoldThreat(affine, upright, norm, torch.as_tensor(radius, dtype=torch.float64))


def latent_range(threat: Threat) -> tuple[Tensor | float, Tensor | float]:
    """Returns what pixels, or a code's numbers, must lie between."""
    if isinstance(threat, PixelThreat):
        return 0.0, 1.0
    manifold = threat.manifold
    return LEARNED_BOX if isinstance(manifold, LearnedManifold) else (manifold.warp.low, manifold.warp.high)


def starting_point(threat: Threat, seed: int = 0) -> Tensor:
    rng = stream(seed, "start")
    gaussian = torch.randn(threat.anchor.shape, generator=rng, dtype=torch.float64)
    return threat.start(gaussian, torch.rand(len(gaussian), generator=rng, dtype=torch.float64))

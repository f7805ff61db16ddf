"""The nearest image of a manifold, by damped Gauss-Newton steps: a code is a few numbers."""

from collections.abc import Callable
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.manifolds.manifold import Code, Manifold

STEPS = 40
DAMPING, EASE, STRAIN = 1e-2, 0.3, 4.0  # of the first step; after one that helped; after one that did not
PROBE = 1e-6  # how far a code is moved to see what that does to its image
GAIN, PATIENCE = 1e-6, 6  # an example's search ends when its square distance falls by less than that so many times
DRAWS = 64


@torch.no_grad()
def nearest(
    manifold: Manifold,
    images: Float[Tensor, "batch channel height width"],
    start: Code,
    *,
    starts: int,
    rng: torch.Generator,
) -> tuple[Code, Float[Tensor, "batch"]]:
    """Returns the codes whose images are the nearest that were found, and how far these are.

    Args:
        manifold: says what a code's image is, and where its box ends.
        images: to come near to; their precision is that of the search.
        start: the codes to begin from.
        starts: how many times to begin: at these, then at the best of many random ones around them.
        rng: of the others.
    """
    start = Code(start.free.to(images.dtype), start.fixed)
    spread = start.free.std(0, unbiased=False)
    free, far = _descended(manifold, images, start)
    for _ in range(starts - 1):
        other, other_far = _descended(manifold, images, _promising(manifold, images, start, spread, rng))
        free, far = torch.where((other_far < far)[:, None], other, free), torch.minimum(other_far, far)
    return Code(free, start.fixed), far


def _promising(manifold: Manifold, images: Tensor, start: Code, spread: Tensor, rng: torch.Generator) -> Code:
    """Returns the best of many random codes around those to begin from."""
    best, least = start.free, torch.full_like(start.free[:, 0], torch.inf)
    for _ in range(DRAWS):
        drawn = manifold.clamp(start.free + spread * torch.randn(best.shape, generator=rng, dtype=best.dtype))
        far = (manifold.decode(Code(drawn, start.fixed)) - images).flatten(1).norm(dim=1)
        best, least = torch.where((far < least)[:, None], drawn, best), torch.minimum(far, least)
    return Code(best, start.fixed)


def _descended(manifold: Manifold, images: Tensor, start: Code) -> tuple[Tensor, Tensor]:
    """Takes damped Gauss-Newton steps (Levenberg 1944, Marquardt 1963), every example its own while that helps."""
    free, damping = start.free.clone(), torch.full_like(start.free[:, :1], DAMPING)
    idle = torch.zeros(len(free), dtype=torch.int64)

    def residual(code: Tensor, rows: Tensor) -> Tensor:
        return (manifold.decode(Code(code, start.fixed[rows])) - images[rows]).flatten(1)

    left = residual(free, torch.arange(len(free)))
    for _ in range(STEPS):
        rows = (idle < PATIENCE).nonzero()[:, 0]
        if not len(rows):
            break
        own = partial(residual, rows=rows)
        moved = manifold.clamp(free[rows] + _step(own, free[rows], left[rows], damping[rows]))
        then = own(moved)
        before, after = left[rows].square().sum(1), then.square().sum(1)
        better = after < before
        free[rows[better]], left[rows[better]] = moved[better], then[better]
        damping[rows] *= torch.where(better, EASE, STRAIN)[:, None]
        idle[rows] = torch.where(before - after > GAIN * before, 0, idle[rows] + 1)
    return free, left.norm(dim=1)


def _step(residual: Callable[[Tensor], Tensor], free: Tensor, left: Tensor, damping: Tensor) -> Tensor:
    """Returns the damped Gauss-Newton step of every code.

    Derivatives are differences, because not every operation that renders has a forward derivative.
    """
    probes = PROBE * torch.eye(free.shape[1], dtype=free.dtype)
    jacobian = torch.stack([residual(free + probe) - residual(free - probe) for probe in probes], dim=2) / 2 / PROBE
    curvature = jacobian.mT @ jacobian
    scale = curvature.diagonal(dim1=1, dim2=2).clamp_min(1e-12)
    step: Tensor = torch.linalg.solve(curvature + torch.diag_embed(damping * scale), -(jacobian.mT @ left[:, :, None]))
    return step[:, :, 0]

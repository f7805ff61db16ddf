"""Affine transformations of an image: the manifold that any image lies on, and no manifold of data.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3.4 ("AdvTrans") and supplementary material A.1.
"""

import hashlib
from copy import copy
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from trainables.data.ranges import Ranges
from trainables.data.split import Split
from trainables.differentiation import clamp_through
from trainables.manifolds.manifold import Code, Manifold

IDENTITY = (0.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def affine_matrix(theta: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch 2 3"]:
    """Returns the matrix that maps output to input coordinates, both in [-1, 1].

    Theta is (t_x, t_y, shear_x, shear_y, scale, rotation). It is scale * shear * rotation, except for the sign of the
    sine in the first entry, which is the released code's and kept so that images compare.
    """
    t_x, t_y, shear_x, shear_y, scale, rotation = theta.unbind(1)
    c, n = scale * rotation.cos(), scale * rotation.sin()
    top = torch.stack([c - n * shear_x, c * shear_x - n, t_x], dim=1)
    bottom = torch.stack([c * shear_y + n, c - n * shear_y, t_y], dim=1)
    return torch.stack([top, bottom], dim=1)


@final
class Warp:
    """Transforms images of one size by a theta inside a box.

    Args:
        ranges: give the box.
        height: of the images, in pixels; and their width.
    """

    code_length = len(IDENTITY)

    def __init__(self, ranges: Ranges, height: int, width: int) -> None:
        self.low, self.high = ranges.box()
        y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
        self._lattice = torch.stack([x, y, torch.ones_like(x)], dim=-1).flatten(0, 1)

    def __call__(
        self, images: Float[Tensor, "batch c h w"], theta: Float[Tensor, "batch 6"]
    ) -> Float[Tensor, "batch c h w"]:
        """Returns the transformed images, bilinearly, black beyond the border; the outermost pixels lie at -1 and 1."""
        grid = (self._lattice.to(theta.dtype) @ affine_matrix(theta).mT).reshape(len(theta), *images.shape[2:], 2)
        dtype = torch.promote_types(images.dtype, grid.dtype)
        images, grid = images.to(dtype), grid.to(dtype)
        warped = F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
        return clamp_through(warped, 0, 1)

    def clamp(self, theta: Float[Tensor, "batch 6"]) -> Float[Tensor, "batch 6"]:
        """Returns the nearest theta inside the box, with the gradient of what it is given."""
        return clamp_through(theta, self.low, self.high)

    def to(self, device: torch.device) -> "Warp":
        """Returns the same for images on a device."""
        there = copy(self)
        there.low, there.high, there._lattice = (each.to(device) for each in (self.low, self.high, self._lattice))
        return there

    def words(self) -> bytes:
        """Returns all that determines the transformations, for a digest."""
        return torch.stack([self.low, self.high]).cpu().numpy().tobytes()


@final
class AffineManifold(Manifold):
    """All affine transformations of an image within ranges; the fixed part of a code is the image itself.

    Args:
        warp: transforms.
    """

    code_length = Warp.code_length

    def __init__(self, warp: Warp) -> None:
        self.warp, self.low, self.high = warp, warp.low, warp.high

    def codes(self, split: Split, indices: Int[Tensor, "batch"]) -> Code:
        images = split.images(indices)
        return Code(torch.tensor(IDENTITY, dtype=images.dtype, device=images.device).repeat(len(indices), 1), images)

    def decode(self, code: Code) -> Float[Tensor, "batch channel height width"]:
        return self.warp(code.fixed, code.free)

    def clamp(self, free: Float[Tensor, "batch code"]) -> Float[Tensor, "batch code"]:
        return self.warp.clamp(free)

    def to(self, device: torch.device) -> "AffineManifold":
        return AffineManifold(self.warp.to(device))

    def digest(self) -> str:
        return hashlib.sha256(self.warp.words()).hexdigest()

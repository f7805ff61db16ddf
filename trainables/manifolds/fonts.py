"""The known manifold of FONTS: a prototype's lookup and an affine warp, exact and differentiable in theta.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), supplementary material A.1.
"""

import hashlib
from typing import final

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from trainables.data.fonts import FontSplit
from trainables.data.split import Split
from trainables.differentiation import clamp_through
from trainables.manifolds.manifold import Code, Manifold


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


def _lattice(height: int, width: int) -> Float[Tensor, "pixel 3"]:
    """Returns the homogeneous coordinates of all pixels' centres; the outermost lie at -1 and 1."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], dim=-1).flatten(0, 1)


@final
class FontManifold(Manifold):
    """Prototypes and a latent box.

    The free part of a code is theta in raw units, as in the paper: one radius covers translations (of +-0.2), shears,
    scales and radians alike. The box is the range that theta is drawn from; the paper takes the extremes of the
    drawn sample, which are the same to three digits.

    Args:
        prototypes: (faces, 10, 28, 28), white letters on black.
        box: the lowest and the highest theta.
    """

    code_length = 6

    def __init__(self, prototypes: UInt8[Tensor, "face letter h w"], box: tuple[Tensor, Tensor]) -> None:
        self.prototypes = prototypes
        self.low, self.high = box
        self.lattice = _lattice(*prototypes.shape[2:])

    def codes(self, split: Split, indices: Int[Tensor, "batch"]) -> Code:
        if not isinstance(split, FontSplit):
            raise TypeError(f"the known manifold is that of FONTS; got a split of {type(split).__name__}")
        return Code(split.theta[indices], split.glyphs[indices])

    def render(self, theta: Float[Tensor, "batch 6"], glyphs: Int[Tensor, "batch 2"]) -> Float[Tensor, "batch 1 28 28"]:
        """Returns the images of letters under their transformations, in [0, 1]."""
        letters = self.prototypes[glyphs[:, 0], glyphs[:, 1]].to(theta.dtype)[:, None] / 255
        grid = (self.lattice.to(theta.dtype) @ affine_matrix(theta).mT).reshape(len(theta), *letters.shape[2:], 2)
        images = F.grid_sample(letters, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
        return clamp_through(images, 0, 1)

    def decode(self, code: Code) -> Float[Tensor, "batch 1 28 28"]:
        return self.render(code.free, code.fixed)

    def clamp(self, free: Float[Tensor, "batch code"]) -> Float[Tensor, "batch code"]:
        return clamp_through(free, self.low, self.high)

    def digest(self) -> str:
        words = hashlib.sha256(self.prototypes.numpy().tobytes())
        words.update(torch.stack([self.low, self.high]).numpy().tobytes())
        return words.hexdigest()

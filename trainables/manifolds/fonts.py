"""The known manifold of FONTS: a prototype's lookup and an affine warp, exact and differentiable in theta.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), supplementary material A.1.
"""

import hashlib
from typing import final

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from trainables.data.fonts import FontSplit
from trainables.data.split import Split
from trainables.manifolds.affine import Warp
from trainables.manifolds.manifold import Code, Manifold


@final
class FontManifold(Manifold):
    """Prototypes and a latent box.

    The free part of a code is theta in raw units, as in the paper: one radius covers translations (of +-0.2), shears,
    scales and radians alike. The box is the range that theta is drawn from; the paper takes the extremes of the
    drawn sample, which are the same to three digits.

    Args:
        prototypes: (faces, 10, 28, 28), white letters on black.
        warp: transforms them.
    """

    code_length = Warp.code_length

    def __init__(self, prototypes: UInt8[Tensor, "face letter h w"], warp: Warp) -> None:
        self.prototypes, self.warp = prototypes, warp
        self.low, self.high = warp.low, warp.high

    def codes(self, split: Split, indices: Int[Tensor, "batch"]) -> Code:
        if not isinstance(split, FontSplit):
            raise TypeError(f"the known manifold is that of FONTS; got a split of {type(split).__name__}")
        return Code(split.theta[indices], split.glyphs[indices])

    def render(self, theta: Float[Tensor, "batch 6"], glyphs: Int[Tensor, "batch 2"]) -> Float[Tensor, "batch 1 28 28"]:
        """Returns the images of letters under their transformations, in [0, 1]."""
        return self.warp(self.prototypes[glyphs[:, 0], glyphs[:, 1]].to(theta.dtype)[:, None] / 255, theta)

    def decode(self, code: Code) -> Float[Tensor, "batch 1 28 28"]:
        return self.render(code.free, code.fixed)

    def clamp(self, free: Float[Tensor, "batch code"]) -> Float[Tensor, "batch code"]:
        return self.warp.clamp(free)

    def to(self, device: torch.device) -> "FontManifold":
        return FontManifold(self.prototypes.to(device), self.warp.to(device))

    def digest(self) -> str:
        return hashlib.sha256(self.prototypes.cpu().numpy().tobytes() + self.warp.words()).hexdigest()

"""How far affine transformations go: those that FONTS is made by, and those that an adversary may add to an image.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), supplementary material.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Ranges:
    """Half-widths of theta = (t_x, t_y, shear_x, shear_y, scale, rotation), and the limits of its scale."""

    translation: float
    shear: float
    scale: tuple[float, float]
    rotation: float

    def box(self) -> tuple[Float[Tensor, "6"], Float[Tensor, "6"]]:
        """Returns the lowest and the highest theta."""
        t, h, r = self.translation, self.shear, self.rotation
        low = torch.tensor([-t, -t, -h, -h, self.scale[0], -r])
        return low, torch.tensor([t, t, h, h, self.scale[1], r])


FONT_RANGES: Mapping[str, Ranges] = MappingProxyType(
    {
        "easy": Ranges(0.1, 0.2, (0.9, 1.1), torch.pi / 6),
        "moderate": Ranges(0.2, 0.4, (0.85, 1.15), torch.pi / 3),
        "hard": Ranges(0.2, 0.5, (0.75, 1.15), torch.pi / 2),
    }
)
IMAGE_RANGES = Ranges(0.15, 0.2, (0.85, 1.15), torch.pi / 10)

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.differentiation import clamp_through
from trainables.geometry import Norm
from trainables.threats.threat import Threat, radius_at


@final
class PixelThreat(Threat):
    """The image itself may change, within [0, 1]: `clip(x + delta)`.

    Args:
        images: (batch, channel, height, width) in [0, 1].
        norm: of the ball.
        radius: in image range, one number or one for every example.
    """

    def __init__(self, images: Float[Tensor, "batch channel height width"], norm: Norm, radius: Tensor) -> None:
        self.images, self.norm, self.radius = images, norm, radius

    @property
    def anchor(self) -> Float[Tensor, "batch channel height width"]:
        return self.images

    @property
    def box(self) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        return torch.tensor(0.0), torch.tensor(1.0)

    def bounded(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        return self.render(delta) - self.images

    def render(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch channel height width"]:
        return clamp_through(self.images + delta, 0, 1)

    def at(self, rows: Tensor) -> "PixelThreat":
        return PixelThreat(self.images[rows], self.norm, radius_at(self.radius, rows))

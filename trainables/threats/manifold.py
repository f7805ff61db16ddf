from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.geometry import Norm
from trainables.manifolds.manifold import Code, Manifold
from trainables.threats.threat import Threat, radius_at


@final
class ManifoldThreat(Threat):
    """The free part of the code may change, within the latent box: `decode(clamp(free + delta), fixed)`.

    Args:
        manifold: decodes.
        code: of the examples.
        norm: of the ball.
        radius: in code units, one number or one for every example.
        whole_box: whether a start lies anywhere in the latent box, and not in the ball.
    """

    def __init__(self, manifold: Manifold, code: Code, norm: Norm, radius: Tensor, *, whole_box: bool = False) -> None:
        self.manifold, self.code, self.norm, self.radius = manifold, code, norm, radius
        self.whole_box = whole_box

    @property
    def anchor(self) -> Float[Tensor, "batch code"]:
        return self.code.free

    @property
    def box(self) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        return self.manifold.low, self.manifold.high

    def bounded(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        return self.manifold.clamp(self.code.free + delta) - self.code.free

    def render(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch channel height width"]:
        return self.manifold.decode(Code(self.manifold.clamp(self.code.free + delta), self.code.fixed))

    def at(self, rows: Tensor) -> "ManifoldThreat":
        code = Code(*(part[rows] for part in self.code))
        return ManifoldThreat(self.manifold, code, self.norm, radius_at(self.radius, rows), whole_box=self.whole_box)

    def start(
        self, gaussian: Float[Tensor, "batch *shape"], uniform: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch *shape"]:
        """Returns a random perturbation inside the ball and the box; or one to any point of the box, all alike."""
        if not self.whole_box:
            return super().start(gaussian, uniform)
        low, high = self.box
        place: Tensor = torch.special.ndtr(gaussian)
        return low + (high - low) * place - self.code.free

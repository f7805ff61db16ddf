"""What an adversary may change: a variable delta, the ball that it stays in, and the images that it makes.

An attack searches any threat: an on-manifold attack is the same attack on the manifold's threat.
"""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from trainables.geometry import Norm


class Threat(ABC):
    """A batch of examples, each with a ball of perturbations.

    Attributes:
        norm: of the ball.
        radius: of the ball: one number, or one for every example.
    """

    norm: Norm
    radius: Tensor

    @property
    @abstractmethod
    def anchor(self) -> Float[Tensor, "batch *shape"]:
        """What delta is added to: images, or the free part of codes."""

    @property
    @abstractmethod
    def box(self) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """The range that anchor and delta together stay in (of pixels, of the latent box), for every example alike."""

    @abstractmethod
    def bounded(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        """Returns the nearest perturbation that leaves its example inside the range (of pixels, of the latent box)."""

    @abstractmethod
    def render(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch channel height width"]:
        """Returns the perturbed images, in [0, 1]."""

    @abstractmethod
    def at(self, rows: Tensor) -> "Threat":
        """Returns the threat on some of the examples: a mask or indices."""

    def project(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        """Returns a perturbation inside both the range and the ball.

        The paper alternates the two projections five times. Once is enough: every example lies inside its range, so
        shortening a perturbation that stays in the range keeps it there.
        """
        return self.norm.project(self.bounded(delta), self.radius)

    def start(
        self, gaussian: Float[Tensor, "batch *shape"], uniform: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch *shape"]:
        """Returns a random perturbation inside the ball and the range; see `Norm.sample` for the noise."""
        return self.project(self.norm.sample(gaussian, uniform, self.radius))


def radius_at(radius: Tensor, rows: Tensor) -> Tensor:
    """Returns the radius of some of the examples: all have one, or each its own."""
    return radius[rows] if radius.dim() else radius

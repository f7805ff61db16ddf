"""Norms: what attacks and threats need to know of a ball.

The sampling is the one of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), section 3.3: uniform in distance and
in direction, not in volume. All functions work example by example: the first axis is the batch.
"""

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

TINY = 1e-12


def per_example(values: Tensor, like: Tensor) -> Tensor:
    """Shapes one value an example (or one for all) so that it broadcasts over the other axes."""
    return values.reshape(-1, *(1,) * (like.ndim - 1)) if values.ndim else values


class Norm(ABC):
    """A norm on all axes but the first."""

    @abstractmethod
    def length(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch"]:
        """Returns the length of every example's perturbation."""

    @abstractmethod
    def project(self, delta: Float[Tensor, "batch *shape"], radius: Tensor) -> Float[Tensor, "batch *shape"]:
        """Returns the nearest point of the ball; radius is one number, or one for every example."""

    @abstractmethod
    def steepest(self, gradient: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        """Returns the direction of length one in which a linear function rises most; zero for a zero gradient."""

    @abstractmethod
    def room(self, delta: Float[Tensor, "batch *shape"], radius: Tensor) -> Float[Tensor, "batch"]:
        """Returns how long a perturbation of other coordinates may be beside this one, without leaving the ball."""

    def sample(
        self, gaussian: Float[Tensor, "batch *shape"], uniform: Float[Tensor, "batch"], radius: Tensor
    ) -> Float[Tensor, "batch *shape"]:
        """Returns points of the ball, uniform in distance and direction.

        Args:
            gaussian: standard normal noise, which gives the directions.
            uniform: noise in [0, 1], which gives the distances as fractions of the radius.
            radius: one number, or one for every example.
        """
        direction = gaussian / per_example(self.length(gaussian).clamp_min(TINY), gaussian)
        return direction * per_example(uniform * radius, gaussian)


@final
class Linf(Norm):
    """The largest coordinate."""

    def length(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch"]:
        return delta.flatten(1).abs().amax(1)

    def project(self, delta: Float[Tensor, "batch *shape"], radius: Tensor) -> Float[Tensor, "batch *shape"]:
        bound = per_example(radius, delta)
        return torch.minimum(torch.maximum(delta, -bound), bound)

    def steepest(self, gradient: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        return gradient.sign()

    def room(self, delta: Float[Tensor, "batch *shape"], radius: Tensor) -> Float[Tensor, "batch"]:
        return radius.expand(len(delta))


@final
class L2(Norm):
    """The Euclidean norm."""

    def length(self, delta: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch"]:
        length: Tensor = torch.linalg.vector_norm(delta.flatten(1), dim=1)
        return length

    def project(self, delta: Float[Tensor, "batch *shape"], radius: Tensor) -> Float[Tensor, "batch *shape"]:
        shrink = (radius / self.length(delta).clamp_min(TINY)).clamp_max(1)
        return delta * per_example(shrink, delta)

    def steepest(self, gradient: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch *shape"]:
        largest = gradient.flatten(1).abs().amax(1).clamp_min(torch.finfo(gradient.dtype).tiny)
        scaled = gradient / per_example(largest, gradient)  # squares of small gradients would vanish
        return scaled / per_example(self.length(scaled).clamp_min(TINY), gradient)

    def room(self, delta: Float[Tensor, "batch *shape"], radius: Tensor) -> Float[Tensor, "batch"]:
        return (radius**2 - self.length(delta) ** 2).clamp_min(0).sqrt()


NORMS: dict[str, Norm] = {"linf": Linf(), "l2": L2()}

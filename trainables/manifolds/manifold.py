"""What a manifold is: codes, and a decoder that makes images of them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trainables.config import ThreatName
from trainables.data.split import Split


class Code(NamedTuple):
    """A point on a manifold: what an adversary may move, and what stays."""

    free: Float[Tensor, "batch code"]
    fixed: Tensor


class Manifold(ABC):
    """Maps codes to images, differentiably in the free part.

    Attributes:
        code_length: of the free part.
        low: where the latent box begins, for each number of a code; it ends at `high`.
        by_label: whether an example's label says what decodes its code; then `stacked` decodes under `torch.vmap`.
        rowwise: whether an image is the same, to the last bit, whichever others are decoded with it.
    """

    code_length: int
    low: Float[Tensor, "code"]
    high: Float[Tensor, "code"]
    by_label: bool = False
    rowwise: bool = True

    @abstractmethod
    def codes(self, split: Split, indices: Int[Tensor, "batch"]) -> Code:
        """Returns the codes of a split's examples."""

    @abstractmethod
    def decode(self, code: Code) -> Float[Tensor, "batch channel height width"]:
        """Returns images in [0, 1]."""

    def calls(self, labels: Int[Tensor, "batch"]) -> int:  # noqa: ARG002 # who is not `by_label` needs none
        """Returns how many calls of one shape decode codes of examples with these labels, see `stacked`."""
        return 1

    def stacked(self, calls: int) -> "Manifold":  # noqa: ARG002 # the same
        """Returns the same manifold, which decodes without a look at values: in so many calls of one shape.

        An image then is the same, to the last bit, however many calls there are and whatever is in them. One that no
        call has room for is black.
        """
        return self

    @abstractmethod
    def clamp(self, free: Float[Tensor, "batch code"]) -> Float[Tensor, "batch code"]:
        """Returns the nearest free part inside the latent box, with the gradient of what it is given."""

    @abstractmethod
    def to(self, device: torch.device) -> "Manifold":
        """Returns the same manifold, of codes that lie on a device."""

    @abstractmethod
    def digest(self) -> str:
        """Names everything that determines this manifold: 64 hexadecimal digits."""


Manifolds = Mapping[ThreatName, Manifold]
"""Those that a data set has, by the threat that moves on them."""

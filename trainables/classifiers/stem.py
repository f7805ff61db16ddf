"""The first convolution of the networks that keep the resolution."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

WIDE = 4


@final
class Stem(nn.Module):
    """A 3x3 convolution of images, without a bias.

    Args:
        channels: of the images.
        wider: channels of what it makes of them.
    """

    def __init__(self, channels: int, wider: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(wider, channels, 3, 3, device="meta"))

    def forward(self, images: Tensor) -> Tensor:
        return stem_conv(images, self.weight, None)


def stem_conv(
    images: Float[Tensor, "batch c height width"], weight: Float[Tensor, "o c 3 3"], bias: Float[Tensor, "o"] | None
) -> Float[Tensor, "batch o height width"]:
    """Convolves images with padding 1, after giving them empty channels up to four; in the weights' precision.

    Kernels are made for many channels that lie last. The gradient towards images of one channel takes half the time
    through four, and what follows lies channels last too, in training as in evaluation.
    """
    empty = WIDE - images.shape[1]
    wide = F.pad(images.to(weight.dtype).permute(0, 2, 3, 1), (0, empty)).permute(0, 3, 1, 2)
    return F.conv2d(wide, F.pad(weight, (0, 0, 0, 0, 0, empty)), bias, padding=1)

"""A compact vision transformer (Dosovitskiy et al. 2021, arXiv 2010.11929) on torchvision's encoder blocks.

The paper of the study has none. Unlike the original, logits are read from the mean over patches and not from a token of
their own (Beyer, Zhai and Kolesnikov 2022, arXiv 2205.01580), the last layer does not begin at zero, where an attack
would find no gradient, and queries, keys and values have no biases: that of the keys cancels in the softmax, and Adam
would make full steps of its rounding.
"""

from typing import final

import torch
from torch import Tensor, nn
from torch.func import functional_call

from trainables.classifiers.classifier import Blueprint
from trainables.differentiation import Tensors

PATCHES = (7, 8)
DIM, DEPTH, HEADS = 128, 6, 4


def vit(image_shape: tuple[int, int, int], classes: int, width: float) -> Blueprint:
    """Plans the network for images of (channel, height, width); width 1 has tokens of 128 numbers.

    Raises:
        ValueError: if no patch size divides the images.
    """
    network = _Network(image_shape, classes, HEADS * max(1, round(DIM / HEADS * width)))

    def folded(params: Tensors, images: Tensor) -> Tensor:
        logits: Tensor = functional_call(network, params, (images.to(params["logits.weight"].dtype),))
        return logits

    return Blueprint(network=network, folded=folded, folds=())


@final
class _Network(nn.Module):
    """The same function in training and in evaluation: it normalises every token on its own."""

    def __init__(self, image_shape: tuple[int, int, int], classes: int, dim: int) -> None:
        super().__init__()
        channels, height, breadth = image_shape
        patch = next((side for side in PATCHES if height % side == breadth % side == 0), None)
        if patch is None:
            raise ValueError(f"vit needs images whose sides are multiples of 7 or of 8; got {height}x{breadth}")
        tokens = (height // patch) * (breadth // patch)
        self.patch = patch
        self.patches = nn.Linear(channels * patch * patch, dim, device="meta")
        self.position = nn.Parameter(torch.empty(1, tokens, dim, device="meta"))
        self.blocks = nn.Sequential(*(_block(dim) for _ in range(DEPTH)))
        self.norm = nn.LayerNorm(dim, eps=1e-6, device="meta")
        self.logits = nn.Linear(dim, classes, device="meta")

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(_cut(images, self.patch)) + self.position
        logits: Tensor = self.logits(self.norm(self.blocks(tokens)).mean(1))
        return logits


def _cut(images: Tensor, side: int) -> Tensor:
    """Returns flat patches, row by row: the convolution of that stride as a product, whose gradient is faster."""
    count, channels, height, breadth = images.shape
    grid = images.reshape(count, channels, height // side, side, breadth // side, side)
    return grid.permute(0, 2, 4, 1, 3, 5).reshape(count, -1, channels * side * side)


@final
class _Attention(nn.Module):
    """Attention of all tokens to all, with the interface of torch's own.

    That changes to a kernel without a rule for `torch.vmap`; on so few tokens plain products are faster, too.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.mixed = nn.Linear(dim, 3 * dim, bias=False, device="meta")
        self.out = nn.Linear(dim, dim, device="meta")

    def forward(self, tokens: Tensor, *_same: Tensor, **_wanted: bool) -> tuple[Tensor, None]:
        query, key, value = self.mixed(tokens).unflatten(2, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        weights = (query @ key.mT / query.shape[3] ** 0.5).softmax(3)
        return self.out((weights @ value).transpose(1, 2).flatten(2)), None


def _block(dim: int) -> nn.Module:
    from torchvision.models.vision_transformer import EncoderBlock  # takes seconds, which other networks save

    with torch.device("meta"):
        block: nn.Module = EncoderBlock(HEADS, dim, 4 * dim, dropout=0.0, attention_dropout=0.0)
    block.self_attention = _Attention(dim)
    return block

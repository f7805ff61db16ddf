"""The paper's standard network (Stutz, Hein and Schiele 2019, arXiv 1812.00740, supplementary material).

Convolutions 4x4 with stride 2, halving the resolution while it stays at 2 or more, and two linear layers without an
activation between them. Unlike there, convolutions before a normalisation have no bias: its gradient is zero.
"""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

from trainables.classifiers.classifier import Blueprint, Fold
from trainables.classifiers.norms import Norm2d
from trainables.classifiers.patches import patch_conv
from trainables.differentiation import Tensors


def conv(image_shape: tuple[int, int, int], classes: int, width: float) -> Blueprint:
    """Plans the network for images of (channel, height, width); width 1 starts with 16 channels."""
    blocks = _blocks(image_shape)

    def folded(params: Tensors, images: Tensor) -> Tensor:
        hidden = patch_conv(images, params["conv0.weight"], params["conv0.bias"])
        for i in range(1, blocks):
            hidden = F.conv2d(hidden, params[f"conv{i}.weight"], params[f"conv{i}.bias"], 2, 1)
            hidden = (hidden if i < blocks - 1 else hidden.flatten(1)).relu()  # gradients of what is flat come flat
        return F.linear(hidden.flatten(1), params["logits.weight"], params["logits.bias"])

    return Blueprint(
        network=_network(image_shape, classes, width),
        folded=folded,
        folds=tuple(Fold(norm=f"norm{i}", layer=f"conv{i}") for i in range(blocks)),
        chains=(("hidden", "logits"),),
    )


def _blocks(image_shape: tuple[int, int, int]) -> int:
    shortest, blocks = min(image_shape[1:]), 0
    while shortest // 2 >= 2:
        shortest, blocks = shortest // 2, blocks + 1
    return blocks


def _network(image_shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    channels, height, breadth = image_shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i in range(_blocks(image_shape)):
        wider = max(1, round(16 * 2**i * width))
        layers[f"conv{i}"] = nn.Conv2d(channels, wider, 4, 2, 1, bias=False, device="meta")
        layers[f"norm{i}"] = Norm2d(wider)
        layers[f"relu{i}"] = nn.ReLU(inplace=True)
        channels, height, breadth = wider, height // 2, breadth // 2
    layers["flatten"] = nn.Flatten()
    layers["hidden"] = nn.Linear(channels * height * breadth, 10 * classes, device="meta")
    layers["logits"] = nn.Linear(10 * classes, classes, device="meta")
    return nn.Sequential(layers)

"""The paper's residual network (Stutz, Hein and Schiele 2019, arXiv 1812.00740, supplementary material; "ResNet-13").

A 3x3 convolution without pooling, three stages of two basic blocks (He et al. 2016, arXiv 1512.03385, with projection
shortcuts), the mean over what resolution is left, and a linear layer. Unlike there, weights begin as all networks' here
do and not with Kaiming's fan out: every convolution is normalised, so that the scale of its weights does not show.
"""

from collections import OrderedDict
from typing import final

from torch import Tensor, nn
from torch.nn import functional as F

from trainables.classifiers.classifier import Blueprint, Fold
from trainables.classifiers.norms import Norm2d
from trainables.classifiers.stem import Stem, stem_conv
from trainables.differentiation import Tensors

CHANNELS = (64, 64, 128, 128, 256, 256)
STRIDES = (1, 1, 2, 1, 2, 1)


def resnet(image_shape: tuple[int, int, int], classes: int, width: float) -> Blueprint:
    """Plans the network for images of (channel, height, width); width 1 starts with 64 channels."""
    network = _network(image_shape[0], classes, width)
    norms = [name for name, layer in network.named_modules() if isinstance(layer, Norm2d)]
    return Blueprint(
        network=network,
        folded=_folded,
        folds=tuple(Fold(norm=name, layer=name.replace("norm", "conv")) for name in norms),
    )


def _folded(params: Tensors, images: Tensor) -> Tensor:
    hidden = stem_conv(images, params["conv.weight"], params["conv.bias"]).relu_()
    for i, stride in enumerate(STRIDES):
        block = f"block{i}"
        inner = F.conv2d(hidden, params[f"{block}.conv0.weight"], params[f"{block}.conv0.bias"], stride, 1).relu_()
        inner = F.conv2d(inner, params[f"{block}.conv1.weight"], params[f"{block}.conv1.bias"], 1, 1)
        if f"{block}.shortcut_conv.weight" in params:
            weight, bias = params[f"{block}.shortcut_conv.weight"], params[f"{block}.shortcut_conv.bias"]
            hidden = F.conv2d(hidden, weight, bias, stride)
        hidden = (inner + hidden).relu_()
    return F.linear(hidden.mean((2, 3)), params["logits.weight"], params["logits.bias"])


@final
class _Block(nn.Module):
    """Adds what two convolutions make of their input to it, or to its projection where the shape changes."""

    def __init__(self, channels: int, wider: int, stride: int) -> None:
        super().__init__()
        self.conv0 = nn.Conv2d(channels, wider, 3, stride, 1, bias=False, device="meta")
        self.norm0 = Norm2d(wider)
        self.conv1 = nn.Conv2d(wider, wider, 3, 1, 1, bias=False, device="meta")
        self.norm1 = Norm2d(wider)
        self.projects = stride != 1
        if self.projects:
            self.shortcut_conv = nn.Conv2d(channels, wider, 1, stride, bias=False, device="meta")
            self.shortcut_norm = Norm2d(wider)

    def forward(self, hidden: Tensor) -> Tensor:
        inner = self.norm1(self.conv1(self.norm0(self.conv0(hidden)).relu_()))
        shortcut = self.shortcut_norm(self.shortcut_conv(hidden)) if self.projects else hidden
        total: Tensor = inner + shortcut
        return total.relu_()


@final
class _Mean(nn.Module):
    """The mean over what resolution is left; `nn.AdaptiveAvgPool2d` has no rule for fused models."""

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden.mean((2, 3))


def _network(channels: int, classes: int, width: float) -> nn.Module:
    wider = max(1, round(CHANNELS[0] * width))
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv"] = Stem(channels, wider)
    layers["norm"] = Norm2d(wider)
    layers["relu"] = nn.ReLU(inplace=True)
    for i, stride in enumerate(STRIDES):
        channels, wider = wider, max(1, round(CHANNELS[i] * width))
        layers[f"block{i}"] = _Block(channels, wider, stride)
    layers["mean"] = _Mean()
    layers["logits"] = nn.Linear(wider, classes, device="meta")
    return nn.Sequential(layers)

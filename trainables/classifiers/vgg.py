"""The paper's VGG network (Stutz, Hein and Schiele 2019, arXiv 1812.00740, supplementary material).

Two stages of Simonyan and Zisserman's model A (arXiv 1409.1556): five 3x3 convolutions with a pooling wherever the
number of channels changes, and three linear layers. Unlike there, convolutions have no bias, which the normalisation
after them would take away.
"""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

from trainables.classifiers.classifier import Blueprint, Fold
from trainables.classifiers.norms import Norm2d
from trainables.classifiers.stem import Stem, stem_conv
from trainables.differentiation import Tensors

CHANNELS = (64, 128, 128, 256, 256)
POOLED = (0, 2)
HIDDEN = 1024


def vgg(image_shape: tuple[int, int, int], classes: int, width: float) -> Blueprint:
    """Plans the network for images of (channel, height, width); width 1 starts with 64 channels."""
    return Blueprint(
        network=_network(image_shape, classes, width),
        folded=_folded,
        folds=tuple(Fold(norm=f"norm{i}", layer=f"conv{i}") for i in range(len(CHANNELS))),
    )


def _folded(params: Tensors, images: Tensor) -> Tensor:
    hidden = _shrunk(stem_conv(images, params["conv0.weight"], params["conv0.bias"]), 0)
    for i in range(1, len(CHANNELS)):
        hidden = _shrunk(F.conv2d(hidden, params[f"conv{i}.weight"], params[f"conv{i}.bias"], 1, 1), i)
    hidden = hidden.flatten(1)
    for layer in ("hidden0", "hidden1"):
        hidden = F.linear(hidden, params[f"{layer}.weight"], params[f"{layer}.bias"]).relu_()
    return F.linear(hidden, params["logits.weight"], params["logits.bias"])


def _shrunk(hidden: Tensor, i: int) -> Tensor:
    """Pools before the activation, which leaves it a quarter of the work; the maximum does not mind the order."""
    return (F.max_pool2d(hidden, 2) if i in POOLED else hidden).relu_()


def _network(image_shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    channels, height, breadth = image_shape
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, full in enumerate(CHANNELS):
        wider = max(1, round(full * width))
        conv = nn.Conv2d(channels, wider, 3, 1, 1, bias=False, device="meta")
        layers[f"conv{i}"] = conv if i else Stem(channels, wider)
        layers[f"norm{i}"] = Norm2d(wider)
        layers[f"relu{i}"] = nn.ReLU(inplace=True)
        if i in POOLED:
            layers[f"pool{i}"] = nn.MaxPool2d(2)
            height, breadth = height // 2, breadth // 2
        channels = wider
    layers["flatten"] = nn.Flatten()
    units, inputs = max(1, round(HIDDEN * width)), channels * height * breadth
    for i in range(2):
        layers[f"hidden{i}"] = nn.Linear(inputs, units, device="meta")
        layers[f"hidden_relu{i}"] = nn.ReLU(inplace=True)
        inputs = units
    layers["logits"] = nn.Linear(inputs, classes, device="meta")
    return nn.Sequential(layers)

"""The paper's multilayer perceptron (Stutz, Hein and Schiele 2019, arXiv 1812.00740, supplementary material)."""

import math
from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F

from trainables.classifiers.classifier import Blueprint, Fold
from trainables.classifiers.norms import Norm1d
from trainables.differentiation import Tensors

HIDDEN = 4


def mlp(image_shape: tuple[int, int, int], classes: int, width: float) -> Blueprint:
    """Plans four hidden layers of 128 units at width 1, each normalised after its activation."""
    after = [f"linear{i + 1}" for i in range(HIDDEN - 1)] + ["logits"]
    return Blueprint(
        network=_network(image_shape, classes, width),
        folded=_folded,
        folds=tuple(Fold(norm=f"norm{i}", layer=after[i], layer_first=False) for i in range(HIDDEN)),
    )


def _folded(params: Tensors, images: Tensor) -> Tensor:
    hidden = images.flatten(1).to(params["logits.weight"].dtype)
    for i in range(HIDDEN):
        hidden = F.linear(hidden, params[f"linear{i}.weight"], params[f"linear{i}.bias"]).relu_()
    return F.linear(hidden, params["logits.weight"], params["logits.bias"])


def _network(image_shape: tuple[int, int, int], classes: int, width: float) -> nn.Module:
    units, inputs = max(2, round(128 * width)), math.prod(image_shape)
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for i in range(HIDDEN):
        layers[f"linear{i}"] = nn.Linear(inputs, units, device="meta")
        layers[f"relu{i}"] = nn.ReLU(inplace=True)
        layers[f"norm{i}"] = Norm1d(units)
        inputs = units
    layers["logits"] = nn.Linear(inputs, classes, device="meta")
    return nn.Sequential(layers)

"""Two models under `torch.vmap` equal each on its own, in float64."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from tests.trainables.classifiers.conftest import NARROW, SHAPES, Shape, random_images, trained
from trainables.classifiers import build
from trainables.classifiers.classifier import Classifier
from trainables.differentiation import Tensors

LABELS = torch.arange(4) % 2
Function = Callable[[Classifier, Tensors, Tensors, Tensor], Any]


def training(classifier: Classifier, params: Tensors, buffers: Tensors, images: Tensor) -> tuple[Tensor, Tensors]:
    return classifier.train_logits(params, buffers, images)


def evaluation(classifier: Classifier, params: Tensors, buffers: Tensors, images: Tensor) -> Tensor:
    return classifier.logits(classifier.fold(params, buffers), images)


def training_gradient(classifier: Classifier, params: Tensors, buffers: Tensors, images: Tensor) -> Any:
    def loss(at: Tensors) -> tuple[Tensor, Tensors]:
        logits, moving = classifier.train_logits(at, buffers, images)
        return F.cross_entropy(logits, LABELS), moving

    return torch.func.grad(loss, has_aux=True)(params)


def attack_gradient(classifier: Classifier, params: Tensors, buffers: Tensors, images: Tensor) -> Tensor:
    folded = classifier.fold(params, buffers)
    gradient: Tensor = torch.func.grad(lambda at: F.cross_entropy(classifier.logits(folded, at), LABELS))(images)
    return gradient


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("function", [training, evaluation, training_gradient, attack_gradient])
def test_stacked_models_equal_single_ones(name: str, shape: Shape, function: Function) -> None:
    classifier, images = build(name, shape, 2, NARROW), random_images(8, shape).reshape(2, 4, *shape)
    models = [trained(classifier, shape, seed)[:2] for seed in (0, 1)]
    apart = [function(classifier, *model, images[k]) for k, model in enumerate(models)]

    params, buffers = tree_map(lambda *leaves: torch.stack(leaves), *models)
    together = torch.vmap(lambda *at: function(classifier, *at))(params, buffers, images)

    for k in range(2):
        torch.testing.assert_close(tree_map(lambda leaf, k=k: leaf[k], together), apart[k])

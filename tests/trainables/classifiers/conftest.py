import pytest
import torch
from torch import Tensor

from trainables.classifiers import BLUEPRINTS
from trainables.classifiers.classifier import Classifier
from trainables.differentiation import Tensors
from trainables.seeding import stream

Shape = tuple[int, int, int]
GREY, COLOUR = (1, 28, 28), (3, 56, 48)
SHAPES = [GREY, COLOUR]
NARROW = 1 / 16


@pytest.fixture(params=list(BLUEPRINTS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def random_images(count: int, shape: Shape) -> Tensor:
    return torch.rand(count, *shape, generator=stream(0, "images"), dtype=torch.float64)


def trained(classifier: Classifier, shape: Shape, seed: int = 0) -> tuple[Tensors, Tensors, Tensor]:
    """Parameters, statistics that have seen a few batches, and images."""
    params, buffers = classifier.initialise(stream(seed, "weights"), torch.float64)
    images = random_images(8, shape)
    for _ in range(3):
        _, buffers = classifier.train_logits(params, buffers, images)
    return params, buffers, images

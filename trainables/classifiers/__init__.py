"""Architectures by name."""

from collections.abc import Callable

from trainables.classifiers.classifier import Blueprint, Classifier
from trainables.classifiers.conv import conv
from trainables.classifiers.mlp import mlp
from trainables.classifiers.resnet import resnet
from trainables.classifiers.vgg import vgg
from trainables.classifiers.vit import vit
from trainables.config import Architecture

BLUEPRINTS: dict[Architecture, Callable[[tuple[int, int, int], int, float], Blueprint]] = {
    "conv": conv,
    "mlp": mlp,
    "resnet": resnet,
    "vgg": vgg,
    "vit": vit,
}


def build(architecture: Architecture, image_shape: tuple[int, int, int], classes: int, width: float) -> Classifier:
    """Builds a classifier for images of (channel, height, width)."""
    return Classifier(BLUEPRINTS[architecture](image_shape, classes, width))

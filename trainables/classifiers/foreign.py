"""Classifiers that nobody here has built: somebody's own function, and the mean prediction of one that is random."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trainables.checks import must
from trainables.classifiers.classifier import Blueprint, Classifier
from trainables.differentiation import Tensors

Function = Callable[[Tensor], Tensor]
"""Maps images (batch, channel, height, width) in [0, 1] to logits (batch, class)."""


def foreign(function: Function) -> Classifier:
    """Returns a classifier, without parameters of its own, that calls a function, wherever that computes."""

    def folded(_: Tensors, images: Tensor) -> Tensor:
        # What lets no gradient through has a gradient of zero here, and not none.
        return function(images).to(images.device) + 0 * images.flatten(1).sum(1, keepdim=True)

    return Classifier(Blueprint(network=nn.Identity(), folded=folded, folds=()))


def averaged(classifier: Classifier, passes: int) -> Classifier:
    """Returns what a classifier whose predictions are random predicts in the mean, as logarithms of probabilities.

    Its gradients are the expectation over transformation of Athalye et al. 2018 (arXiv 1707.07397), section 2.

    Args:
        classifier: that is asked.
        passes: how many times, for every image.
    """

    def folded(params: Tensors, images: Tensor) -> Tensor:
        every = torch.stack([classifier.logits(params, images).log_softmax(1) for _ in range(passes)])
        return every.logsumexp(0) - math.log(passes)

    return Classifier(Blueprint(network=nn.Identity(), folded=folded, folds=()))


def must_classify(function: Function, images: Float[Tensor, "batch channel height width"], classes: int) -> None:
    """Tries a function on a few images.

    Raises:
        ValueError: if it does not map them to logits, or breaks down where a gradient is asked for; in one line.
    """
    wanted = f"a model maps images of shape {tuple(images.shape)} to logits of shape {(len(images), classes)}"
    try:
        asked = images.clone().requires_grad_()
        logits: object = function(asked)
        if isinstance(logits, Tensor) and logits.requires_grad:
            torch.autograd.grad(logits.sum(), asked, allow_unused=True)
    except Exception as error:  # whatever somebody's own code may raise
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{wanted}, and lets their gradient be asked for; it raised {said}") from error
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    must(shape == (len(images), classes), f"{wanted}; got {shape}")
    assert isinstance(logits, Tensor), "it has a shape"
    must(logits.is_floating_point(), f"{wanted}, in floating point; got {logits.dtype}")

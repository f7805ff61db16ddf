"""What an attack raises, for every example on its own."""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from trainables.attacks.attack import Objective
from trainables.classifiers.classifier import Classifier
from trainables.differentiation import Tensors
from trainables.geometry import TINY


def cross_entropy(classifier: Classifier, folded: Tensors, labels: Tensor) -> Objective:
    """The cross-entropy of the true label."""

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, reduction="none")

    return _of_logits(loss, classifier, folded, labels)


def divergence(classifier: Classifier, folded: Tensors, labels: Tensor, clean: Tensor) -> Objective:
    """The divergence from the prediction on clean images (TRADES, Zhang et al. 2019, arXiv 1901.08573)."""

    def function(images: Tensor, labels: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        logits = classifier.logits(folded, images)
        return kl(target, logits), logits.argmax(1) != labels

    return Objective(function, (labels, classifier.logits(folded, clean).log_softmax(1)))


def margin(classifier: Classifier, folded: Tensors, labels: Tensor) -> Objective:
    """How far the largest other logit lies above the true label's: above zero where misclassified."""
    return _of_logits(excess, classifier, folded, labels)


def dlr(classifier: Classifier, folded: Tensors, labels: Tensor) -> Objective:
    """The difference of logits ratio (Croce and Hein 2020, arXiv 2003.01690, section 4).

    The margin over the distance from the largest to the third largest logit, so that its size says nothing of the
    logits' size, whose softmax may have no gradient left. Of two classes there is no third logit: then it is the
    margin.
    """

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        return excess(logits, labels) / _spread(logits, 1)

    return _of_logits(loss, classifier, folded, labels)


def dlr_targeted(classifier: Classifier, folded: Tensors, labels: Tensor, targets: Int[Tensor, "batch"]) -> Objective:
    """The same towards one class (as there): that logit above the true label's, over a distance of logits.

    The distance is from the largest logit to the mean of the third and the fourth. Of two or three classes there is no
    fourth: there it is the margin to the target.

    Args:
        classifier: gives the logits.
        folded: its parameters.
        labels: true ones.
        targets: other classes, one for each example.
    """

    def loss(logits: Tensor, labels: Tensor, targets: Tensor) -> Tensor:
        return (_logit(logits, targets) - _logit(logits, labels)) / _spread(logits, 2)

    return _of_logits(loss, classifier, folded, labels, targets)


def kl(log_target: Tensor, logits: Tensor) -> Tensor:
    """Returns KL(target || softmax(logits)) per example."""
    return (log_target.exp() * (log_target - logits.log_softmax(1))).sum(1)


def others(logits: Float[Tensor, "batch classes"], labels: Int[Tensor, "batch"]) -> Float[Tensor, "batch classes"]:
    """Returns the logits with minus infinity in place of the true label's."""
    return logits.masked_fill(labels[:, None] == torch.arange(logits.shape[1], device=logits.device), -torch.inf)


def excess(logits: Float[Tensor, "batch classes"], labels: Int[Tensor, "batch"]) -> Float[Tensor, "batch"]:
    """Returns how far the largest other logit lies above the true label's."""
    return others(logits, labels).amax(1) - _logit(logits, labels)


def _logit(logits: Tensor, classes: Tensor) -> Tensor:
    return logits.gather(1, classes[:, None])[:, 0]


def _spread(logits: Tensor, count: int) -> Tensor:
    """Returns how far the largest logit lies above the mean of so many from the third on, or 1 where they are fewer."""
    if logits.shape[1] < 2 + count:
        return torch.ones_like(logits[:, 0])
    falling = logits.sort(dim=1, descending=True).values
    return falling[:, 0] - falling[:, 2 : 2 + count].mean(1) + TINY


def _of_logits(
    loss: Callable[..., Tensor], classifier: Classifier, folded: Tensors, labels: Tensor, *more: Tensor
) -> Objective:
    """Returns the objective of a loss of logits, labels and whatever more belongs to each example."""

    def function(images: Tensor, labels: Tensor, *more: Tensor) -> tuple[Tensor, Tensor]:
        logits = classifier.logits(folded, images)
        return loss(logits, labels, *more), logits.argmax(1) != labels

    return Objective(function, (labels, *more))

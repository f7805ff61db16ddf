"""What an attack raises, for every example on its own."""

from torch import Tensor
from torch.nn import functional as F

from trainables.attacks.attack import Objective
from trainables.classifiers.classifier import Classifier
from trainables.differentiation import Tensors


def cross_entropy(classifier: Classifier, folded: Tensors, labels: Tensor) -> Objective:
    """The cross-entropy of the true label."""

    def function(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = classifier.logits(folded, images)
        return F.cross_entropy(logits, labels, reduction="none"), logits.argmax(1) != labels

    return Objective(function, (labels,))


def divergence(classifier: Classifier, folded: Tensors, labels: Tensor, clean: Tensor) -> Objective:
    """The divergence from the prediction on clean images (TRADES, Zhang et al. 2019, arXiv 1901.08573)."""

    def function(images: Tensor, labels: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        logits = classifier.logits(folded, images)
        return kl(target, logits), logits.argmax(1) != labels

    return Objective(function, (labels, classifier.logits(folded, clean).log_softmax(1)))


def kl(log_target: Tensor, logits: Tensor) -> Tensor:
    """Returns KL(target || softmax(logits)) per example."""
    return (log_target.exp() * (log_target - logits.log_softmax(1))).sum(1)

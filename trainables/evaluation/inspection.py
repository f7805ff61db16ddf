"""A look at a model before anybody attacks it: what of it would make attacks fail for another reason than robustness.

After the checklists of Carlini et al. 2019 (arXiv 1902.06705) and Athalye, Carlini and Wagner 2018 (arXiv 1802.00420).
Everything is measured on a few clean images; `trainables.evaluation.flags` judges it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trainables.attacks.attack import Objective
from trainables.attacks.objectives import cross_entropy, excess, margin
from trainables.classifiers.classifier import Classifier
from trainables.differentiation import Tensors, grad_and_aux
from trainables.evaluation.asked import Subject
from trainables.seeding import stream

OfLabels = Callable[[Classifier, Tensors, Tensor], Objective]
LOOKED_AT = 64  # images
PASSES = 4  # of the same images: who is random now and then is to be caught
GUESTS = 8  # images whose logits are compared in two batches
NOISE = 1e-3  # a quarter of the step between two grey levels of 256: nobody sees it
SUM = 1e-3  # how far from 1 a sum of probabilities may be
FLAT = 1e-6  # of the margin: a gradient that promises less, over the whole range of all pixels, is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What was seen; fractions are of the images looked at, where nothing else is said.

    Attributes:
        images: looked at.
        classes: that it tells apart.
        correct: how many of them are classified correctly; gradients are taken at these, or at all if there are none.
        not_finite: fraction whose logits are not all finite.
        probabilities: fraction whose logits lie in [0, 1] and sum to 1.
        unrepeatable: how much logits of the same images differ between passes, relative to the largest.
        dependent: how much those of the same images differ between batches with others.
        flat: fraction of the gradients of the margin that are zero; see `FLAT`.
        broken: fraction of them that are not finite.
        blind: fraction at which the gradient of the cross-entropy is exactly zero, and that of the margin is not.
        error: on the images as they are, in another pass.
        noisy_error: on the images with uniform noise of `NOISE`.
        commonest: fraction that are taken for the commonest prediction.
        chance: error of the best constant prediction, on all examples.
        scatter: standard deviation of such an error, over draws of as many examples.
    """

    images: int
    classes: int
    correct: int
    not_finite: float
    probabilities: float
    unrepeatable: float
    dependent: float
    flat: float
    broken: float
    blind: float
    error: float
    noisy_error: float
    commonest: float
    chance: float
    scatter: float

    @property
    def gradients(self) -> int:
        """How many images gradients were taken at."""
        return self.correct or self.images


def repeat_difference(subject: Subject) -> float:
    """Returns how much logits of the same images differ between passes, relative to the largest."""
    images = subject.images(_looked_at(subject))
    first = subject.logits(images)
    return max(_apart(first, subject.logits(images)) for _ in range(PASSES - 1))


def inspect(subject: Subject, seed: int, *, unrepeatable: float) -> Inspection:
    """Looks at a model.

    Args:
        subject: the model and its data.
        seed: of the noise.
        unrepeatable: see `repeat_difference`; predictions that are random may be averaged by now.
    """
    rows = _looked_at(subject)
    images, labels = subject.images(rows), subject.labels(rows)
    logits = subject.logits(images)
    right = logits.argmax(1) == labels
    at = right.nonzero()[:, 0].cpu() if right.any() else rows
    of_margin, of_entropy = (_slopes(subject, make, at) for make in (margin, cross_entropy))
    size = excess(logits, labels)[at].abs().clamp_min(torch.finfo(logits.dtype).tiny)
    flat = of_margin.flatten(1).abs().sum(1) <= FLAT * size
    chance = 1 - subject.split.labels.bincount().max().item() / len(subject.split)
    noise = 2 * torch.rand(images.shape, generator=stream(seed, "inspection")).to(images) - 1
    sums = (logits >= 0).all(1) & (logits <= 1).all(1) & ((logits.sum(1) - 1).abs() <= SUM)
    return Inspection(
        images=len(rows),
        classes=logits.shape[1],
        correct=int(right.sum()),
        not_finite=_fraction(~logits.isfinite().all(1)),
        probabilities=_fraction(sums),
        unrepeatable=unrepeatable,
        dependent=_dependence(subject, images),
        flat=_fraction(flat),
        broken=_fraction(~of_margin.flatten(1).isfinite().all(1)),
        blind=_fraction((of_entropy.flatten(1) == 0).all(1) & ~flat),
        error=_fraction(subject.wrong(rows, images)),
        noisy_error=_fraction(subject.wrong(rows, (images + NOISE * noise).clamp(0, 1))),
        commonest=logits.argmax(1).bincount().max().item() / len(rows),
        chance=chance,
        scatter=(chance * (1 - chance) / len(subject.split)) ** 0.5,
    )


def _looked_at(subject: Subject) -> Tensor:
    return torch.arange(min(LOOKED_AT, len(subject.split)))


def _slopes(subject: Subject, make: OfLabels, rows: Tensor) -> Float[Tensor, "batch channel height width"]:
    """Returns gradients of an objective with respect to the images."""
    objective = make(subject.classifier, subject.folded, subject.labels(rows))

    def rise(images: Tensor) -> tuple[Tensor, Tensor]:
        loss, wrong = objective(images)
        return loss.sum(), wrong

    subject.tally.add(len(rows), forward=1, backward=1)
    return grad_and_aux(rise, subject.images(rows), alone=True)[0]


def _dependence(subject: Subject, images: Float[Tensor, "batch channel height width"]) -> float:
    """Compares the logits of the first images beside others with those of the same images beside black ones."""
    guests = images[:GUESTS]
    beside_black = subject.logits(torch.cat([guests, torch.zeros_like(images[GUESTS:])]))
    return _apart(subject.logits(images)[: len(guests)], beside_black[: len(guests)])


def _apart(one: Tensor, other: Tensor) -> float:
    """Returns the largest difference of two tensors, relative to their largest number; NaN is like NaN."""
    one, other = one.nan_to_num(), other.nan_to_num()
    size = torch.maximum(one.abs().max(), other.abs().max()).clamp_min(torch.finfo(one.dtype).tiny)
    return ((one - other).abs().max() / size).item()


def _fraction(mask: Bool[Tensor, "batch"]) -> float:
    return mask.double().mean().item()

"""What attacks raise, against formulas written out for one example."""

import pytest
import torch
from torch import Tensor, nn

from trainables.attacks.objectives import cross_entropy, dlr, dlr_targeted, margin
from trainables.classifiers.classifier import Blueprint, Classifier
from trainables.seeding import stream

EXAMPLES = 12
IDENTITY = Classifier(Blueprint(network=nn.Identity(), folded=lambda _, images: images[:, :, 0, 0], folds=()))
UNTARGETED = {"cross entropy": cross_entropy, "margin": margin, "dlr": dlr}


def some(classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images that are logits, labels, and targets that are not the labels."""
    images = 3 * torch.randn(EXAMPLES, classes, 1, 1, generator=stream(0, "logits"), dtype=torch.float64)
    labels = torch.arange(EXAMPLES) % classes
    return images, labels, (labels + 1 + torch.arange(EXAMPLES) % (classes - 1)) % classes


def by_hand(images: Tensor, labels: Tensor) -> list[tuple[list[float], int, list[float]]]:
    """Of every example: its logits, its label, and its logits from the largest on."""
    rows = images[:, :, 0, 0].tolist()
    return [(z, int(y), sorted(z, reverse=True)) for z, y in zip(rows, labels, strict=True)]


def rest(z: list[float], y: int) -> list[float]:
    return [value for j, value in enumerate(z) if j != y]


@pytest.mark.parametrize("classes", [2, 3, 4, 10])
def test_the_margin_is_the_largest_other_logit_minus_the_true_one(classes: int) -> None:
    images, labels, _ = some(classes)
    loss, wrong = margin(IDENTITY, {}, labels)(images)

    assert loss.tolist() == pytest.approx([max(rest(z, y)) - z[y] for z, y, _ in by_hand(images, labels)])
    assert torch.equal(wrong, loss > 0)


@pytest.mark.parametrize("classes", [3, 4, 10])
def test_dlr_is_the_margin_over_the_distance_to_the_third_logit(classes: int) -> None:
    images, labels, _ = some(classes)
    loss, wrong = dlr(IDENTITY, {}, labels)(images)
    expected = [(max(rest(z, y)) - z[y]) / (top[0] - top[2]) for z, y, top in by_hand(images, labels)]

    assert loss.tolist() == pytest.approx(expected)
    assert torch.equal(wrong, loss > 0)


@pytest.mark.parametrize("classes", [4, 10])
def test_targeted_dlr_is_the_distance_to_the_target_over_that_to_the_third_and_fourth(classes: int) -> None:
    images, labels, targets = some(classes)
    loss, wrong = dlr_targeted(IDENTITY, {}, labels, targets)(images)
    expected = [
        (z[t] - z[y]) / (top[0] - (top[2] + top[3]) / 2)
        for (z, y, top), t in zip(by_hand(images, labels), targets.tolist(), strict=True)
    ]

    assert loss.tolist() == pytest.approx(expected)
    assert torch.equal(wrong, images[:, :, 0, 0].argmax(1) != labels)


def test_with_too_few_classes_the_ratio_is_the_margin() -> None:
    images, labels, targets = some(2)
    assert torch.equal(dlr(IDENTITY, {}, labels)(images)[0], margin(IDENTITY, {}, labels)(images)[0])
    assert torch.equal(dlr_targeted(IDENTITY, {}, labels, targets)(images)[0], margin(IDENTITY, {}, labels)(images)[0])

    images, labels, targets = some(3)
    logits = images[:, :, 0, 0]
    towards = (logits.gather(1, targets[:, None]) - logits.gather(1, labels[:, None]))[:, 0]
    torch.testing.assert_close(dlr_targeted(IDENTITY, {}, labels, targets)(images)[0], towards)


@pytest.mark.parametrize("name", ["dlr", "targeted"])
def test_the_size_of_the_logits_does_not_change_the_ratio(name: str) -> None:
    images, labels, targets = some(10)

    def ratio(images: Tensor) -> Tensor:
        objective = dlr(IDENTITY, {}, labels) if name == "dlr" else dlr_targeted(IDENTITY, {}, labels, targets)
        return objective(images)[0]

    torch.testing.assert_close(ratio(1000 * images + 5), ratio(images))


@pytest.mark.parametrize("name", list(UNTARGETED))
def test_every_objective_rises_with_another_logit_and_falls_with_the_true_one(name: str) -> None:
    images, labels, _ = some(10)
    images.requires_grad_()
    loss, _ = UNTARGETED[name](IDENTITY, {}, labels)(images)
    (gradient,) = torch.autograd.grad(loss.sum(), images)
    own = gradient[torch.arange(EXAMPLES), labels, 0, 0]
    right = images[:, :, 0, 0].argmax(1) == labels

    assert right.any()
    assert (own[right] < 0).all()


@pytest.mark.parametrize("name", list(UNTARGETED))
def test_some_of_the_examples_keep_their_losses(name: str) -> None:
    images, labels, _ = some(10)
    objective, rows = UNTARGETED[name](IDENTITY, {}, labels), torch.tensor([7, 2, 3])

    torch.testing.assert_close(objective.at(rows)(images[rows])[0], objective(images)[0][rows])


@pytest.mark.parametrize("name", list(UNTARGETED))
def test_equal_logits_have_a_finite_loss_and_gradient(name: str) -> None:
    images = torch.zeros(2, 10, 1, 1, requires_grad=True)
    loss, _ = UNTARGETED[name](IDENTITY, {}, torch.tensor([0, 3]))(images)
    (gradient,) = torch.autograd.grad(loss.sum(), images)

    assert loss.isfinite().all()
    assert gradient.isfinite().all()

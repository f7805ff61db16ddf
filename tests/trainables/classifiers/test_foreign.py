import pytest
import torch
from torch import Tensor

from trainables.classifiers.foreign import averaged, foreign, must_classify
from trainables.seeding import stream

IMAGES = torch.rand(4, 1, 3, 3, generator=stream(0, "images"))
WEIGHTS = torch.randn(9, 5, generator=stream(0, "weights"))


def linear(images: Tensor) -> Tensor:
    return images.flatten(1) @ WEIGHTS


def test_a_function_becomes_a_classifier() -> None:
    assert torch.equal(foreign(linear).logits({}, IMAGES), linear(IMAGES))


@pytest.mark.parametrize("cut", [lambda images: linear(images.detach()), lambda images: torch.ones(len(images), 5)])
def test_what_is_cut_off_from_its_input_has_a_gradient_of_zero(cut) -> None:
    images = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(foreign(cut).logits({}, images).sum(), images)

    assert torch.equal(gradient, torch.zeros_like(IMAGES))


def test_the_mean_prediction_is_that_of_probabilities() -> None:
    rng = stream(0, "noise")
    twin = stream(0, "noise")
    noisy = foreign(lambda images: linear(images + torch.randn(images.shape, generator=rng)))
    mean = averaged(noisy, 7).logits({}, IMAGES)
    each = [linear(IMAGES + torch.randn(IMAGES.shape, generator=twin)).softmax(1) for _ in range(7)]

    torch.testing.assert_close(mean.exp(), torch.stack(each).mean(0))


def test_the_mean_of_what_is_sure_of_itself_does_not_underflow() -> None:
    sure = averaged(foreign(lambda images: 1e4 * linear(images)), 3).logits({}, IMAGES)

    torch.testing.assert_close(sure, (1e4 * linear(IMAGES)).log_softmax(1))


def raising(images: Tensor) -> Tensor:
    raise LookupError("no\nsuch layer")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda images: images.flatten(1) @ WEIGHTS[:, :4], r"\(4, 5\); got \(4, 4\)"),
        (lambda images: linear(images)[0], r"got \(5,\)"),
        (lambda images: linear(images).tolist(), "got list"),
        (lambda images: linear(images).argsort(1), "floating point; got torch.int64"),
        (raising, "it raised LookupError: no such layer"),
        (lambda images: linear(images.mul_(2)), "it raised RuntimeError"),
    ],
)
def test_what_is_no_model_is_refused_on_one_line(function, says) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        must_classify(function, IMAGES, 5)

    assert "\n" not in str(refused.value)


def test_a_model_is_taken() -> None:
    must_classify(linear, IMAGES, 5)
    must_classify(lambda images: linear(images.detach()), IMAGES, 5)

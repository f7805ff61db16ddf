"""The product of matrices is the rectified convolution, for images of any size, with and without gradients."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.classifiers.patches import patch_conv
from trainables.seeding import stream

SHAPES = [(1, 28, 28), (3, 32, 32), (1, 27, 30), (2, 5, 7), (3, 2, 3)]


def drawn(shape: tuple[int, int, int], *models: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images, weight, bias and a gradient towards the outputs; multiples of an eighth, of which sums are exact."""
    rng = stream(0, "patches")
    sizes = [(5, *shape), (6, shape[0], 4, 4), (6,), (5, 6, shape[1] // 2, shape[2] // 2)]
    images, weight, bias, towards = (
        torch.randint(-4, 5, (*models, *size), generator=rng).double() / 8 for size in sizes
    )
    return images, weight, bias, towards


def plain(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.conv2d(images, weight, bias, stride=2, padding=1).relu()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_is_the_convolution_and_has_its_gradient(shape: tuple[int, int, int], dtype: torch.dtype) -> None:
    exact, weight, bias, towards = drawn(shape)
    exact.requires_grad_()
    expected = plain(exact, weight, bias)
    (gradient,) = torch.autograd.grad(expected, exact, towards)
    images = exact.detach().to(torch.float32 if dtype == torch.bfloat16 else dtype).requires_grad_()
    constants = weight.to(dtype), bias.to(dtype)

    found = patch_conv(images, *constants)
    with torch.no_grad():
        torch.testing.assert_close(patch_conv(images, *constants), expected.to(dtype))

    assert found.dtype == dtype
    torch.testing.assert_close(found, expected.to(dtype))
    (ours,) = torch.autograd.grad(found, images, towards.to(dtype))
    torch.testing.assert_close(ours, gradient.to(dtype).to(images.dtype))
    assert patch_conv(images[:0], *constants).shape == expected[:0].shape


@pytest.mark.parametrize("shape", SHAPES)
def test_a_fused_one_is_that_of_each_model(shape: tuple[int, int, int]) -> None:
    models = drawn(shape, 3)

    def gradient(images: Tensor, weight: Tensor, bias: Tensor, towards: Tensor) -> Tensor:
        def value(at: Tensor) -> Tensor:
            return (patch_conv(at, weight, bias) * towards).sum()

        return torch.func.grad(value)(images)

    found = torch.vmap(gradient)(*models)
    for one, images, weight, bias, towards in zip(found, *models, strict=True):
        images.requires_grad_()
        torch.testing.assert_close(one, torch.autograd.grad(plain(images, weight, bias), images, towards)[0])


def test_weights_are_constants() -> None:
    images, weight, bias, _ = drawn((1, 4, 4))
    weight.requires_grad_()

    output = patch_conv(images.requires_grad_(), weight, bias)

    with pytest.raises(RuntimeError, match="not have been used"):
        torch.autograd.grad(output.sum(), (images, weight))

"""The product of patches is the convolution, for images of any size, with and without gradients."""

import pytest
import torch
from torch.nn import functional as F

from trainables.classifiers.patches import patch_conv
from trainables.seeding import stream

DOUBLE = torch.float64


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 27, 30), (2, 5, 7), (3, 2, 3)])
def test_is_the_convolution_and_has_its_gradients(shape: tuple[int, int, int]) -> None:
    rng = stream(0, "patches")
    images, weight, bias = (
        torch.randn(sizes, generator=rng, dtype=DOUBLE, requires_grad=True)
        for sizes in ((5, *shape), (6, shape[0], 4, 4), (6,))
    )
    expected = F.conv2d(images, weight, bias, stride=2, padding=1)
    towards = torch.randn(expected.shape, generator=rng, dtype=DOUBLE)
    found = patch_conv(images, weight, bias)
    with torch.no_grad():
        torch.testing.assert_close(patch_conv(images, weight, bias), expected)

    assert patch_conv(images[:0], weight, bias).shape == expected[:0].shape
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(
        torch.autograd.grad((found * towards).sum(), (images, weight, bias)),
        torch.autograd.grad((expected * towards).sum(), (images, weight, bias)),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)

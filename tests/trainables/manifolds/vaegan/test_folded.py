"""A folded decoder makes what the decoder makes, and sends the same gradients to codes."""

import pytest
import torch

from tests.trainables.manifolds.vaegan.test_networks import louder
from trainables.manifolds.vaegan.folded import FoldedDecoder
from trainables.manifolds.vaegan.networks import Networks
from trainables.seeding import stream


@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 56, 48), (1, 5, 4), (2, 13, 22)])
def test_images_and_gradients_are_the_same(image_shape):
    networks, rng = Networks(image_shape=image_shape, latent=7, width=1 / 16), stream(0, "all")
    params, stats = networks.initialise(rng, torch.float64, judging=False)
    stats = {name: torch.rand(values.shape, generator=rng, dtype=torch.float64) + 0.1 for name, values in stats.items()}
    params = {
        name: values + 0.1 * torch.randn(values.shape, generator=rng, dtype=torch.float64)
        for name, values in louder(params).items()
    }
    codes = torch.randn(5, 7, generator=rng, dtype=torch.float64).requires_grad_()
    target = torch.rand(5, *image_shape, generator=rng, dtype=torch.float64)

    expected = networks.decode(params, stats, codes, training=False)
    made = FoldedDecoder(networks, params, stats, torch.float64)(codes)

    torch.testing.assert_close(made, expected)
    assert expected.std() > 0.05
    gradients = [torch.autograd.grad((images - target).square().sum(), codes)[0] for images in (made, expected)]
    torch.testing.assert_close(*gradients)

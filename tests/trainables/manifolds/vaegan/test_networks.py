"""The three networks: shapes as in the paper, values as torch's own modules give them."""

import pytest
import torch
from torch import nn

from trainables.manifolds.vaegan.networks import Networks
from trainables.seeding import stream

SHAPES = pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 56, 48)])


def louder(params):
    """Weights that make a difference: the paper begins with nearly none."""
    return {name: values * (300 if name.endswith("conv0.weight") else 30) for name, values in params.items()}


@SHAPES
def test_images_become_codes_and_codes_images(image_shape):
    networks = Networks(image_shape=image_shape, latent=7, width=1 / 16)
    params, stats = networks.initialise(stream(0, "weights"), judging=True)
    images = torch.rand(4, *image_shape, generator=stream(0, "images"))

    mean, log_variance = networks.encode(params, stats, images, training=True)
    made = networks.decode(params, stats, mean, training=True)

    assert mean.shape == log_variance.shape == (4, 7)
    assert made.shape == images.shape
    assert 0 <= made.min() <= made.max() <= 1
    assert networks.judge(params, images).shape == (4,)


def test_sizes_and_channels_are_the_papers():
    small = Networks(image_shape=(1, 28, 28), latent=10, width=1.0)
    large = Networks(image_shape=(3, 56, 48), latent=25, width=1.0)

    assert (small.sizes(), small.channels()) == ([(28, 28), (14, 14), (7, 7), (3, 3)], [1, 64, 128, 256])
    assert large.sizes() == [(56, 48), (28, 24), (14, 12), (7, 6), (3, 3)]
    assert large.channels() == [3, 64, 128, 256, 512]


@pytest.mark.parametrize("training", [True, False])
def test_coding_agrees_with_torchs_own_modules(training):
    networks = Networks(image_shape=(1, 28, 28), latent=3, width=1 / 16)
    params, stats = networks.initialise(stream(0, "weights"), torch.float64, judging=True)
    params = louder(params)
    images = torch.rand(5, 1, 28, 28, generator=stream(0, "images"), dtype=torch.float64)

    def modules(net, transposed):
        layers, order = [], range(3) if not transposed else (2, 1, 0)
        for i in order:
            weight = params[f"{net}.conv{i}.weight"]
            if transposed:
                odd = 1 if i == 2 else 0
                conv = nn.ConvTranspose2d(len(weight), weight.shape[1], 6, 2, 2, odd, bias=i == 0).double()
            else:
                side = weight.shape[2]
                conv = nn.Conv2d(weight.shape[1], len(weight), side, 2, side // 2 - 1, bias=False).double()
            conv.weight.data = weight
            layers.append(conv)
            if transposed and i == 0:
                conv.bias.data = params[f"{net}.conv0.bias"]
                layers.append(nn.Sigmoid())
                continue
            norm = nn.BatchNorm2d(conv.out_channels).double()
            norm.weight.data, norm.bias.data = params[f"{net}.norm{i}.weight"], params[f"{net}.norm{i}.bias"]
            layers += [norm, nn.ReLU()]
        return nn.Sequential(*layers).train(training)

    flat = modules("encoder", transposed=False)(images).flatten(1)
    mean = flat @ params["encoder.mean.weight"].T + params["encoder.mean.bias"]
    start = mean @ params["decoder.linear.weight"].T + params["decoder.linear.bias"]
    made = modules("decoder", transposed=True)(start.reshape(5, 16, 3, 3))

    torch.testing.assert_close(networks.encode(params, stats, images, training=training)[0], mean)
    torch.testing.assert_close(networks.decode(params, stats, mean, training=training), made)
    if training:  # the discriminator always goes by its batch's statistics
        seen = modules("discriminator", transposed=False)(images).flatten(1)
        hidden = seen @ params["discriminator.hidden.weight"].T + params["discriminator.hidden.bias"]
        verdict = hidden @ params["discriminator.logit.weight"].T + params["discriminator.logit.bias"]
        torch.testing.assert_close(networks.judge(params, images), verdict[:, 0])


def test_training_moves_the_running_statistics_it_is_given_and_evaluation_does_not():
    networks = Networks(image_shape=(1, 28, 28), latent=3, width=1 / 16)
    params, stats = networks.initialise(stream(0, "weights"), judging=False)
    images = torch.rand(5, 1, 28, 28, generator=stream(0, "images"))
    before = {name: values.clone() for name, values in stats.items()}

    networks.encode(params, stats, images, training=False)
    assert all(torch.equal(stats[name], before[name]) for name in stats)
    networks.encode(params, stats, images, training=True)
    assert not torch.equal(stats["encoder.norm0.variance"], before["encoder.norm0.variance"])


def test_a_discriminator_does_not_change_the_other_weights():
    networks = Networks(image_shape=(1, 28, 28), latent=3, width=1 / 16)
    without, _ = networks.initialise(stream(0, "weights"), judging=False)
    beside, _ = networks.initialise(stream(0, "weights"), judging=True)

    assert not any(name.startswith("discriminator") for name in without)
    assert all(torch.equal(beside[name], values) for name, values in without.items())

"""What the networks are made of, counted by hand."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.resnet import BasicBlock

from tests.trainables.classifiers.conftest import COLOUR, GREY, Shape, random_images
from trainables.classifiers import BLUEPRINTS, build
from trainables.classifiers.stem import stem_conv
from trainables.classifiers.vgg import vgg
from trainables.seeding import stream

STAGE_2 = 9 * 64 * 128 + 27 * 128 * 128 + 64 * 128 + 5 * 256
STAGE_3 = 9 * 128 * 256 + 27 * 256 * 256 + 128 * 256 + 5 * 512
CONVS = 9 * (64 * 128 + 128 * 128 + 128 * 256 + 256 * 256) + 2 * (64 + 128 + 128 + 256 + 256)
BLOCK = 4 * 128 * 128 + 128 + 128 * 512 + 512 + 512 * 128 + 128 + 4 * 128


@pytest.mark.parametrize(
    ("name", "shape", "classes", "count"),
    [
        # 4x4 convolutions 1-16-32-64 without biases, scale and shift of each, 576 -> 100 -> 10
        ("conv", GREY, 10, 16 * 16 + 32 + 32 * 16 * 16 + 64 + 64 * 32 * 16 + 128 + 576 * 100 + 100 + 1010),
        # 784 -> 128 and three times 128 -> 128, scale and shift of each, 128 -> 10
        ("mlp", GREY, 10, 784 * 128 + 128 + 3 * (128 * 128 + 128) + 4 * 256 + 1290),
        # 3x3 from the image; four of 64; in two stages four and a 1x1 each; the mean of 256 channels -> classes
        ("resnet", GREY, 10, 9 * 64 + 128 + 4 * (9 * 64 * 64 + 128) + STAGE_2 + STAGE_3 + 2570),
        ("resnet", COLOUR, 2, 27 * 64 + 128 + 4 * (9 * 64 * 64 + 128) + STAGE_2 + STAGE_3 + 514),
        # five convolutions, 256 channels of 7x7 (14x12) -> 1024 -> 1024 -> classes
        ("vgg", GREY, 10, 9 * 64 + CONVS + (12544 + 1) * 1024 + 1025 * 1024 + 10250),
        ("vgg", COLOUR, 2, 27 * 64 + CONVS + (43008 + 1) * 1024 + 1025 * 1024 + 2050),
        # 16 patches of 7x7 (42 of 8x8x3), their positions, six blocks without biases of q, k and v, a norm, classes
        ("vit", GREY, 10, 50 * 128 + 16 * 128 + 6 * BLOCK + 256 + 1290),
        ("vit", COLOUR, 2, 193 * 128 + 42 * 128 + 6 * BLOCK + 256 + 258),
    ],
)
def test_counts_parameters(name: str, shape: Shape, classes: int, count: int) -> None:
    assert build(name, shape, classes, 1.0).size == count


def test_the_residual_network_has_13_layers_and_two_projections() -> None:
    network = BLUEPRINTS["resnet"](GREY, 10, 1.0).network
    kernels = [tuple(p.shape[2:]) for p in network.parameters() if p.ndim == 4]

    assert kernels.count((3, 3)) == 13
    assert kernels.count((1, 1)) == 2


def test_the_residual_blocks_are_those_of_torchvision() -> None:
    """Parameters have the same order there; the shapes that a stride makes show in the features."""
    network = BLUEPRINTS["resnet"](GREY, 10, 1 / 16).network.to_empty(device="cpu")
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3, generator=stream(0, "weights"))
    features = torch.rand(2, 4, 28, 28, generator=stream(0, "features"))
    for i, (inputs, outputs, stride) in enumerate(
        [(4, 4, 1), (4, 4, 1), (4, 8, 2), (8, 8, 1), (8, 16, 2), (16, 16, 1)]
    ):
        ours, theirs = network.get_submodule(f"block{i}"), basic_block(inputs, outputs, stride)
        for parameter, value in zip(theirs.parameters(), ours.parameters(), strict=True):
            parameter.data = value.data
        expected, features = theirs(features), ours(features)
        torch.testing.assert_close(features, expected)

    assert features.shape == (2, 16, 7, 7)


def basic_block(inputs: int, outputs: int, stride: int) -> BasicBlock:
    projection = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    with torch.random.fork_rng(devices=[]):
        return BasicBlock(inputs, outputs, stride, projection if stride > 1 else None).train()


@pytest.mark.parametrize("name", list(BLUEPRINTS))
def test_no_width_is_too_small_to_build(name: str) -> None:
    classifier = build(name, GREY, 10, 0.001)
    params, buffers = classifier.initialise(stream(0, "weights"))
    logits, _ = classifier.train_logits(params, buffers, random_images(2, GREY).float())

    assert logits.isfinite().all()


def test_vit_says_which_images_it_can_cut() -> None:
    with pytest.raises(ValueError, match=r"sides are multiples of 7 or of 8; got 30x28"):
        build("vit", (1, 30, 28), 10, 1.0)


@pytest.mark.parametrize("shape", [GREY, COLOUR])
def test_vit_cuts_patches_as_a_strided_convolution_does(shape: Shape) -> None:
    side, images = (7 if shape == GREY else 8), random_images(2, shape)
    network = BLUEPRINTS["vit"](shape, 10, 0.25).network.to_empty(device="cpu").double()
    for values in (network.patches.weight, network.patches.bias):  # empty, so that anything may stand there
        nn.init.normal_(values, generator=stream(0, "weights"))
    kernel = network.patches.weight.reshape(-1, shape[0], side, side)
    expected = F.conv2d(images, kernel, network.patches.bias, stride=side)
    seen: list[Tensor] = []
    network.patches.register_forward_hook(lambda _module, _given, made: seen.append(made))

    network(images)

    torch.testing.assert_close(seen[0].transpose(1, 2).reshape(expected.shape), expected)


@pytest.mark.parametrize("channels", [1, 3])
def test_stem_is_a_convolution_and_leaves_channels_last(channels: int) -> None:
    images = random_images(3, (channels, 10, 12))
    weight = torch.randn(5, channels, 3, 3, generator=stream(0, "weights"), dtype=torch.float64)
    bias = torch.randn(5, generator=stream(0, "bias"), dtype=torch.float64)
    output = stem_conv(images, weight, bias)

    torch.testing.assert_close(output, F.conv2d(images, weight, bias, padding=1))
    assert output.is_contiguous(memory_format=torch.channels_last)


def test_vgg_pools_after_the_first_and_the_third_convolution() -> None:
    layers = [name for name, _ in vgg(GREY, 10, 0.25).network.named_children()]

    assert [layers[layers.index(pool) - 1] for pool in ("pool0", "pool2")] == ["relu0", "relu2"]
    assert sum(name.startswith("pool") for name in layers) == 2


def test_attention_is_that_of_torch() -> None:
    ours = BLUEPRINTS["vit"](GREY, 10, 0.25).network.to_empty(device="cpu").blocks[0].self_attention
    with torch.random.fork_rng(devices=[]):
        theirs = nn.MultiheadAttention(32, 4, batch_first=True)
    theirs.in_proj_weight.data.mul_(5)
    ours.load_state_dict(
        {
            "mixed.weight": theirs.in_proj_weight,
            "out.weight": theirs.out_proj.weight,
            "out.bias": theirs.out_proj.bias,
        }
    )
    tokens = torch.randn(2, 16, 32, generator=stream(0, "tokens"))

    torch.testing.assert_close(ours(tokens, tokens, tokens, need_weights=False)[0], theirs(tokens, tokens, tokens)[0])


def test_vit_without_positions_does_not_mind_the_order_of_its_patches() -> None:
    classifier, images = build("vit", GREY, 10, 0.25), random_images(2, GREY)
    params, _ = classifier.initialise(stream(0, "weights"), torch.float64)
    placed = classifier.logits(params, images.roll(7, 3)) - classifier.logits(params, images)
    unplaced = params | {"position": torch.zeros_like(params["position"])}

    assert placed.abs().max() > 1e-6
    torch.testing.assert_close(classifier.logits(unplaced, images.roll(7, 3)), classifier.logits(unplaced, images))

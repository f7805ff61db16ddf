import copy

import pytest
import torch
from torch.func import functional_call

from trainables.classifiers import BLUEPRINTS, build
from trainables.classifiers.classifier import Classifier
from trainables.seeding import stream

SHAPES = [(1, 28, 28), (3, 56, 48)]


@pytest.fixture(params=list(BLUEPRINTS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def trained(classifier: Classifier, shape: tuple[int, int, int]) -> tuple[dict, dict, torch.Tensor]:
    """Parameters, and statistics that have seen a few batches."""
    params, buffers = classifier.initialise(stream(0, "weights"), torch.float64)
    images = torch.rand(8, *shape, generator=stream(0, "images"), dtype=torch.float64)
    for _ in range(3):
        _, buffers = classifier.train_logits(params, buffers, images)
    return params, buffers, images


@pytest.mark.parametrize(
    ("name", "count"),
    [
        # 4x4 convolutions 1-16-32-64 without biases, scale and shift of each, 576 -> 100 -> 10
        ("conv", 16 * 16 + 32 + 32 * 16 * 16 + 64 + 64 * 32 * 16 + 128 + 576 * 100 + 100 + 1010),
        # 784 -> 128 and three times 128 -> 128, scale and shift of each, 128 -> 10
        ("mlp", 784 * 128 + 128 + 3 * (128 * 128 + 128) + 4 * 256 + 1290),
    ],
)
def test_counts_parameters(name: str, count: int) -> None:
    assert build(name, (1, 28, 28), 10, 1.0).size == count


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [0.25, 1.0])
def test_folding_leaves_the_evaluated_function_unchanged(name: str, shape: tuple[int, int, int], width: float) -> None:
    classifier = build(name, shape, 10, width)
    params, buffers, images = trained(classifier, shape)
    network = copy.deepcopy(BLUEPRINTS[name](shape, 10, width).network).eval()

    expected = functional_call(network, (params, buffers), (images,))

    torch.testing.assert_close(classifier.logits(classifier.fold(params, buffers), images), expected)


def test_evaluation_sees_every_example_on_its_own(name: str) -> None:
    classifier = build(name, (1, 28, 28), 10, 0.25)
    params, buffers, images = trained(classifier, (1, 28, 28))
    folded = classifier.fold(params, buffers)

    torch.testing.assert_close(classifier.logits(folded, images)[2:3], classifier.logits(folded, images[2:3]))


def test_training_moves_statistics_in_a_copy(name: str) -> None:
    classifier = build(name, (1, 28, 28), 10, 0.25)
    params, buffers, images = trained(classifier, (1, 28, 28))
    before = {key: value.clone() for key, value in buffers.items()}
    _, after = classifier.train_logits(params, buffers, images)

    assert all(torch.equal(buffers[key], before[key]) for key in before)
    assert not any(torch.equal(after[key], before[key]) for key in before)


def test_every_parameter_has_a_gradient(name: str) -> None:
    classifier = build(name, (1, 28, 28), 10, 1.0)
    params, buffers, images = trained(classifier, (1, 28, 28))
    leaves = {key: value.requires_grad_() for key, value in params.items()}
    logits, _ = classifier.train_logits(leaves, buffers, images)
    gradients = torch.autograd.grad(logits.exp().sum(), list(leaves.values()))

    assert all(gradient.abs().max() > 1e-8 for gradient in gradients)


def test_weights_are_drawn_from_the_given_generator_alone(name: str) -> None:
    classifier, before = build(name, (1, 28, 28), 10, 1.0), torch.get_rng_state()
    first, _ = classifier.initialise(stream(0, "weights"))
    second, _ = classifier.initialise(stream(0, "weights"))
    other, _ = classifier.initialise(stream(1, "weights"))

    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(next(iter(first.values())), next(iter(other.values())))
    assert torch.equal(before, torch.get_rng_state())


def test_initial_weights_have_the_papers_deviation() -> None:
    params, _ = build("conv", (1, 28, 28), 10, 1.0).initialise(stream(0, "weights"))

    assert params["hidden.weight"].std().item() == pytest.approx((2 / 3) ** 0.5 / 576**0.5, rel=0.02)
    assert params["norm0.weight"].eq(1).all()
    assert params["hidden.bias"].eq(0).all()

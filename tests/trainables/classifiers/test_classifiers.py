"""What every network promises, alone. What it promises under `torch.vmap` stands in test_stacked_classifiers.py."""

import copy

import pytest
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from tests.trainables.classifiers.conftest import GREY, NARROW, SHAPES, Shape, random_images, trained
from trainables.classifiers import BLUEPRINTS, build
from trainables.classifiers.classifier import in_precision
from trainables.config import ARCHITECTURES
from trainables.seeding import stream


def test_every_architecture_of_a_trial_can_be_built() -> None:
    assert set(BLUEPRINTS) == set(ARCHITECTURES)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [NARROW, 0.25])
@pytest.mark.parametrize("climbs", [True, False], ids=["with gradients", "without"])
def test_folding_leaves_the_evaluated_function_as_it_is(name: str, shape: Shape, width: float, *, climbs: bool) -> None:
    classifier = build(name, shape, 10, width)
    params, buffers, images = trained(classifier, shape)
    network = copy.deepcopy(BLUEPRINTS[name](shape, 10, width).network).eval()

    expected = functional_call(network, (params, buffers), (images,))

    with torch.set_grad_enabled(climbs):
        logits = classifier.logits(classifier.fold(params, buffers), images)
    torch.testing.assert_close(logits, expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_evaluation_sees_every_example_on_its_own(name: str, shape: Shape) -> None:
    classifier = build(name, shape, 10, NARROW)
    params, buffers, images = trained(classifier, shape)
    folded = classifier.fold(params, buffers)

    torch.testing.assert_close(classifier.logits(folded, images)[2:3], classifier.logits(folded, images[2:3]))


def test_training_moves_statistics_in_a_copy(name: str) -> None:
    classifier = build(name, GREY, 10, NARROW)
    params, buffers, images = trained(classifier, GREY)
    before = {key: value.clone() for key, value in buffers.items()}
    _, after = classifier.train_logits(params, buffers, images)

    assert bool(buffers) == (name != "vit")
    assert all(torch.equal(buffers[key], before[key]) for key in before)
    assert not any(torch.equal(after[key], before[key]) for key in before)


def test_every_parameter_has_a_gradient(name: str) -> None:
    classifier = build(name, GREY, 10, 0.25)
    params, buffers, images = trained(classifier, GREY)
    leaves = {key: value.requires_grad_() for key, value in params.items()}
    logits, _ = classifier.train_logits(leaves, buffers, images)
    gradients = torch.autograd.grad(logits.exp().sum(), list(leaves.values()))

    assert all(gradient.abs().max() > 1e-8 for gradient in gradients)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_attack_has_a_gradient_at_every_example_of_a_new_network(
    name: str, shape: Shape, dtype: torch.dtype
) -> None:
    classifier = build(name, shape, 2, NARROW)
    folded = in_precision(classifier.fold(*classifier.initialise(stream(0, "weights"))), dtype)
    images = random_images(8, shape).float().requires_grad_()
    loss = F.cross_entropy(classifier.logits(folded, images), torch.arange(8) % 2, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, images)

    assert (gradient.flatten(1).norm(dim=1) > 1e-6).all()


@pytest.mark.parametrize(
    ("images_in", "weights_in", "tolerance"),
    [
        (torch.float64, torch.float64, 1e-12),
        (torch.float32, torch.float32, 1e-5),
        (torch.float32, torch.bfloat16, 0.05),
    ],
)
def test_logits_agree_in_every_precision(
    name: str, images_in: torch.dtype, weights_in: torch.dtype, tolerance: float
) -> None:
    classifier = build(name, GREY, 10, NARROW)
    params, buffers, images = trained(classifier, GREY)
    folded = classifier.fold(params, buffers)
    exact = classifier.logits(folded, images)

    logits = classifier.logits(in_precision(folded, weights_in), images.to(images_in))

    assert logits.dtype == images_in
    assert (logits - exact).norm() <= tolerance * exact.norm()


@pytest.mark.parametrize(("shape", "classes"), [(GREY, 26), (SHAPES[1], 2)])
def test_training_and_evaluation_have_a_logit_for_every_class(name: str, shape: Shape, classes: int) -> None:
    classifier = build(name, shape, classes, NARROW)
    params, buffers, images = trained(classifier, shape)
    both = [
        classifier.train_logits(params, buffers, images)[0],
        classifier.logits(classifier.fold(params, buffers), images),
    ]

    assert all(logits.shape == (len(images), classes) for logits in both)


def test_building_and_drawing_leave_the_global_generator_alone(name: str) -> None:
    before = torch.get_rng_state()
    build(name, GREY, 10, NARROW).initialise(stream(0, "weights"))

    assert torch.equal(before, torch.get_rng_state())


def test_weights_are_drawn_from_the_given_generator_alone(name: str) -> None:
    classifier = build(name, GREY, 10, NARROW)
    first, second, other = (classifier.initialise(stream(seed, "weights"))[0] for seed in (0, 0, 1))

    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first if first[key].ndim > 1)


def test_scales_begin_at_one_and_shifts_at_zero(name: str) -> None:
    params, _ = build(name, GREY, 10, NARROW).initialise(stream(0, "weights"))
    vectors: dict[str, Tensor] = {key: value for key, value in params.items() if value.ndim == 1}

    assert {key.rpartition(".")[2] for key in vectors} == {"weight", "bias"}
    assert all(value.eq(1.0 if key.endswith("weight") else 0.0).all() for key, value in vectors.items())


@pytest.mark.parametrize("layer", ["hidden.weight", "conv2.weight"])
def test_initial_weights_have_the_papers_deviation(layer: str) -> None:
    params, _ = build("conv", GREY, 10, 1.0).initialise(stream(0, "weights"))

    assert params[layer].std().item() == pytest.approx((2 / 3 / params[layer][0].numel()) ** 0.5, rel=0.02)

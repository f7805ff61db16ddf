"""The smallest perturbation, where it is known; and that a search for the constant makes it smaller."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.contracts.conftest import BATCH, MakeThreat, latent_range, starting_point
from tests.contracts.searching import LABELS, Model, length, linear
from trainables.attacks.attack import Objective
from trainables.attacks.carlini_wagner import STUTZ, CarliniWagner, Smallest, smallest
from trainables.attacks.objectives import excess
from trainables.geometry import NORMS, Norm
from trainables.seeding import stream
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

QUICK = CarliniWagner(constants=4, first=1.0, iterations=25, learning_rate=0.05)
LINEAR = CarliniWagner(constants=8, first=0.1, iterations=200, learning_rate=0.01)
GAP = 0.05


@pytest.fixture
def norm() -> Norm:
    return NORMS["l2"]


def margin(model: Model, labels: Tensor) -> Objective:
    def function(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(images)
        return excess(logits, labels), logits.argmax(1) != labels

    return Objective(function, (labels,))


def predicted(threat: Threat, model: Model) -> Tensor:
    return model(threat.render(torch.zeros_like(threat.anchor))).argmax(1)


def undecided(threat: Threat, labels: Tensor) -> Objective:
    """The margin of a linear model whose logits are nearly equal where nothing is perturbed: all fall near by."""

    def function(images: Tensor, labels: Tensor, unperturbed: Tensor) -> tuple[Tensor, Tensor]:
        logits = linear(images) - unperturbed + GAP * F.one_hot(labels, 3)
        return excess(logits, labels), logits.argmax(1) != labels

    return Objective(function, (labels, linear(threat.render(torch.zeros_like(threat.anchor)))))


def attacked(settings: CarliniWagner, threat: Threat, start: Tensor | None = None, labels: Tensor = LABELS) -> Smallest:
    return smallest(settings, undecided(threat, labels), threat, start)


def fooled(settings: CarliniWagner, threat: Threat, model: Model = linear, start: Tensor | None = None) -> Smallest:
    """What is found for a model that classifies all examples correctly."""
    return smallest(settings, margin(model, predicted(threat, model)), threat, start)


def greys(radius: float = 0.1) -> Threat:
    images = 0.3 + 0.4 * torch.rand(BATCH, 1, 28, 28, generator=stream(0, "greys"), dtype=torch.float64)
    return PixelThreat(images, NORMS["l2"], torch.tensor(radius, dtype=torch.float64))


def to_the_hyperplane(threat: Threat) -> np.ndarray:
    """The distance to the nearest of the other classes, by each one's hyperplane."""
    images = threat.anchor.flatten(1)
    w = torch.stack([linear(one.reshape(1, 1, 28, 28))[0] for one in torch.eye(784, dtype=torch.float64)]).numpy()
    logits = images.numpy() @ w
    own = logits.argmax(1)
    far = [
        min((logits[i, own[i]] - logits[i, j]) / np.linalg.norm(w[:, own[i]] - w[:, j]) for j in {0, 1, 2} - {own[i]})
        for i in range(BATCH)
    ]
    return np.array(far)


def test_finds_the_distance_to_the_hyperplane_of_a_linear_model() -> None:
    threat = greys()
    found = fooled(LINEAR, threat).distance.numpy()
    known = to_the_hyperplane(threat)

    assert (found >= known * (1 - 1e-9)).all()
    np.testing.assert_allclose(found, known, rtol=0.02)


def test_what_is_found_is_misclassified_in_range_and_as_far_as_it_says(make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    low, high = latent_range(threat)
    found = attacked(QUICK, threat)
    _, wrong = undecided(threat, LABELS)(threat.render(found.delta))

    assert wrong.all()
    assert (threat.anchor + found.delta >= low - 1e-6).all()
    assert (threat.anchor + found.delta <= high + 1e-6).all()
    np.testing.assert_allclose(found.distance.numpy(), length(threat, found.delta))


def test_the_radius_does_not_count(make_threat: MakeThreat) -> None:
    assert torch.equal(attacked(QUICK, make_threat(0.01)).delta, attacked(QUICK, make_threat(3.0)).delta)


def test_a_search_for_the_constant_beats_none() -> None:
    """The first constant is too large: the margin outweighs the distance, and steps go too far."""
    settings = replace(LINEAR, first=100.0, iterations=50)
    without, searched = (fooled(replace(settings, constants=constants), greys()).distance for constants in (1, 8))

    assert (searched < 0.9 * without).all()


def test_a_search_for_the_constant_loses_nothing(make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    without = attacked(replace(QUICK, constants=1, first=100.0), threat).distance
    searched = attacked(replace(QUICK, first=100.0), threat).distance

    assert without.isfinite().all()
    assert (searched <= without).all()


def test_a_constant_that_is_too_small_is_raised_until_it_is_not() -> None:
    threat = greys()

    assert fooled(replace(QUICK, constants=1, first=1e-4), threat).distance.isinf().all()
    assert fooled(replace(QUICK, constants=6, first=1e-4), threat).distance.isfinite().all()


def test_where_nothing_is_misclassified_the_distance_is_infinite_and_the_others_stay() -> None:
    threat, labels = greys(), predicted(greys(), linear)

    def function(images: Tensor, labels: Tensor, hopeless: Tensor) -> tuple[Tensor, Tensor]:
        logits = linear(images)
        return excess(logits, labels) - 100 * hopeless, (logits.argmax(1) != labels) & ~hopeless

    hopeless = torch.arange(BATCH) < 2
    some = smallest(QUICK, Objective(function, (labels, hopeless)), threat)
    every = smallest(QUICK, Objective(function, (labels, torch.zeros_like(hopeless))), threat)

    assert some.distance[:2].isinf().all()
    assert (some.delta[:2] == 0).all()
    assert torch.equal(some.delta[2:], every.delta[2:])


def test_no_example_sees_its_neighbours(make_threat: MakeThreat) -> None:
    threat, settings = make_threat(0.3), replace(QUICK, constants=2, iterations=8)
    together = attacked(settings, threat)

    for i in range(BATCH):
        found = attacked(settings, threat.at(torch.tensor([i])), labels=LABELS[i : i + 1])
        torch.testing.assert_close(found.delta[0], together.delta[i])


def test_leaves_inputs_and_global_generators_as_they_were(make_threat: MakeThreat) -> None:
    threat, before = make_threat(0.3), torch.get_rng_state()
    start = starting_point(threat)
    anchor, given = threat.anchor.clone(), start.clone()

    attacked(QUICK, threat, start=start)

    assert torch.equal(threat.anchor, anchor)
    assert torch.equal(start, given)
    assert torch.equal(before, torch.get_rng_state())


def test_every_look_is_counted() -> None:
    asked: list[int] = []

    def watched(images: Tensor) -> Tensor:
        asked.append(len(images) if images.requires_grad else 0)
        return linear(images)

    found = fooled(replace(QUICK, constants=2, iterations=5), greys(), watched)

    assert found.looks.tolist() == [sum(asked) / BATCH] * BATCH == [10] * BATCH


def test_the_papers_settings_keep_the_first_success_from_a_random_start() -> None:
    """Adam moves along the gradient's signs, and ends where a slow twin does."""
    threat = greys()
    start, labels = starting_point(threat), predicted(threat, linear)
    found = fooled(STUTZ, threat, start=start)

    free = torch.atanh((1 - 1e-6) * (2 * (threat.anchor + start) - 1)).requires_grad_()
    adam = torch.optim.Adam([free], lr=0.005)
    first: dict[int, Tensor] = {}
    for _ in range(120):
        delta = (free.tanh() + 1) / 2 - threat.anchor
        logits = linear(threat.anchor + delta)
        own = F.one_hot(labels, 3).bool()
        best_other = logits.masked_fill(own, -torch.inf).amax(1)
        f6 = torch.clamp(logits[own] - best_other, min=-3.0)
        for i in (logits.argmax(1) != labels).nonzero()[:, 0].tolist():
            first.setdefault(i, delta[i].detach())
        adam.zero_grad()
        (delta.flatten(1).norm(dim=1) + f6).sum().backward()
        adam.step()

    assert len(first) > 0
    assert found.distance.isfinite().nonzero()[:, 0].tolist() == sorted(first)
    for i, delta in first.items():
        torch.testing.assert_close(found.delta[i], delta, rtol=0, atol=1e-6)


@pytest.mark.parametrize("confidence", [0.0, 3.0])
def test_images_end_where_their_margin_is_the_confidence(confidence: float) -> None:
    threat, last = greys(), [torch.empty(0)]
    labels = predicted(threat, linear)

    def watched(images: Tensor) -> Tensor:
        last[0] = excess(linear(images), labels).detach()
        return linear(images)

    settings = replace(LINEAR, constants=1, first=10.0, confidence=confidence)
    smallest(settings, margin(watched, labels), threat)

    torch.testing.assert_close(last[0], torch.full_like(last[0], confidence), rtol=0, atol=1)


def test_another_norm_is_refused() -> None:
    threat = PixelThreat(torch.full((1, 1, 4, 4), 0.5), NORMS["linf"], torch.tensor(0.1))

    with pytest.raises(ValueError, match="distance is L2; got a threat in Linf"):
        smallest(QUICK, margin(linear, torch.zeros(1, dtype=torch.long)), threat)


@pytest.mark.parametrize("wrong", [{"constants": 0}, {"iterations": 0}, {"first": 0.0}, {"learning_rate": -1.0}])
def test_settings_are_valid_from_birth(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        replace(QUICK, **wrong)

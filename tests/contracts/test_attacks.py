"""What every attack promises, on every threat and norm. The bugs that they catch stand in test_planted_bugs.py."""

import copy

import pytest
import torch
from torch import Tensor

from tests.contracts.conftest import BATCH, MakeThreat, latent_range, starting_point
from tests.contracts.searching import (
    CLIMBERS,
    EVERY,
    LABELS,
    STEPS,
    cross_entropy,
    curved,
    find,
    iterates,
    length,
    linear,
    weights,
)
from trainables.attacks.attack import Attack
from trainables.geometry import Norm
from trainables.manifolds.manifold import Code
from trainables.seeding import stream
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat


@pytest.fixture(params=list(EVERY))
def attack(request: pytest.FixtureRequest) -> Attack:
    return EVERY[request.param]


@pytest.fixture(params=list(CLIMBERS))
def climber(request: pytest.FixtureRequest) -> Attack:
    return CLIMBERS[request.param]


def only(threat: Threat, i: int) -> Threat:
    one = copy.copy(threat)
    if isinstance(one, PixelThreat):
        one.images = threat.anchor[i : i + 1]
    else:
        one.code = Code(*(part[i : i + 1] for part in threat.code))
    return one


@pytest.mark.parametrize("step_size", [0.05, 0.5, 2.0])
@pytest.mark.parametrize("radius", [0.05, 0.3, 1.5])
def test_stays_inside_the_ball(attack: Attack, make_threat: MakeThreat, radius: float, step_size: float) -> None:
    found = find(attack, make_threat(radius), step_size=step_size)

    assert (length(make_threat(radius), found.delta) <= radius * (1 + 1e-9)).all()


@pytest.mark.parametrize("radius", [0.3, 1.5])
def test_stays_inside_the_range(attack: Attack, make_threat: MakeThreat, radius: float) -> None:
    threat = make_threat(radius)
    reached = threat.anchor + find(attack, threat, step_size=1.0).delta
    low, high = latent_range(threat)

    assert (reached >= low - 1e-6).all()
    assert (reached <= high + 1e-6).all()


def test_rendered_images_lie_in_the_image_range(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(1.5)
    images = threat.render(find(attack, threat, step_size=1.0).delta)

    assert images.min() >= 0
    assert images.max() <= 1


def test_never_lowers_the_loss_of_a_linear_model(climber: Attack, norm: Norm) -> None:
    images = torch.rand(BATCH, 1, 28, 28, generator=stream(0, "images"), dtype=torch.float64)
    threat = PixelThreat(images, norm, torch.tensor(0.3, dtype=torch.float64))
    before, _ = cross_entropy(linear)(threat.render(starting_point(threat)))

    assert (find(climber, threat, linear, step_size=0.05, slack=STEPS).loss >= before).all()


def test_raises_the_loss(climber: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(1.0)
    before, _ = cross_entropy(curved)(threat.render(starting_point(threat)))

    assert find(climber, threat, step_size=0.05).loss.mean() > before.mean() + 0.05


def test_sees_higher_losses_than_where_it_starts(attack: Attack, make_threat: MakeThreat) -> None:
    losses = torch.stack([seen.loss for seen in iterates(attack, make_threat(1.0), steps=20)])

    assert (losses.amax(0) > losses[0]).double().mean() > 0.8


def test_reports_the_loss_of_what_it_keeps(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    found = find(attack, threat)
    loss, _ = cross_entropy(curved)(threat.render(found.delta))

    torch.testing.assert_close(found.loss, loss)


def test_same_start_and_generator_give_the_same_images_and_leave_global_generators_alone(
    attack: Attack, make_threat: MakeThreat
) -> None:
    before = torch.get_rng_state()
    first, second = find(attack, make_threat(0.3)), find(attack, make_threat(0.3))

    assert torch.equal(first.delta, second.delta)
    assert torch.equal(before, torch.get_rng_state())


def test_the_generator_matters_to_random_attacks_alone(attack: Attack, make_threat: MakeThreat) -> None:
    first, second = (find(attack, make_threat(0.3), seed=seed) for seed in (0, 1))

    assert torch.equal(first.delta, second.delta) == (not attack.random)


def test_a_random_attack_does_not_begin_without_noise() -> None:
    for attack in EVERY.values():
        if attack.random:
            with pytest.raises(ValueError, match="needs noise"):
                attack.begin(torch.zeros(2, 1, 4, 4), steps=3)


def test_leaves_model_and_inputs_as_they_were(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    parameter = weights(0, threat.render(torch.zeros_like(threat.anchor))).clone().requires_grad_()
    start = starting_point(threat)
    anchor, given = threat.anchor.clone(), start.clone()

    find(attack, threat, lambda images: images.flatten(1) @ parameter, start=start)

    assert parameter.grad is None
    assert torch.equal(threat.anchor, anchor)
    assert torch.equal(start, given)


def test_no_example_sees_its_neighbours(climber: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    together = find(climber, threat).delta

    for i in range(BATCH):
        found = find(climber, only(threat, i), start=starting_point(threat)[i : i + 1], labels=LABELS[i : i + 1])
        torch.testing.assert_close(found.delta[0], together[i])


def test_only_climbers_need_gradients(attack: Attack, make_threat: MakeThreat) -> None:
    passes: list[bool] = []

    def watched(images: Tensor) -> Tensor:
        passes.append(images.requires_grad)
        return curved(images)

    find(attack, make_threat(0.3), watched, alone=True)

    assert passes == [attack.climbs] * STEPS + [False]


@pytest.mark.parametrize("slack", [0, 2])
def test_who_leaves_changes_nothing_for_the_others(attack: Attack, make_threat: MakeThreat, slack: int) -> None:
    """Those with large balls fall early."""
    threat = make_threat(torch.linspace(0.05, 1.5, BATCH, dtype=torch.float64))
    stopped, whole = (find(attack, threat, slack=slack, alone=alone) for alone in (True, False))
    first = torch.stack([seen.wrong for seen in iterates(attack, threat)]).int().argmax(0)
    needed = torch.where(whole.success, (first + slack + 1).clamp_max(STEPS + 1), STEPS + 1)

    torch.testing.assert_close(stopped.delta, whole.delta)
    torch.testing.assert_close(stopped.loss, whole.loss)
    assert torch.equal(stopped.success, whole.success)
    assert torch.equal(stopped.looks, needed.to(stopped.looks))

"""What every attack promises, on every threat and norm. The bugs that they catch stand in test_planted_bugs.py."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.contracts.conftest import BATCH, MakeThreat, latent_range, starting_point
from trainables.attacks.attack import NO_SLACK, Attack, Found, Objective, search
from trainables.attacks.gradient import ATTACKS
from trainables.geometry import L2, Norm
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Code
from trainables.seeding import stream
from trainables.threats.manifold import ManifoldThreat
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

STEPS = 8
LABELS = torch.arange(BATCH) % 3
Model = Callable[[Tensor], Tensor]


PIXELS = 3 * 56 * 48  # of the largest images; smaller ones use the first weights
WEIGHTS = [torch.randn(PIXELS, 3, generator=stream(k, "model"), dtype=torch.float64) / 10 for k in range(3)]


@pytest.fixture(params=list(ATTACKS))
def attack(request: pytest.FixtureRequest) -> Attack:
    return ATTACKS[request.param]


def weights(k: int, images: Tensor) -> Tensor:
    """As many as there are pixels, and the smaller the more there are, so that nothing saturates."""
    pixels = images[0].numel()
    return WEIGHTS[k][:pixels] * 784 / pixels


def linear(images: Tensor) -> Tensor:
    return images.flatten(1) @ weights(0, images)


def curved(images: Tensor) -> Tensor:
    return torch.tanh(4 * images.flatten(1) @ weights(1, images)) @ WEIGHTS[2][:3] * 20


def cross_entropy(model: Model, labels: Tensor = LABELS) -> Objective:
    def function(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(images)
        return F.cross_entropy(logits, labels, reduction="none"), logits.argmax(1) != labels

    return Objective(function, (labels,))


def find(
    attack: Attack,
    threat: Threat,
    model: Model = curved,
    *,
    start: Tensor | None = None,
    steps: int = STEPS,
    step_size: float = 0.2,
    slack: int = NO_SLACK,
    longest: int | None = None,
    alone: bool = False,
    labels: Tensor = LABELS,
) -> Found:
    return search(
        attack,
        cross_entropy(model, labels),
        threat,
        starting_point(threat) if start is None else start,
        step_size=torch.tensor(step_size, dtype=torch.float64),
        steps=torch.tensor(steps),
        slack=torch.tensor(slack),
        longest=steps if longest is None else longest,
        alone=alone,
    )


def iterates(attack: Attack, threat: Threat, model: Model, steps: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """The slow twin: every iterate with its loss and success, by a plain loop with `autograd`."""
    delta, seen, state = starting_point(threat), [], attack.begin(starting_point(threat))
    for _ in range(steps + 1):
        leaf = delta.clone().requires_grad_()
        loss, wrong = cross_entropy(model)(threat.render(leaf))
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        seen.append((delta, loss.detach(), wrong))
        moved, state = attack.move(delta, gradient, state, threat, torch.tensor(0.2, dtype=torch.float64))
        delta = threat.project(moved)
    return seen


def length(threat: Threat, delta: Tensor) -> np.ndarray:
    flat = delta.detach().numpy().reshape(len(delta), -1)
    return np.linalg.norm(flat, ord=2 if isinstance(threat.norm, L2) else np.inf, axis=1)


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


def test_never_lowers_the_loss_of_a_linear_model(attack: Attack, norm: Norm) -> None:
    images = torch.rand(BATCH, 1, 28, 28, generator=stream(0, "images"), dtype=torch.float64)
    threat = PixelThreat(images, norm, torch.tensor(0.3, dtype=torch.float64))
    before, _ = cross_entropy(linear)(threat.render(starting_point(threat)))

    assert (find(attack, threat, linear, step_size=0.05, slack=STEPS).loss >= before).all()


def test_raises_the_loss(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(1.0)
    before, _ = cross_entropy(curved)(threat.render(starting_point(threat)))

    assert find(attack, threat, step_size=0.05).loss.mean() > before.mean() + 0.05


def test_reports_the_loss_of_what_it_keeps(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    found = find(attack, threat)
    loss, _ = cross_entropy(curved)(threat.render(found.delta))

    torch.testing.assert_close(found.loss, loss)


def test_same_start_gives_the_same_images_and_leaves_global_generators_alone(
    attack: Attack, make_threat: MakeThreat
) -> None:
    before = torch.get_rng_state()
    first, second = find(attack, make_threat(0.3)), find(attack, make_threat(0.3))

    assert torch.equal(first.delta, second.delta)
    assert torch.equal(before, torch.get_rng_state())


def test_leaves_model_and_inputs_as_they_were(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    parameter = weights(0, threat.render(torch.zeros_like(threat.anchor))).clone().requires_grad_()
    start = starting_point(threat)
    anchor, given = threat.anchor.clone(), start.clone()

    find(attack, threat, lambda images: images.flatten(1) @ parameter, start=start)

    assert parameter.grad is None
    assert torch.equal(threat.anchor, anchor)
    assert torch.equal(start, given)


def test_no_example_sees_its_neighbours(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    together = find(attack, threat).delta

    for i in range(BATCH):
        alone = copy.copy(threat)
        if isinstance(alone, PixelThreat):
            alone.images = threat.anchor[i : i + 1]
        else:
            alone.code = Code(*(part[i : i + 1] for part in threat.code))
        found = find(attack, alone, start=starting_point(threat)[i : i + 1], labels=LABELS[i : i + 1])
        torch.testing.assert_close(found.delta[0], together[i])


def test_keeps_the_highest_loss_once_it_has_succeeded(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    found, seen = find(attack, threat), iterates(attack, threat, curved, STEPS)

    for i in range(BATCH):
        first = next((k for k, (_, _, wrong) in enumerate(seen) if wrong[i]), None)
        best = STEPS if first is None else max(range(first, STEPS + 1), key=lambda k: seen[k][1][i].item())
        assert found.success[i] == (first is not None)
        torch.testing.assert_close(found.delta[i], seen[best][0][i])


@pytest.mark.parametrize("slack", [0, 2])
def test_slack_counts_iterates_after_the_first_success(attack: Attack, make_threat: MakeThreat, slack: int) -> None:
    threat = make_threat(0.3)
    found, seen = find(attack, threat, slack=slack), iterates(attack, threat, curved, STEPS)

    for i in range(BATCH):
        first = next((k for k, (_, _, wrong) in enumerate(seen) if wrong[i]), STEPS)
        torch.testing.assert_close(found.delta[i], seen[min(first + slack, STEPS)][0][i])


@pytest.mark.parametrize("slack", [NO_SLACK, 0, 1])
@pytest.mark.parametrize("steps", [0, 3, STEPS])
def test_masked_steps_change_nothing(attack: Attack, make_threat: MakeThreat, steps: int, slack: int) -> None:
    short = find(attack, make_threat(0.3), steps=steps, slack=slack)
    masked = find(attack, make_threat(0.3), steps=steps, slack=slack, longest=2 * STEPS)

    assert torch.equal(short.delta, masked.delta)
    assert torch.equal(short.success, masked.success)


def test_no_steps_keep_the_start(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)

    assert torch.equal(find(attack, threat, steps=0).delta, starting_point(threat))


def test_vmap_over_hyperparameters_equals_one_at_a_time(attack: Attack, make_threat: MakeThreat) -> None:
    threat, start = make_threat(0.3), starting_point(make_threat(0.3))
    sizes, steps = torch.tensor([0.05, 0.2, 0.5], dtype=torch.float64), torch.tensor([2, 5, STEPS])
    slacks = torch.tensor([NO_SLACK, 0, 1])

    def one(size: Tensor, count: Tensor, slack: Tensor) -> Tensor:
        return search(
            attack,
            cross_entropy(curved),
            threat,
            start,
            step_size=size,
            steps=count,
            slack=slack,
            longest=STEPS,
            alone=False,
        ).delta

    fused = torch.vmap(one)(sizes, steps, slacks)
    for k in range(3):
        torch.testing.assert_close(fused[k], one(sizes[k], steps[k], slacks[k]))


def test_alone_ends_early_with_the_same_result(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(1.5)
    labels = (curved(threat.render(starting_point(threat))).argmax(1) + 1) % 3
    arguments = {
        "step_size": torch.tensor(0.2, dtype=torch.float64),
        "steps": torch.tensor(40),
        "slack": torch.tensor(0),
        "longest": 40,
    }
    objective, start = cross_entropy(curved, labels), starting_point(threat)
    stopped = search(attack, objective, threat, start, **arguments, alone=True)
    whole = search(attack, objective, threat, start, **arguments, alone=False)

    assert (stopped.looks == 1).all()
    assert (whole.looks == 41).all()
    assert torch.equal(stopped.delta, whole.delta)


@pytest.mark.parametrize("slack", [0, 2])
def test_alone_examples_leave_when_they_have_finished(attack: Attack, make_threat: MakeThreat, slack: int) -> None:
    threat = make_threat(torch.linspace(0.05, 1.5, BATCH, dtype=torch.float64))
    stopped, whole = (find(attack, threat, slack=slack, alone=alone) for alone in (True, False))
    seen = iterates(attack, threat, curved, STEPS)
    first = torch.stack([wrong for _, _, wrong in seen]).int().argmax(0)
    needed = torch.where(whole.success, (first + slack + 1).clamp_max(STEPS + 1), STEPS + 1)

    torch.testing.assert_close(stopped.delta, whole.delta)
    torch.testing.assert_close(stopped.loss, whole.loss)
    assert torch.equal(stopped.success, whole.success)
    assert torch.equal(stopped.looks, needed.to(stopped.looks))


def test_adam_moves_a_linear_model_by_steps_times_step_size(norm: Norm) -> None:
    """The paper's numbers: 40 steps of .005 cannot cross a ball of .3, whatever the norm says of the ball."""
    images = torch.full((BATCH, 1, 28, 28), 0.5, dtype=torch.float64)
    threat = PixelThreat(images, norm, torch.tensor(30.0, dtype=torch.float64))
    found = search(
        ATTACKS["adam_pgd"],
        Objective(lambda x: (x.flatten(1).sum(1), torch.zeros(BATCH, dtype=torch.bool))),
        threat,
        torch.zeros_like(images),
        step_size=torch.tensor(0.005 / 30, dtype=torch.float64),
        steps=torch.tensor(40),
        slack=torch.tensor(NO_SLACK),
        longest=40,
        alone=True,
    )

    torch.testing.assert_close(found.delta, torch.full_like(images, 0.2), rtol=1e-5, atol=0)


def test_pgd_finds_the_worst_case_of_a_linear_model_in_closed_form(norm: Norm) -> None:
    """The largest rise of w.x in a ball is radius times the dual norm of w."""
    images = torch.full((1, 1, 28, 28), 0.5, dtype=torch.float64)
    w, radius = WEIGHTS[0][:784, 0], 0.2
    threat = PixelThreat(images, norm, torch.tensor(radius, dtype=torch.float64))
    found = search(
        ATTACKS["pgd"],
        Objective(lambda x: (x.flatten(1) @ w, torch.zeros(1, dtype=torch.bool))),
        threat,
        starting_point(threat)[:1],
        step_size=torch.tensor(0.25, dtype=torch.float64),
        steps=torch.tensor(30),
        slack=torch.tensor(NO_SLACK),
        longest=30,
        alone=True,
    )
    dual = np.linalg.norm(w.numpy(), ord=2 if isinstance(norm, L2) else 1)

    assert (found.delta.flatten() @ w).item() == pytest.approx(radius * dual, rel=1e-6)


@pytest.mark.parametrize("wall", [0.0, 1.0])
def test_a_pixel_that_starts_at_its_bound_can_leave_it(attack: Attack, norm: Norm, wall: float) -> None:
    """The start is pressed against the wall, where the gradient of a clamp is zero; the loss rises inwards."""
    images = torch.full((1, 1, 28, 28), wall, dtype=torch.float64)
    threat = PixelThreat(images, norm, torch.tensor(2.0, dtype=torch.float64))
    inwards = 1 - 2 * wall
    found = search(
        attack,
        Objective(lambda x: (inwards * x.flatten(1).sum(1), torch.zeros(1, dtype=torch.bool))),
        threat,
        threat.project(torch.full_like(images, -inwards)),
        step_size=torch.tensor(0.01, dtype=torch.float64),
        steps=torch.tensor(10),
        slack=torch.tensor(NO_SLACK),
        longest=10,
        alone=True,
    )

    assert (inwards * found.delta > 0.005).all()


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_code_that_starts_at_the_end_of_its_box_can_leave_it(
    attack: Attack, norm: Norm, manifold: FontManifold, code: Code, end: str
) -> None:
    """Every coordinate at its bound; the objective reads the code from the image's threat, so gradients must pass."""
    bound = getattr(manifold.warp, end).double().expand(BATCH, 6)
    threat = ManifoldThreat(manifold, Code(bound, code.fixed), norm, torch.tensor(0.3, dtype=torch.float64))
    inwards = 1.0 if end == "low" else -1.0

    def gradient(delta: Tensor) -> Tensor:
        return (inwards * manifold.clamp(bound + delta)).sum()

    (slope,) = torch.autograd.grad(gradient(leaf := torch.zeros_like(bound).requires_grad_()), leaf)
    torch.testing.assert_close(slope, torch.full_like(bound, inwards))
    moved = find(attack, threat, start=torch.zeros_like(bound), step_size=0.3)
    assert (moved.delta.abs().amax(1) > 0.01).all()

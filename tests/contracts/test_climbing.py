"""What attacks that climb find where the answer is known, and that no wall holds them."""

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.contracts.conftest import BATCH, starting_point
from tests.contracts.searching import CLIMBERS, WEIGHTS, find
from trainables.attacks.apgd import FIRST_STEP
from trainables.attacks.attack import NO_SLACK, Attack, Objective, search
from trainables.attacks.gradient import ATTACKS
from trainables.geometry import L2, Norm
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Code
from trainables.threats.manifold import ManifoldThreat
from trainables.threats.pixel import PixelThreat


@pytest.fixture(params=list(CLIMBERS))
def attack(request: pytest.FixtureRequest) -> Attack:
    return CLIMBERS[request.param]


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


@pytest.mark.parametrize(("name", "step_size"), [("pgd", 0.25), ("apgd", FIRST_STEP)])
def test_finds_the_worst_case_of_a_linear_model_in_closed_form(norm: Norm, name: str, step_size: float) -> None:
    """The largest rise of w.x in a ball is radius times the dual norm of w."""
    images = torch.full((1, 1, 28, 28), 0.5, dtype=torch.float64)
    w, radius = WEIGHTS[0][:784, 0], 0.2
    threat = PixelThreat(images, norm, torch.tensor(radius, dtype=torch.float64))
    found = search(
        CLIMBERS[name],
        Objective(lambda x: (x.flatten(1) @ w, torch.zeros(1, dtype=torch.bool))),
        threat,
        starting_point(threat)[:1],
        step_size=torch.tensor(step_size, dtype=torch.float64),
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

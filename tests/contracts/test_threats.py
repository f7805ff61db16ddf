"""What every threat and norm promises."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.contracts.conftest import BATCH, MakeThreat, starting_point
from trainables.geometry import L2, NORMS, Norm
from trainables.seeding import stream
from trainables.threats.pixel import PixelThreat

ORDERS = {"linf": np.inf, "l2": 2}
NAMES = pytest.mark.parametrize("name", ["linf", "l2"])


def some(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=stream(seed, "some"), dtype=torch.float64)


def lengths(name: str, delta: Tensor) -> np.ndarray:
    return np.linalg.norm(delta.numpy().reshape(len(delta), -1), ord=ORDERS[name], axis=1)


@NAMES
def test_length_agrees_with_numpy(name: str) -> None:
    delta = some(0, 5, 3, 4, 4)

    np.testing.assert_allclose(NORMS[name].length(delta).numpy(), lengths(name, delta))


@NAMES
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), radius=st.floats(1e-3, 10))
def test_projection_is_the_nearest_point_of_the_ball(name: str, seed: int, radius: float) -> None:
    norm, delta = NORMS[name], some(seed, 4, 7)
    bound = torch.tensor(radius, dtype=torch.float64)
    projected = norm.project(delta, bound)
    others = norm.project(some(seed + 1, 4, 7), bound)

    assert (lengths(name, projected) <= radius * (1 + 1e-9)).all()
    torch.testing.assert_close(norm.project(projected, bound), projected)
    assert ((projected - delta).norm(dim=1) <= (others - delta).norm(dim=1) + 1e-9).all()


@NAMES
def test_projection_takes_a_radius_for_every_example(name: str) -> None:
    radii = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)

    np.testing.assert_allclose(lengths(name, NORMS[name].project(some(0, 3, 50), radii)), radii.numpy())


@NAMES
def test_steepest_direction_has_length_one_and_no_other_rises_more(name: str) -> None:
    gradient, directions = some(0, 1, 9), some(1, 1000, 9)
    steepest = NORMS[name].steepest(gradient)
    directions = directions / NORMS[name].length(directions)[:, None]

    np.testing.assert_allclose(lengths(name, steepest), 1)
    assert (gradient * steepest).sum() >= (gradient * directions).sum(1).max()


@NAMES
@pytest.mark.parametrize("size", [1e-30, 1e-12, 1e12])
def test_a_direction_does_not_depend_on_the_size_of_the_gradient(name: str, size: float) -> None:
    gradient = some(0, 2, 9).float()

    torch.testing.assert_close(NORMS[name].steepest(size * gradient), NORMS[name].steepest(gradient))


@NAMES
def test_a_zero_gradient_gives_no_direction(name: str) -> None:
    assert (NORMS[name].steepest(torch.zeros(2, 5)) == 0).all()


@NAMES
def test_random_starts_are_uniform_in_distance(name: str) -> None:
    gaussian, uniform = some(0, 2000, 6), torch.rand(2000, generator=stream(0, "u"), dtype=torch.float64)
    drawn = lengths(name, NORMS[name].sample(gaussian, uniform, torch.tensor(0.3, dtype=torch.float64)))

    np.testing.assert_allclose(drawn, 0.3 * uniform.numpy(), rtol=1e-9)


def test_random_start_lies_inside_the_ball_and_the_range(make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    start = starting_point(threat)
    order = 2 if isinstance(threat.norm, L2) else np.inf

    assert (np.linalg.norm(start.numpy().reshape(BATCH, -1), ord=order, axis=1) <= 0.3 + 1e-12).all()
    torch.testing.assert_close(threat.bounded(start), start)


def test_no_perturbation_renders_the_example(make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    zero = torch.zeros_like(threat.anchor)

    torch.testing.assert_close(threat.project(zero), zero)
    example = threat.images if isinstance(threat, PixelThreat) else threat.manifold.decode(threat.code)
    torch.testing.assert_close(threat.render(zero), example)


def test_one_projection_ends_where_the_papers_five_do(make_threat: MakeThreat, norm: Norm) -> None:
    threat = make_threat(0.3)
    delta = some(3, *threat.anchor.shape)
    alternated = delta
    for _ in range(5):
        alternated = norm.project(threat.bounded(alternated), threat.radius)

    torch.testing.assert_close(threat.project(delta), alternated)


def test_render_passes_gradients_to_the_perturbation(make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    delta = (starting_point(threat) / 2).requires_grad_()

    threat.render(delta).square().sum().backward()

    assert delta.grad is not None
    assert (delta.grad.flatten(1).abs().sum(1) > 0).all()


def test_the_box_is_where_perturbations_end(make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    far = torch.full_like(threat.anchor, 10)

    for end, delta in zip(threat.box, (-far, far), strict=True):
        torch.testing.assert_close(threat.anchor + threat.bounded(delta), end.double().expand_as(far))


@NAMES
def test_room_is_what_other_coordinates_may_have(name: str) -> None:
    radii = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    delta, other = torch.zeros(3, 6, dtype=torch.float64), torch.zeros(3, 6, dtype=torch.float64)
    delta[:, :3], other[:, 3:] = 0.2, some(0, 3, 3)
    other = other / torch.tensor(lengths(name, other))[:, None] * NORMS[name].room(delta, radii)[:, None]

    np.testing.assert_allclose(lengths(name, delta + other), radii.numpy())


def test_nothing_is_left_beside_what_fills_the_ball() -> None:
    assert NORMS["l2"].room(torch.ones(2, 3), torch.tensor(1.0)).tolist() == [0, 0]

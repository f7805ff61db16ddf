"""Distances, on manifolds whose nearest point is known in closed form."""

import pytest
import torch

from tests.trainables.evaluation.test_quality import network
from tests.trainables.manifolds.conftest import Blobs
from tests.trainables.manifolds.test_learned import manifold, weights
from trainables.data.ranges import FONT_RANGES, IMAGE_RANGES
from trainables.evaluation.distance import beyond_neighbours, departures, random_like
from trainables.evaluation.nearest import nearest
from trainables.geometry import NORMS
from trainables.manifolds.affine import AffineManifold, Warp
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Code, Manifold
from trainables.seeding import stream


class Plane(Manifold):
    """Images that are linear in their code: the nearest one is an orthogonal projection."""

    code_length = 3

    def __init__(self):
        self.basis = torch.randn(3, 16, generator=stream(0, "basis"), dtype=torch.float64)

    def codes(self, split, indices):
        raise NotImplementedError

    def decode(self, code):
        return (code.free @ self.basis).reshape(-1, 1, 4, 4)

    def clamp(self, free):
        return free.clamp(-5, 5)

    def to(self, device):
        return self

    def digest(self):
        return "plane"


def test_the_nearest_image_of_a_plane_is_the_projection():
    plane, rng = Plane(), stream(0, "images")
    images = torch.randn(6, 1, 4, 4, generator=rng, dtype=torch.float64)
    start = Code(torch.zeros(6, 3, dtype=torch.float64), torch.zeros(6))

    code, far = nearest(plane, images, start, starts=1, rng=rng)

    expected = torch.linalg.lstsq(plane.basis.T, images.flatten(1).T).solution.T
    torch.testing.assert_close(code.free, expected)
    torch.testing.assert_close(far, (images.flatten(1) - expected @ plane.basis).norm(dim=1))


def test_codes_of_the_nearest_lie_in_the_box():
    images = 100 * torch.ones(2, 1, 4, 4, dtype=torch.float64)
    code, _ = nearest(
        Plane(), images, Code(torch.zeros(2, 3, dtype=torch.float64), torch.zeros(2)), starts=3, rng=stream(0, "r")
    )

    assert code.free.abs().max() <= 5


@pytest.fixture
def letters():
    grid = torch.linspace(-1, 1, 28)
    centres = (torch.rand(2, 10, 2, generator=stream(0, "blobs")) - 0.5)[..., None, None]
    distance = (grid[:, None] - centres[:, :, 0]) ** 2 / 2 + (grid[None, :] - centres[:, :, 1]) ** 2
    return FontManifold((255 * torch.exp(-6 * distance)).to(torch.uint8), Warp(FONT_RANGES["hard"], 28, 28))


def test_an_on_manifold_perturbation_is_found_on_the_manifold(letters):
    rng = stream(0, "codes")
    theta = torch.tensor([[0.05, 0.0, 0.1, 0.0, 1.0, 0.2]], dtype=torch.float64).repeat(5, 1)
    glyphs = torch.stack([torch.arange(5) % 2, torch.arange(5)], dim=1)
    moved = letters.clamp(theta + 0.1 * torch.randn(5, 6, generator=rng, dtype=torch.float64))

    _, far = nearest(letters, letters.render(moved, glyphs), Code(theta, glyphs), starts=3, rng=rng)

    assert far.max() < 1e-5


def test_a_step_towards_a_neighbour_stays_in_the_span_and_a_random_one_does_not():
    blobs = Blobs(40)
    images = blobs.images(torch.arange(3))
    towards = images + 0.3 * (blobs.images(torch.arange(10, 13)) - images)
    random = random_like(images, towards - images, stream(0, "random"))
    lengths = (towards - images).flatten(1).norm(dim=1)

    known = blobs.images(torch.arange(40))
    assert beyond_neighbours(images, towards, known).max() < 1e-5
    assert (beyond_neighbours(images, random, known) > 0.5 * lengths).all()


def test_random_perturbations_are_as_long_and_stay_in_range():
    images = torch.rand(4, 1, 8, 8, generator=stream(2, "images"), dtype=torch.float64)
    images[:, :, 2:] = 0  # black, as most of a digit
    delta = 0.3 * torch.randn(images.shape, generator=stream(0, "delta"), dtype=torch.float64)

    moved = random_like(images, delta, stream(1, "random"))

    torch.testing.assert_close((moved - images).flatten(1).norm(dim=1), delta.flatten(1).norm(dim=1))
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert (moved[:, :, 2:] > 0).float().mean() > 0.4  # not only where the image is


class Spot(Manifold):
    """A small bright spot somewhere: where two of them do not overlap, no gradient says where the other one is."""

    code_length = 2

    def codes(self, split, indices):
        raise NotImplementedError

    def decode(self, code):
        grid = torch.linspace(-1, 1, 16, dtype=torch.float64)
        apart = (grid[:, None] - code.free[:, :1, None]) ** 2 + (grid - code.free[:, 1:, None]) ** 2
        return torch.exp(-60 * apart)[:, None]

    def clamp(self, free):
        return free.clamp(-0.8, 0.8)

    def to(self, device):
        return self

    def digest(self):
        return "spot"


def test_codes_that_no_gradient_leads_to_are_found_too():
    rng, nothing = stream(0, "codes"), torch.zeros(20)
    wanted, start = (1.2 * torch.rand(2, 20, 2, generator=rng, dtype=torch.float64) - 0.6).unbind()

    _, far = nearest(Spot(), Spot().decode(Code(wanted, nothing)), Code(start, nothing), starts=3, rng=rng)

    assert (far < 1e-5).sum() >= 18  # of 20; from one random code a start it is 11


def test_departures_are_of_each_kind_of_perturbation():
    found = departed(manifold(weights=weights(10, reach=4.0)))

    assert found.keys() == {"none", "regular", "on-manifold", "random"}
    assert (found["none"].length == 0).all()
    assert len(found["none"].length) == 60
    assert found["on-manifold"].to_manifold.max() < 1e-5
    torch.testing.assert_close(found["random"].length, found["regular"].length)
    for measured in found.values():
        assert (measured.beyond_neighbours <= measured.length + 1e-9).all()


def test_from_an_images_own_transformations_everything_departs_but_they():
    found = departed(AffineManifold(Warp(IMAGE_RANGES, *Blobs(1).images(torch.arange(1)).shape[2:])))

    assert found["on-manifold"].to_manifold.max() < 1e-3 < found["regular"].to_manifold.min()


def departed(from_: Manifold):
    return departures(
        from_,
        Blobs(60),
        network(4),
        Blobs(200),
        norm=NORMS["linf"],
        epsilon=0.5,
        eta=0.3,
        attacked=60,
        seed=0,
    )

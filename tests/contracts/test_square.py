"""Square: what it proposes, what it keeps, and what it costs."""

import pytest
import torch
from torch import Tensor

from tests.contracts.conftest import BATCH, MakeThreat, starting_point
from tests.contracts.searching import EVERY, LABELS, curved, draws, find, iterates, length, linear
from trainables.attacks.attack import Seen
from trainables.attacks.noise import Noise
from trainables.attacks.proposals import Numbers, Windows, bump, proposals
from trainables.attacks.square import Square, halvings
from trainables.geometry import NORMS, Norm
from trainables.seeding import stream
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

QUERIES = 40


def pixels(norm: Norm, radius: float = 0.1, shape: tuple[int, ...] = (3, 20, 14)) -> Threat:
    """Grey images: no proposal of this radius leaves the range."""
    return PixelThreat(torch.full((BATCH, *shape), 0.5, dtype=torch.float64), norm, torch.tensor(radius).double())


def noise(threat: Threat, seed: int = 0) -> Noise:
    return Noise.of(threat.anchor, draws(seed))


def proposed(threat: Threat, part: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    """What is proposed first, and then with a part of it drawn anew."""
    drawn = noise(threat, seed)
    first = proposals(threat).first(threat.anchor, threat, drawn)
    return first, proposals(threat).next(first, threat, part, drawn)


def test_the_part_is_halved_at_the_papers_steps() -> None:
    at = [0, 9, 10, 49, 50, 200, 999, 1000, 2000, 4000, 6000, 7999, 8000, 9999]

    assert [halvings(step, 10_000) for step in at] == [0, 0, 1, 1, 2, 3, 3, 4, 5, 6, 7, 7, 8, 8]
    assert [halvings(step // 100, 100) for step in at] == [0, 0, 0, 0, 0, 3, 3, 4, 5, 6, 7, 7, 8, 8]


@pytest.mark.parametrize("part", [0.0, 1.1, -0.5])
def test_a_part_is_a_fraction(part: float) -> None:
    with pytest.raises(ValueError, match="part is a fraction"):
        Square(part=part)


def test_keeps_the_best_and_proposes_from_there(make_threat: MakeThreat) -> None:
    threat, attack = make_threat(0.3), Square()
    state, best = (
        attack.begin(starting_point(threat), steps=QUERIES, noise=noise(threat)),
        [(-torch.inf, torch.empty(0))] * BATCH,
    )
    for seen in iterates(attack, threat, steps=QUERIES):
        _, state = attack.move(seen, state, threat, torch.tensor(1.0))
        for i in range(BATCH):
            best[i] = max(best[i], (seen.loss[i].item(), seen.delta[i]), key=lambda point: point[0])
            assert state.loss[i] == best[i][0]
            assert torch.equal(state.delta[i], best[i][1])


def test_looks_at_the_start_and_once_a_step(make_threat: MakeThreat) -> None:
    asked: list[int] = []

    def watched(images: Tensor) -> Tensor:
        assert not images.requires_grad
        asked.append(len(images))
        return curved(images)

    find(Square(), make_threat(0.3), watched, steps=QUERIES)

    assert asked == [BATCH] * (QUERIES + 1)


def test_proposals_lie_on_the_surface(norm: Norm) -> None:
    for part in (0.8, 0.1, 0.001):
        for delta in proposed(pixels(norm), part):
            torch.testing.assert_close(torch.tensor(length(pixels(norm), delta)), torch.full((BATCH,), 0.1).double())


@pytest.mark.parametrize("part", [0.8, 0.1, 0.001])
def test_a_square_of_the_right_size_goes_to_the_ends_of_the_ball(part: float) -> None:
    threat = pixels(NORMS["linf"])
    drawn, zero = noise(threat), torch.zeros_like(threat.anchor)
    delta = proposals(threat).next(zero, threat, part, drawn)
    side = min(max(1, round((part * 20 * 14) ** 0.5)), 14)

    for image in delta:
        inside = (image != 0).nonzero()
        (_, top, left), (_, bottom, right) = inside.amin(0).tolist(), inside.amax(0).tolist()
        assert (bottom - top + 1, right - left + 1) == (side, side)
        for channel in image[:, top : bottom + 1, left : right + 1]:
            assert channel.unique().abs().tolist() == pytest.approx([0.1])


@pytest.mark.parametrize("grey", [0.0, 0.02, 0.5, 1.0])
def test_no_square_is_drawn_for_nothing(grey: float) -> None:
    """Where all pixels stand at an end of the ball, or of the range, every second square would change none of them."""
    threat = PixelThreat(torch.full((BATCH, 1, 8, 8), grey), NORMS["linf"], torch.tensor(0.1))
    drawn, delta = noise(threat), threat.project(torch.full((BATCH, 1, 8, 8), 0.1))
    for _ in range(20):
        moved = threat.project(proposals(threat).next(delta, threat, 0.05, drawn))
        changed = (moved - delta).abs() > 0.01

        assert (changed.sum((1, 2, 3)) <= 4).all()
        assert changed.any(3).any(2).all()
        delta = moved


def test_squares_and_windows_reach_every_corner(norm: Norm) -> None:
    threat = pixels(norm, shape=(1, 6, 5))
    drawn, changed = noise(threat), torch.zeros(6, 5, dtype=torch.bool)
    start = proposals(threat).first(threat.anchor, threat, drawn)
    for _ in range(60):
        changed |= (proposals(threat).next(start, threat, 0.1, drawn) != start).any(0)[0]

    assert changed.all()


def test_columns_and_tiles_begin_with_both_signs_in_all_channels(norm: Norm) -> None:
    threat = pixels(norm)
    first = proposals(threat).first(threat.anchor, threat, noise(threat))

    assert ((first > 0).flatten(2).any(2) & (first < 0).flatten(2).any(2)).all()
    assert len({tuple(image.sign().flatten().tolist()) for image in first}) == BATCH


def test_a_window_gives_its_budget_to_a_bump_in_another() -> None:
    """What the two windows held, and each channel's part of what was unspent, lies in one of them; the rest stays."""
    threat = pixels(NORMS["l2"], shape=(3, 28, 28))
    drawn = noise(threat)
    start = Windows().first(threat.anchor, threat, drawn) / 2  # three quarters of the budget are unspent
    moved = Windows().next(start, threat, 0.02, drawn)
    side, unspent = 5, 0.1**2 - 0.05**2  # the square root of .02 * 784 is 3.96, made odd

    for before, after in zip(start, moved, strict=True):
        inside = (after != before).any(0).nonzero()
        assert len(inside) <= 2 * side**2
        changed = torch.zeros(28, 28, dtype=torch.bool)
        changed[inside[:, 0], inside[:, 1]] = True
        held = (before.square() * changed).sum((1, 2))
        torch.testing.assert_close((after.square() * changed).sum((1, 2)), held + unspent / 3)
        torch.testing.assert_close(after * ~changed, before * ~changed)


@pytest.mark.parametrize("side", [3, 5, 8])
def test_a_bump_is_the_papers_sum(side: int) -> None:
    half, expected = side // 2, torch.zeros(side, side, dtype=torch.float64)
    for first, width, sign in ((0, half, 1), (half, side - half, -1)):
        for r in range(1, side + 1):
            for s in range(1, width + 1):
                m = half - max(abs(r - half - 1), abs(s - width // 2 - 1))
                expected[r - 1, first + s - 1] = sign * sum(1 / (half + 1 - k) ** 2 for k in range(m + 1))

    torch.testing.assert_close(bump(side), expected / expected.norm())


def test_a_window_that_holds_nothing_becomes_a_bump_turned_or_not_and_of_either_sign() -> None:
    threat = pixels(NORMS["l2"], shape=(1, 9, 8))
    drawn, seen = noise(threat), set()
    looks = {"upright": 0.1 * bump(5), "turned": 0.1 * bump(5).T}
    for _ in range(10):
        for image in Windows().next(torch.zeros_like(threat.anchor), threat, 0.35, drawn):  # the root of .35 * 72: 5
            inside = image[0].nonzero()
            (top, left), (bottom, right) = inside.amin(0).tolist(), inside.amax(0).tolist()
            square = image[0, top : bottom + 1, left : right + 1]
            seen |= {
                (name, sign)
                for name, look in looks.items()
                for sign in (-1, 1)
                if square.shape == look.shape and torch.allclose(square, sign * look)
            }
            assert any(torch.allclose(square.abs(), look.abs()) for look in looks.values())

    assert len(seen) == 4


@pytest.mark.parametrize(("part", "count"), [(1.0, 6), (0.8, 5), (0.2, 1), (0.001, 1)])
def test_as_many_numbers_of_a_code_are_drawn_as_the_part_says(norm: Norm, part: float, count: int) -> None:
    radius, start = torch.tensor(0.3).double(), torch.full((BATCH, 6), 0.01, dtype=torch.float64)
    threat = pixels(norm)  # its ball counts here, not its images
    threat.radius = radius
    moved = Numbers().next(start, threat, part, Noise.of(start, draws()))

    assert (moved != start).sum(1).tolist() == [count] * BATCH
    torch.testing.assert_close(norm.length(moved), radius.expand(BATCH))
    assert len({tuple(row) for row in (moved != start).int().tolist()}) > 1 or count == 6


def test_nobodys_noise_depends_on_who_is_left() -> None:
    start, rows = torch.zeros(5, 2), torch.tensor([4, 1])
    everyone = Noise.of(start, stream(0, "noise"))
    some = Noise(rows, 5, stream(0, "noise"))

    for _ in range(2):
        assert torch.equal(everyone.uniform(3)[rows], some.uniform(3))
        assert torch.equal(everyone.normal()[rows], some.normal())
        assert torch.equal(everyone.signs(2)[rows], some.signs(2))


def test_comes_near_the_worst_case_of_a_linear_model_in_hundreds_of_queries(norm: Norm) -> None:
    """Smooth weights, as a network's: the bumps and squares of random search add up along them."""
    threat = pixels(norm, shape=(1, 28, 28))
    grid = torch.linspace(-3, 3, 28, dtype=torch.float64)
    w = torch.sin(grid)[:, None] * torch.cos(grid)
    attack, delta, steps = EVERY["square"], torch.zeros_like(threat.anchor), 400
    state = attack.begin(delta, steps=steps, noise=noise(threat))
    worst = 0.1 * (w.norm() if norm is NORMS["l2"] else w.abs().sum())
    for _ in range(steps):
        loss = (delta * w).sum((1, 2, 3))
        moved, state = attack.move(Seen(delta, loss, None, LABELS > 5), state, threat, torch.tensor(1.0))
        delta = threat.project(moved)

    assert (state.loss > (0.4 if norm is NORMS["l2"] else 0.7) * worst).all()
    assert (state.loss <= worst * (1 + 1e-9)).all()


def test_raises_the_loss_of_a_linear_model_with_more_queries(make_threat: MakeThreat) -> None:
    few, many = (
        torch.stack([seen.loss for seen in iterates(Square(), make_threat(0.3), linear, steps)]).amax(0).mean()
        for steps in (5, 100)
    )

    assert many > few

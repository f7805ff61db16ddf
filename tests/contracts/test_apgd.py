"""APGD against a slow twin, and its step against losses that are known to rise or not."""

import math
from fractions import Fraction

import pytest
import torch
from torch import Tensor

from tests.contracts.conftest import BATCH, MakeThreat, starting_point
from tests.contracts.searching import LABELS, Model, cross_entropy, curved, iterates
from trainables.attacks.apgd import APGD, FIRST_STEP, checkpoints
from trainables.attacks.attack import Seen
from trainables.geometry import L2, NORMS
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

STEPS = 30


def twin(threat: Threat, model: Model, label: Tensor, start: Tensor, steps: int) -> list[Tensor]:
    """The paper's algorithm for one example, with everything that its conditions name; returns what it looks at."""
    fractions = [Fraction(0), Fraction(22, 100)]
    while fractions[-1] <= 1:
        fractions.append(fractions[-1] + max(fractions[-1] - fractions[-2] - Fraction(3, 100), Fraction(6, 100)))
    w = sorted({math.ceil(p * steps) for p in fractions})

    def f(at: Tensor) -> tuple[float, Tensor]:
        leaf = at.clone().requires_grad_()
        loss, _ = cross_entropy(model, label)(threat.render(leaf))
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        return loss.item(), gradient / gradient.norm() if isinstance(threat.norm, L2) else gradient.sign()

    x, before, looked = start, start, [start]
    value, up = f(x)
    best, values, highest, eta = (value, x, up), [value], [value], [2 * threat.radius.item()]
    halve = False
    rose: list[bool] = []  # whether f(x(i + 1)) > f(x(i))
    for k in range(steps):
        if k:
            value, up = f(x)
            rose.append(value > values[k - 1])
            best = max(best, (value, x, up), key=lambda point: point[0])
            values.append(value)
            highest.append(best[0])
            eta.append(eta[-1] / 2 if halve else eta[-1])
        halve = False
        if k in w[1:]:
            last = w[w.index(k) - 1]
            rarely = sum(rose[last:k]) < 0.75 * (k - last)
            halve = rarely or (eta[last] == eta[k] and highest[last] == highest[k])
        if halve:
            values[k], x, up = best
        z = threat.project(x + (eta[k] / 2 if halve else eta[k]) * up)
        alpha = 0.75 if k else 1
        x, before = threat.project(x + alpha * (z - x) + (1 - alpha) * (x - before)), x
        looked.append(x)
    return looked


def test_equals_the_papers_algorithm_for_one_example(make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    every = iterates(APGD(), threat, steps=STEPS, step_size=FIRST_STEP)

    for i in range(BATCH):
        row = torch.tensor([i])
        looked = twin(threat.at(row), curved, LABELS[row], starting_point(threat)[row], STEPS)
        for seen, expected in zip(every, looked, strict=True):
            # A start that is moved by a unit of rounding moves later iterates by up to 3e-9: processors differ by that.
            torch.testing.assert_close(seen.delta[row], expected, rtol=0, atol=1e-7)


def test_checkpoints_are_the_papers() -> None:
    assert checkpoints(100) == (0, 22, 41, 57, 70, 80, 87, 93, 99)
    assert checkpoints(10) == (0, 3, 5, 6, 7, 8, 9, 10)


def scales(losses: Tensor) -> Tensor:
    """The step of each example, as a part of the first, before every move: their losses are given, (steps, batch)."""
    steps, batch = losses.shape
    threat = PixelThreat(torch.full((batch, 1, 2, 2), 0.5), NORMS["linf"], torch.tensor(0.1))
    delta, attack, every = torch.zeros(batch, 1, 2, 2), APGD(), []
    state = attack.begin(delta, steps=steps)
    for loss in losses:
        seen = Seen(delta, loss, torch.ones_like(delta), torch.zeros(batch, dtype=torch.bool))
        moved, state = attack.move(seen, state, threat, torch.tensor(FIRST_STEP))
        delta = threat.project(moved)
        every.append(state.scale)
    return torch.stack(every)


def test_the_step_halves_where_the_loss_stops_rising_and_there_alone() -> None:
    rising = torch.arange(100.0)
    stops = rising.clamp_max(41)  # the best is known at step 41
    found = scales(torch.stack([rising, torch.zeros(100), stops], dim=1))

    assert (found[:, 0] == 1).all()
    assert found[[21, 22, 41, 57, 70, 80, 87, 93, 99], 1].tolist() == [0.5**k for k in range(9)]
    assert found[[56, 57, 69, 70], 2].tolist() == [1, 0.5, 0.5, 0.25]


def test_three_quarters_of_the_steps_must_rise() -> None:
    """Of 22 steps, 17 are enough and 16 are not."""
    enough, few = torch.arange(100.0), torch.arange(100.0)
    enough[18:23] = 17
    few[17:23] = 16

    assert scales(torch.stack([enough, few], dim=1))[22].tolist() == [1, 0.5]


def test_a_step_that_has_just_been_halved_is_given_another_chance() -> None:
    """From one checkpoint to the next it rises all the time, and yet not above the best: only then it would halve."""
    low = torch.arange(100.0)
    low[0], low[1:23] = 1000, 0
    found = scales(low[:, None])[:, 0]

    assert found[[21, 22, 41, 57, 70]].tolist() == [1, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_moves_on_with_a_quarter_of_the_last_step(norm: str) -> None:
    """Inside the ball and the range, so that nothing is projected."""
    images = torch.full((1, 1, 4, 4), 0.5, dtype=torch.float64)
    threat = PixelThreat(images, NORMS[norm], torch.tensor(0.01, dtype=torch.float64))
    attack, start = APGD(), torch.zeros_like(images)
    gradient, never = torch.ones_like(images), torch.zeros(1, dtype=torch.bool)
    ahead, aside = torch.zeros_like(images), torch.zeros_like(images)
    ahead[..., 0, 0], aside[..., 0, 1] = 0.002, 0.002
    state = attack.begin(start, steps=100)
    first = Seen(start, torch.tensor([0.0], dtype=torch.float64), gradient, never)
    moved, state = attack.move(first, state, threat, torch.tensor(0.1, dtype=torch.float64))
    unit = threat.norm.steepest(gradient)
    torch.testing.assert_close(moved, 0.001 * unit)

    second = Seen(ahead, torch.tensor([1.0], dtype=torch.float64), aside, never)
    moved, _ = attack.move(second, state, threat, torch.tensor(0.1, dtype=torch.float64))

    torch.testing.assert_close(moved, ahead + 0.75 * 0.001 * threat.norm.steepest(aside) + 0.25 * (ahead - start))

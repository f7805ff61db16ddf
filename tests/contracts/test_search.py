"""What the loop around an attack promises: what it keeps, when it ends, and that many searches may be one."""

import pytest
import torch
from torch import Tensor

from tests.contracts.conftest import BATCH, MakeThreat, starting_point
from tests.contracts.searching import EVERY, STEPS, cross_entropy, curved, draws, find, iterates
from trainables.attacks.attack import NO_SLACK, Attack, search
from trainables.attacks.gradient import ATTACKS


@pytest.fixture(params=list(EVERY))
def attack(request: pytest.FixtureRequest) -> Attack:
    return EVERY[request.param]


@pytest.fixture(params=list(ATTACKS))
def trained(request: pytest.FixtureRequest) -> Attack:
    """An attack that training chooses from: pure, and without a plan for all of its steps."""
    return ATTACKS[request.param]


def test_keeps_the_highest_loss_once_it_has_succeeded(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)
    found, every = find(attack, threat), iterates(attack, threat)

    for i in range(BATCH):
        first = next((k for k, seen in enumerate(every) if seen.wrong[i]), None)
        best = STEPS if first is None else max(range(first, STEPS + 1), key=lambda k: every[k].loss[i].item())
        assert found.success[i] == (first is not None)
        torch.testing.assert_close(found.delta[i], every[best].delta[i])


@pytest.mark.parametrize("slack", [0, 2])
def test_slack_counts_iterates_after_the_first_success(attack: Attack, make_threat: MakeThreat, slack: int) -> None:
    threat = make_threat(0.3)
    found, every = find(attack, threat, slack=slack), iterates(attack, threat)

    for i in range(BATCH):
        first = next((k for k, seen in enumerate(every) if seen.wrong[i]), STEPS)
        torch.testing.assert_close(found.delta[i], every[min(first + slack, STEPS)].delta[i])


@pytest.mark.parametrize("slack", [NO_SLACK, 0, 1])
@pytest.mark.parametrize("steps", [0, 3, STEPS])
def test_masked_steps_change_nothing(trained: Attack, make_threat: MakeThreat, steps: int, slack: int) -> None:
    short = find(trained, make_threat(0.3), steps=steps, slack=slack)
    masked = find(trained, make_threat(0.3), steps=steps, slack=slack, longest=2 * STEPS)

    assert torch.equal(short.delta, masked.delta)
    assert torch.equal(short.success, masked.success)


def test_no_steps_keep_the_start(attack: Attack, make_threat: MakeThreat) -> None:
    threat = make_threat(0.3)

    assert torch.equal(find(attack, threat, steps=0).delta, starting_point(threat))


def test_vmap_over_hyperparameters_equals_one_at_a_time(trained: Attack, make_threat: MakeThreat) -> None:
    threat, start = make_threat(0.3), starting_point(make_threat(0.3))
    sizes, steps = torch.tensor([0.05, 0.2, 0.5], dtype=torch.float64), torch.tensor([2, 5, STEPS])
    slacks = torch.tensor([NO_SLACK, 0, 1])

    def one(size: Tensor, count: Tensor, slack: Tensor) -> Tensor:
        return search(
            trained,
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
    stopped = search(attack, objective, threat, start, **arguments, alone=True, rng=draws())
    whole = search(attack, objective, threat, start, **arguments, alone=False, rng=draws())

    assert (stopped.looks == 1).all()
    assert (whole.looks == 1).all()
    assert torch.equal(stopped.delta, whole.delta)

"""Learned manifolds in fused steps: a model for each class sorts examples where nobody may look at their labels."""

from dataclasses import replace

import pytest
import torch

from tests.trainables.engine.alike import MANIFOLD, PIXEL, assert_same, at_once, params, precise, reports_of, trial
from trainables.allocation import HOST
from trainables.config import LearnedConfig, TrialConfig, VaeGanConfig
from trainables.engine import Engine
from trainables.engine.cohort import Cohort
from trainables.manifolds.manifold import Manifolds
from trainables.pipeline import prepare
from trainables.provision import untrained
from trainables.training.examples import Resident
from trainables.training.plan import calls

ROLES = (
    (replace(PIXEL, share=0.1), replace(MANIFOLD, share=0.5)),
    (PIXEL, replace(MANIFOLD, share=0.45, steps=3)),
    (PIXEL, replace(MANIFOLD, share=0.05)),  # one example, in all places that there are for many
)
PLACES = 7  # that each of ten models has in a call, of a role with 20


def moving(k: int, *, agnostic: bool = False, epochs: int = 1) -> TrialConfig:
    """The k-th of trials that are kin, on a learned manifold."""
    learned = LearnedConfig(model=VaeGanConfig(width=0.125, updates=1, agnostic=agnostic))
    return replace(trial(k, "mlp", "sgd", epochs), manifold=learned, roles=ROLES[k])


def manifolds_of(config: TrialConfig) -> Manifolds:
    return untrained(config.manifold, config.data)


@pytest.mark.parametrize("agnostic", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_codes_that_were_learned_move_in_a_fused_step_as_they_do_alone(agnostic: bool) -> None:
    configs = [moving(k, agnostic=agnostic, epochs=1 + (k == 0)) for k in range(3)]
    alone, fused = ([precise(each, manifolds_of(each)) for each in configs] for _ in range(2))
    engine = Engine("", slots=2)
    handles = [engine.admit(run) for run in fused]

    for one, other, reports in zip(alone, fused, reports_of(engine, handles), strict=True):
        assert_same(reports, list(one.reports()))
        for name, values in params(one).items():
            torch.testing.assert_close(params(other)[name], values, atol=1e-6, rtol=1e-6)


def test_a_neighbour_whose_examples_are_of_one_class_changes_no_bit() -> None:
    """It makes three calls of what one would do."""
    alike = moving(0), moving(2)
    runs = [prepare(each, manifolds_of(each)) for each in alike]
    lonely, (crowded, other) = prepare(alike[0], manifolds_of(alike[0])), runs
    steps = []
    for trainings in ([lonely.training], [crowded.training, other.training]):
        cohort = Cohort(trainings[0], 2, HOST)
        slots = [cohort.join(each, Resident(each.splits.train, each.moved, each.dtype, HOST)) for each in trainings]
        while cohort.step() == []:
            pass
        for slot in slots:
            cohort.settle(slot)
        steps.append(sorted(cohort._steps))

    assert steps[0][-1] < steps[1][-1] == -(-20 // PLACES)
    assert all(torch.equal(values, params(crowded)[name]) for name, values in params(lonely).items())


@pytest.mark.parametrize(("last", "needed"), [([9, 9, 9, 9], 2), ([9, 9, 9, 8], 1)])
def test_calls_are_counted_of_the_examples_that_move(last: list[int], needed: int) -> None:
    """Ten of twenty, each in two places; four of a class are one more than a call has room for."""
    config = moving(0)
    labels = torch.tensor([*range(10), *range(6), *last])

    assert calls(config, labels, manifolds_of(config)) == needed


def test_sorting_asks_for_no_value_and_lets_no_models_take_turns() -> None:
    config = moving(0)
    training = prepare(config, manifolds_of(config)).training
    for device in (torch.device("meta"), HOST):
        cohort = Cohort(training, 2, device)
        cohort.join(training, Resident(training.splits.train, training.moved, training.dtype, device))
        with at_once():
            cohort.step()

    assert [loss.device.type for loss in training.progress.losses] == ["meta", "cpu"]

"""Engines on a device that is not there: tensors know where they lie all the same, with values and without."""

from dataclasses import asdict, replace

import pytest
import torch

from tests.trainables.elsewhere import elsewhere
from tests.trainables.engine.alike import at_once, reports_of, trial
from trainables.allocation import HOST
from trainables.config import ARCHITECTURES, Architecture, Checkpoint, EvaluationConfig
from trainables.engine import Engine
from trainables.engine.cohort import Cohort
from trainables.pipeline import prepare
from trainables.training.examples import Resident

NOWHERE = torch.device("meta")


@pytest.mark.parametrize(
    "architecture", [name if name == "mlp" else pytest.param(name, marks=pytest.mark.slow) for name in ARCHITECTURES]
)
def test_a_step_stays_on_its_device_and_asks_for_no_value(architecture: Architecture) -> None:
    """Whoever mixes devices, or reads a value (for which a device would be waited for), is told so."""
    training = prepare(trial(0, architecture)).training
    cohort = Cohort(training, 2, NOWHERE)
    data = Resident(training.splits.train, training.moved, training.dtype, NOWHERE)
    cohort.join(training, data)

    assert cohort.step() == []
    assert [loss.device for loss in training.progress.losses] == [NOWHERE]


@pytest.mark.parametrize("slots", [1, 2])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_in_no_operation_of_a_step_models_take_turns(architecture: Architecture, slots: int) -> None:
    training = prepare(trial(0, architecture)).training
    cohort = Cohort(training, slots, HOST)
    cohort.join(training, Resident(training.splits.train, training.moved, training.dtype, HOST))

    with at_once():
        cohort.step()

    assert len(training.progress.losses) == 1


def test_a_manifold_that_stays_behind_is_noticed() -> None:
    training = prepare(trial(0, "mlp")).training
    cohort = Cohort(training, 1, NOWHERE)
    cohort.join(training, Resident(training.splits.train, training.moved, training.dtype, NOWHERE))
    cohort._moved = training.moved

    with pytest.raises(RuntimeError, match="device"):
        cohort.step()


@pytest.mark.parametrize("architecture", ["mlp", pytest.param("conv", marks=pytest.mark.slow)])
def test_trials_that_train_and_are_measured_elsewhere_report_the_same(architecture: Architecture) -> None:
    """To the last bit: what computes is the host. One trial waits for a slot, and two kinds of attacks measure."""
    evaluation = EvaluationConfig(n_attacked=10, steps=2, paper_attempts=1, at_epochs=(1,))
    configs = [replace(trial(k, architecture, epochs=2), evaluation=evaluation) for k in range(3)]

    def reports(device: str) -> list[list[dict[str, object]]]:
        engine = Engine("", slots=2, device=device)
        told = reports_of(engine, [engine.submit(config) for config in configs])
        return [[asdict(replace(report, seconds=0.0)) for report in each] for each in told]

    with elsewhere() as device:
        there = reports(str(device))

    assert there == reports("cpu")


@pytest.mark.parametrize("checkpoint", ["last", pytest.param("best-clean", marks=pytest.mark.slow)])
def test_a_trial_alone_elsewhere_reports_the_same_and_what_it_leaves_is_here(checkpoint: Checkpoint) -> None:
    """It goes on, elsewhere too, from a checkpoint that was taken in the middle of its first epoch."""
    evaluation = EvaluationConfig(n_attacked=10, steps=2, paper_attempts=1, at_epochs=(1,))
    config = replace(trial(0, "mlp", epochs=2), evaluation=evaluation, checkpoint=checkpoint)
    here, packed = prepare(config), []
    expected = list(here.reports())
    with elsewhere() as device:
        first, second = (replace(prepare(config), device=str(device)) for _ in range(2))
        found = [next(iter(first.reports(lambda: packed.append(first.checkpoint()))))]
        second.go_on(packed[0])
        found += list(second.reports())[1:]
        weights = second.weights()

    assert [replace(each, seconds=0.0) for each in found] == [replace(each, seconds=0.0) for each in expected]
    assert {name: values.tolist() for name, values in weights.items()} == {
        name: values.tolist() for name, values in here.weights().items()
    }

"""A fused step on a device that is not there: tensors without values know where they lie all the same."""

import pytest
import torch

from tests.trainables.engine.alike import trial
from trainables.config import ARCHITECTURES, Architecture
from trainables.engine.cohort import Cohort, guarded
from trainables.engine.resident import Resident
from trainables.pipeline import prepare
from trainables.training.plan import fused_step

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


def test_a_manifold_that_stays_behind_is_noticed() -> None:
    training = prepare(trial(0, "mlp")).training
    cohort = Cohort(training, 1, NOWHERE)
    cohort.join(training, Resident(training.splits.train, training.moved, training.dtype, NOWHERE))
    cohort._step = torch.vmap(guarded(fused_step(training.config, training.classifier, training.moved, training.dtype)))

    with pytest.raises(RuntimeError, match="device"):
        cohort.step()

"""A fused step on a device that need not be there: tensors without values say where they would lie."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from tests.trainables.engine.alike import trial
from trainables.config import ARCHITECTURES, Architecture
from trainables.engine.cohort import Cohort
from trainables.engine.resident import Resident
from trainables.pipeline import prepare

GPU = torch.device("cuda", 0)


@pytest.mark.parametrize(
    "architecture", [name if name == "mlp" else pytest.param(name, marks=pytest.mark.slow) for name in ARCHITECTURES]
)
def test_a_step_stays_on_its_device_and_asks_for_no_value(architecture: Architecture) -> None:
    """Whoever mixes devices, or reads a value (for which a device would be waited for), is told so."""
    training = prepare(trial(0, architecture)).training

    with FakeTensorMode(allow_non_fake_inputs=True):
        cohort = Cohort(training, 2, GPU)
        data = Resident(training.splits.train, training.moved, training.dtype, GPU)
        slot = cohort.join(training, data)
        ended = [cohort.step() for _ in range(2)]

    assert ended == [[], [slot]]
    assert [loss.device for loss in training.progress.losses] == [GPU, GPU]

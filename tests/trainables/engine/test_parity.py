"""Trials that share fused steps, and come and go in the middle of them, equal trials on their own."""

import pytest
import torch

from tests.trainables.engine.alike import assert_same, params, precise, reports_of, trial
from trainables.config import ARCHITECTURES, Architecture, TrialConfig
from trainables.engine import Engine


def assert_parity(configs: list[TrialConfig], slots: int, *, weights: bool = True) -> None:
    alone, fused = ([precise(config) for config in configs] for _ in range(2))
    engine = Engine("", slots=slots)
    handles = [engine.admit(run) for run in fused]

    for one, other, reports in zip(alone, fused, reports_of(engine, handles), strict=True):
        assert_same(reports, list(one.reports()))
        for name, values in params(one).items() if weights else ():
            torch.testing.assert_close(params(other)[name], values, atol=1e-6, rtol=1e-6)


def test_two_trials_in_one_step_end_where_each_ends_alone() -> None:
    assert_parity([trial(0, "mlp", "sgd"), trial(1, "mlp", "sgd", epochs=2)], 2)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_five_trials_in_two_slots_end_where_each_ends_alone(architecture: Architecture) -> None:
    """They end and begin in the middle of their neighbours' epochs.

    The weights of an mlp are compared under SGD: Adam makes full steps of the rounding in gradients that are truly
    zero, which its biases before a normalisation have.
    """
    optimiser = "sgd" if architecture == "mlp" else "adam"
    assert_parity([trial(k, architecture, optimiser, epochs) for k, epochs in enumerate((3, 1, 2, 1, 1))], 2)


@pytest.mark.slow
def test_errors_of_mlps_under_adam_are_those_of_each_alone() -> None:
    assert_parity([trial(k, "mlp") for k in range(3)], 2, weights=False)

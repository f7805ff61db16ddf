from dataclasses import replace

import pytest

from trainables.config import ARCHITECTURES, DataConfig, EvaluationConfig, RoleConfig, TrialConfig
from trainables.pipeline import prepare
from trainables.report import EpochReport

CONFIG = TrialConfig(
    width=0.125,
    data=DataConfig(n_train=100, n_validation=40, n_test=40),
    epochs=2,
    batch_size=50,
    fused_steps=5,
    roles=(
        RoleConfig(threat="pixel", share=0.25, steps=2, step_size=0.3),
        RoleConfig(threat="manifold", share=0.25, steps=2, step_size=0.3),
    ),
    evaluation=EvaluationConfig(n_attacked=10, steps=2, at_epochs=(1,)),
)


def timeless(reports: list[EpochReport]) -> list[EpochReport]:
    return [replace(report, seconds=0.0) for report in reports]


def packed_after(config: TrialConfig, steps: int) -> tuple[list[EpochReport], list[EpochReport], bytes]:
    """Trains to the end; returns the reports before and after a checkpoint, and the checkpoint."""
    run, taken, before = prepare(config), [], []

    def after_step() -> None:
        taken.append(run.checkpoint())

    reports = []
    for report in run.reports(after_step):
        reports.append(report)
        if len(taken) < steps:
            before.append(report)
    return before, reports[len(before) :], taken[steps - 1]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("steps", [1, 3])
def test_a_trial_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(architecture: str, steps: int) -> None:
    config = replace(CONFIG, architecture=architecture)
    _, expected, checkpoint = packed_after(config, steps)

    again = prepare(config)
    again.go_on(checkpoint)

    assert timeless(list(again.reports())) == timeless(expected)


def test_a_checkpoint_after_a_report_leads_to_the_next_one() -> None:
    run = prepare(CONFIG)
    reports = run.reports()
    next(reports)
    checkpoint = run.checkpoint()

    again = prepare(CONFIG)
    again.go_on(checkpoint)

    assert timeless(list(again.reports())) == timeless(list(reports))


def test_time_is_counted_over_all_processes_that_trained() -> None:
    run = prepare(CONFIG)
    first = next(run.reports())
    again = prepare(CONFIG)
    again.go_on(run.checkpoint())

    (last,) = again.reports()

    assert last.seconds > first.seconds > 0
    assert last.seconds < 60


@pytest.mark.parametrize("harm", [lambda b: b[:-1], lambda b: b"", lambda b: b[:20], lambda b: b"x" * 100])
def test_bytes_that_are_no_checkpoint_are_refused(harm) -> None:
    run = prepare(CONFIG)

    with pytest.raises(ValueError, match="a checkpoint is"):
        run.go_on(harm(run.checkpoint()))


def test_another_trials_checkpoint_is_refused() -> None:
    other = prepare(replace(CONFIG, seed=1)).checkpoint()

    with pytest.raises(ValueError, match="another config"):
        prepare(CONFIG).go_on(other)

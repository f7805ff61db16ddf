import json
import subprocess
import sys
from dataclasses import replace
from itertools import islice

import pytest
import torch

from trainables.config import DataConfig, EvaluationConfig, OptimiserConfig, RoleConfig, ThreatModel, TrialConfig
from trainables.pipeline import data_fingerprint, prepare, run
from trainables.strategies import STRATEGIES

TINY = TrialConfig(
    width=0.25,
    data=DataConfig(n_train=100, n_validation=50, n_test=70),
    epochs=2,
    batch_size=50,
    fused_steps=5,
    evaluation=EvaluationConfig(n_attacked=10, steps=2),
)
ROLES = (
    RoleConfig(threat="pixel", share=0.25, steps=2, step_size=0.3),
    RoleConfig(threat="manifold", share=0.25, steps=2, step_size=0.3),
)


def without_time(config: TrialConfig) -> list:
    return [replace(report, seconds=0.0) for report in run(config)]


@pytest.mark.parametrize("architecture", ["conv", "mlp"])
def test_same_config_same_reports(architecture: str) -> None:
    config = replace(TINY, architecture=architecture, roles=ROLES)

    assert without_time(config) == without_time(config)


def test_another_seed_gives_other_reports() -> None:
    assert without_time(TINY) != without_time(replace(TINY, seed=1))


def test_error_is_measured_every_epoch_and_attacks_at_the_end() -> None:
    first, last = run(TINY)

    assert (first.epoch, last.epoch) == (1, 2)
    assert first.robust_error is None
    assert last.robust_error is not None
    assert last.on_manifold_error is not None
    assert last.gradient_evaluations > first.gradient_evaluations > 0


def test_attacks_also_run_where_they_are_asked_for() -> None:
    evaluation = replace(TINY.evaluation, at_epochs=(1,))
    first, _ = run(replace(TINY, evaluation=evaluation))

    assert first.robust_error is not None


def test_who_looks_at_the_last_epoch_alone_finds_the_same_there() -> None:
    every = without_time(TINY)
    (last,) = without_time(replace(TINY, evaluation=replace(TINY.evaluation, only_last=True)))

    passes = {"forward_passes": last.forward_passes}  # the epochs before were not measured
    assert last == replace(every[-1], picks={}, **passes)
    assert last.forward_passes < every[-1].forward_passes


def test_attacking_midway_does_not_change_training() -> None:
    early = replace(TINY, roles=ROLES, evaluation=replace(TINY.evaluation, at_epochs=(1,)))

    assert without_time(early)[-1].train_loss == without_time(replace(TINY, roles=ROLES))[-1].train_loss


def test_the_test_split_is_opened_after_the_last_epoch_only() -> None:
    on_test = replace(TINY, evaluation=replace(TINY.evaluation, split="test"))
    searched, confirmed = without_time(TINY), without_time(on_test)

    assert confirmed[0].error == searched[0].error
    assert confirmed[-1].train_loss == searched[-1].train_loss
    assert confirmed[-1].error != searched[-1].error


def test_the_scheduler_stops_by_not_asking() -> None:
    (only,) = islice(run(TINY), 1)

    assert only.epoch == 1


def test_a_rate_that_explodes_is_infeasible_with_its_reason() -> None:
    optimiser = OptimiserConfig(kind="sgd", learning_rate=10.0, weight_decay=1.0)
    config = replace(TINY, epochs=40, optimiser=optimiser, architecture="mlp")
    reports = without_time(config)

    assert reports[-1].infeasible in ("the training loss is nan", "the training loss is inf")
    assert reports[-1].epoch < 40
    assert reports[-1].robust_error is None
    last = without_time(replace(config, evaluation=replace(config.evaluation, only_last=True)))
    assert [(report.epoch, report.infeasible) for report in last] == [(reports[-1].epoch, reports[-1].infeasible)]


def test_weights_that_are_not_finite_are_infeasible_whatever_they_predict() -> None:
    trial = prepare(replace(TINY, epochs=1, optimiser=OptimiserConfig(kind="sgd", learning_rate=0.1)))
    trial.training.state.params["hidden.bias"][0] = torch.nan
    (report,) = trial.reports()

    assert report.infeasible is not None


def test_an_attack_that_ends_early_counts_the_steps_that_it_took() -> None:
    """Untrained, every image is misclassified at the start or soon: "weak" attacks end long before their 20 steps."""
    weak = replace(ROLES[0], share=0.5, steps=20, slack=0)
    whole = replace(weak, slack=None)
    counts = [next(run(replace(TINY, roles=(role,), fused_steps=20))).gradient_evaluations for role in (weak, whole)]

    assert counts[1] == 2 * (50 + 25 * 20)
    assert counts[0] < counts[1]


def test_chance_is_infeasible() -> None:
    """Weights that decay to nothing predict one class for all: the error is that of chance, exactly."""
    *_, last = run(replace(TINY, optimiser=OptimiserConfig(kind="sgd", learning_rate=0.1, weight_decay=1.0), epochs=40))

    assert last.infeasible is not None
    assert "chance" in last.infeasible


def test_weights_are_those_of_the_last_step() -> None:
    trial = prepare(TINY)
    before = {name: value.clone() for name, value in trial.weights().items()}
    list(trial.reports())

    assert not any(torch.equal(before[name], value) for name, value in trial.weights().items())
    assert trial.parameters == sum(v.numel() for n, v in before.items() if "running" not in n)


@pytest.mark.parametrize("name", list(STRATEGIES))
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_every_strategy_trains_under_both_norms(name: str, norm: str) -> None:
    threat = ThreatModel(norm=norm, epsilon=0.3 if norm == "linf" else 1.5)
    strategy = STRATEGIES[name].under(threat)
    roles = tuple(replace(role, steps=min(role.steps, 2)) for role in strategy.roles)
    config = replace(TINY, threat_model=threat, clean_weight=strategy.clean_weight, roles=roles, epochs=1)
    (report,) = run(config)

    assert report.error <= 1


def test_bfloat16_attacks_train() -> None:
    exact, rough = (
        without_time(replace(TINY, roles=ROLES)),
        without_time(replace(TINY, roles=ROLES, attack_precision="bfloat16")),
    )

    assert exact[-1].train_loss != rough[-1].train_loss
    assert exact[-1].train_loss == pytest.approx(rough[-1].train_loss, rel=0.3)


def test_fingerprint_tells_selections_of_data_apart(tmp_path: object) -> None:
    data = TINY.data

    assert data_fingerprint(data) == data_fingerprint(replace(data))
    assert data_fingerprint(data) != data_fingerprint(replace(data, seed=1))
    assert data_fingerprint(data) != data_fingerprint(replace(data, variant="easy"))


def test_missing_data_is_one_sentence() -> None:
    with pytest.raises(ValueError, match="nowhere"):
        prepare(replace(TINY, data=replace(TINY.data, source="/nowhere")))


@pytest.mark.slow
def test_pipeline_needs_neither_ray_nor_optuna() -> None:
    code = (
        "import sys, json, trainables.pipeline; print(json.dumps([m for m in ('ray', 'optuna') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == []

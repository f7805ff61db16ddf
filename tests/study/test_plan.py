import pytest
import torch

from search_spaces.tradeoff import tradeoff
from study.costs import gradient_evaluations
from study.plan import _slow, described, plan
from study.search.point import to_config
from tests.study.conftest import tiny
from trainables.config import DataConfig, LearnedConfig, VaeGanConfig
from trainables.pipeline import run


@pytest.mark.parametrize(
    ("label", "checkpoint"),
    [("Normal", "last"), ("RandTrue", "last"), ("Reg+OnTrue", "best-clean"), ("Reg+OnTrue", "best-robust")],
)
def test_the_estimate_is_an_upper_bound_and_not_far_off(label, checkpoint):
    torch.set_num_threads(1)  # as in a trial
    config = tiny(data=DataConfig(n_train=200, n_validation=50, n_test=10), checkpoint=checkpoint)
    trial = to_config(dict(tradeoff(5).baselines)[label], config.base("mlp", 0))

    *_, last = run(trial)

    estimate = gradient_evaluations(trial)
    assert last.infeasible is None
    assert estimate / 4 < last.gradient_evaluations <= estimate


def test_a_plan_counts_trials_signatures_and_cost():
    config = tiny(trials=12)

    made = plan(config, "mlp", confirm=True)

    assert (len(made.baselines), made.searched, made.signatures) == (6, 6, 8)
    assert made.search > 12 * 2 * 100
    assert made.rate > 0
    assert made.seconds == pytest.approx((made.search + made.confirmation) / made.rate)
    assert "RegAdv weak" in described(config, [made], 2)


def test_without_confirmation_it_costs_nothing():
    made = plan(tiny(), "mlp", confirm=False)

    assert (made.candidates, made.confirmation) == (0, 0)


LEARNED = LearnedConfig(model=VaeGanConfig(latent=3, width=1 / 32, updates=2, images="n"))


def test_a_plan_says_what_trials_choose_from_and_that_they_share_fewer_steps():
    config = tiny(manifold="known", others=("affine",), trials=12)

    made = plan(config, "mlp", confirm=False)

    assert made.signatures == 11
    told = described(config, [made], 1)
    assert "one of known, affine in a trial; errors are measured on the first" in told
    assert "at most 11 signatures" in told
    assert "more than 8 signatures" in told
    assert "learned before the first trial" not in told


def test_a_plan_of_one_kind_says_nothing_of_a_choice():
    told = described(tiny(), [plan(tiny(), "mlp", confirm=False)], 1)

    assert "more than" not in told
    assert "measured on the first" not in told


def test_a_plan_says_what_is_learned_and_is_timed_along_it():
    config = tiny(manifold="affine", others=("learned-agnostic", "learned"), learned=LEARNED)
    slow = _slow(config.search_space(), config)

    assert slow["kind"] == "learned-agnostic"
    assert config.search_space().contains(slow)
    assert "one model for all classes and a model for each class" in described(config, [], 1)


def test_trials_have_the_precision_that_was_asked_for_and_a_plan_says_it():
    config = tiny(attack_precision="bfloat16")

    assert config.base("mlp", 0).attack_precision == "bfloat16"
    assert "steps of an attack in bfloat16" in described(config, [plan(config, "mlp", confirm=False)], 1)
    assert "bfloat16" not in described(tiny(), [plan(tiny(), "mlp", confirm=False)], 1)


def test_what_replicates_take_is_said_to_be_left_out():
    config = tiny(trials=12, replicates=2)

    told = described(config, [plan(config, "mlp", confirm=True)], 2)

    assert "2 more seeds of every point of the best fronts; that is not in the numbers below" in told

import os
import time
from dataclasses import replace

import pytest

from study.costs import gradient_evaluations
from study.probe import GRAIN, RAYS_OWN, costliest, in_a_fork, needed, probe, probed
from study.resources import Resources
from study.search.point import to_config
from tests.study.conftest import tiny
from trainables.config import DataConfig, LearnedConfig, VaeGanConfig

MIB = 2**20
FOUND = {"architecture": "mlp", "import_bytes": 400 * MIB, "peak_bytes": 500 * MIB, "seconds": {"1": 1.0}}


def test_no_baseline_costs_more_than_the_costliest():
    config = tiny(architectures=("conv",))
    base = config.base("conv", 0)

    found = costliest(config, "conv")

    most = max(gradient_evaluations(to_config(point, base)) for _, point in config.search_space().baselines)
    assert gradient_evaluations(found) >= most
    assert found.architecture == "conv"


@pytest.mark.parametrize(("kinds", "held"), [(("known", "learned"), 1), (("learned", "learned-agnostic", "affine"), 2)])
def test_the_costliest_holds_as_many_learned_manifolds_as_any(kinds, held):
    learned = LearnedConfig(model=VaeGanConfig(latent=3))
    found = costliest(tiny(manifold=kinds[0], others=kinds[1:], learned=learned), "conv")

    assert len({found.manifold, found.moved_on} - {None}) == held


def test_memory_is_the_whole_process_with_a_margin_for_what_the_trial_adds():
    memory = needed(FOUND).memory_bytes

    assert 0 <= memory - (RAYS_OWN + 400 * MIB + 1.25 * 100 * MIB) < GRAIN
    assert memory % GRAIN == 0


@pytest.mark.parametrize(
    ("seconds", "cpus"),
    [
        ({"1": 1.0}, 1),
        ({"1": 1.0, "2": 0.6}, 1),  # two trials would do more
        ({"1": 1.0, "2": 0.51, "4": 0.4}, 2),
        ({"1": 1.0, "2": 0.5, "4": 0.26, "8": 0.2}, 4),
    ],
)
def test_threads_pay_where_they_do_nearly_as_much_as_that_many_trials(seconds, cpus):
    assert needed(FOUND | {"seconds": seconds}).cpus == cpus


@pytest.mark.parametrize("nothing", [None, {"architecture": "mlp", "failed": "no data"}])
def test_a_probe_that_found_nothing_leaves_what_is_usual(nothing):
    assert needed(nothing) == Resources()


def test_what_a_study_knows_is_not_measured_again():
    assert probed(tiny(architectures=("mlp",)), {"mlp": FOUND}, joined=False) == {"mlp": FOUND}


@pytest.mark.slow
def test_the_probe_sees_memory_that_a_trial_takes():
    small = replace(tiny().base("mlp", 0), data=DataConfig(n_train=200, n_validation=100, n_test=10))
    large = replace(small, architecture="conv", width=2.0)
    missing = replace(small, data=replace(small.data, source="nowhere/prototypes.npz"))

    found = probe([each.to_dict() for each in (small, large, missing)])

    assert [each["architecture"] for each in found] == ["mlp", "conv", "mlp"]
    assert "nowhere" in found[2]["failed"]
    added = [each["peak_bytes"] - each["import_bytes"] for each in found[:2]]
    assert 5 * MIB < added[0] < 300 * MIB
    assert added[1] > added[0] + 10 * MIB
    assert list(found[0]["seconds"]) == ["1"]
    assert needed(found[0]).memory_bytes > 200 * MIB


@pytest.mark.slow
def test_a_probe_that_cannot_run_says_why(monkeypatch):
    monkeypatch.setattr("study.probe.LIMIT", 0.1)

    (found,) = probe([tiny().base("mlp", 0).to_dict()])

    assert "timed out" in found["failed"]


def test_a_trial_that_takes_too_long_is_ended(monkeypatch):
    monkeypatch.setattr("study.probe.LIMIT", 0.1)
    monkeypatch.setattr("study.probe.measure", lambda trial, most_threads: time.sleep(60))

    found = in_a_fork({"architecture": "mlp"}, 1)

    assert "longer than 0.1 s" in found["failed"]


def test_a_trial_whose_process_dies_is_told_of(monkeypatch):
    monkeypatch.setattr("study.probe.measure", lambda trial, most_threads: os._exit(9))

    assert "died" in in_a_fork({"architecture": "mlp"}, 1)["failed"]

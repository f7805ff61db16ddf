import json

import pytest

from search_spaces.tradeoff import tradeoff
from study.config import FIRST_FRESH_SEED, StudyConfig
from study.scales import SCALES
from tests.study.conftest import tiny
from trainables.config import ThreatModel


def test_a_config_survives_json():
    search = {"constraints": ("val_error<0.2",), "replicates": 2, "warm_start": "runs/earlier", "sampler": "gp"}
    config = tiny(threat_model=ThreatModel(norm="l2", epsilon=1.5), architectures=("mlp",), **search)

    assert StudyConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_config_of_before_there_were_such_options_is_read():
    plain = tiny().to_dict()
    for name in ("constraints", "replicates", "warm_start"):
        del plain[name]

    assert StudyConfig.from_dict(plain) == tiny()


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES.keys())
def test_every_scale_has_a_space_and_enough_examples_to_attack(scale):
    assert tradeoff(scale.steps).baselines
    assert scale.n_attacked <= min(scale.n_validation, scale.n_test)


def test_fresh_seeds_are_distinct_and_never_those_of_the_search():
    config = tiny(seeds=100, seed=7)

    searched = {config.trial_seed(name, number) for name in config.architectures for number in range(1000)}

    assert len(set(config.fresh_seeds())) == 100
    assert max(searched) < FIRST_FRESH_SEED <= min(config.fresh_seeds())


def test_trials_have_seeds_of_their_own_that_depend_on_the_studys():
    assert tiny().trial_seed("conv", 0) == tiny().trial_seed("conv", 0)
    others = {tiny().trial_seed("conv", 1), tiny().trial_seed("mlp", 0), tiny(seed=1).trial_seed("conv", 0)}
    assert len(others | {tiny().trial_seed("conv", 0)}) == 4


def test_the_confirmation_looks_harder_and_on_test():
    search, confirmation = tiny(attempts=5).evaluation(), tiny(attempts=5).confirmation()

    assert (search.split, confirmation.split) == ("validation", "test")
    assert confirmation.steps == search.steps
    assert (search.restarts, confirmation.restarts) == (1, 2)
    assert (search.paper_attempts, confirmation.paper_attempts) == (1, 5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a/b"}, "folder"),
        ({"name": ""}, "folder"),
        ({"name": ".hidden"}, "folder"),
        ({"space": "moon"}, "space is one of"),
        ({"sampler": "guess"}, "sampler is one of"),
        ({"architectures": ()}, "distinct"),
        ({"architectures": ("conv", "conv")}, "distinct"),
        ({"trials": 0}, "at least 1 trial"),
        ({"seeds": -1}, "fresh seeds"),
        ({"seed": -1}, "seed lies"),
        ({"epochs": 0}, "epochs"),
        ({"steps": 7}, "fused_steps"),
        ({"n_attacked": 1}, "n_attacked"),
        ({"n_attacked": 11}, "attacked examples"),
        ({"widths": {"alexnet": 0.5}}, "widths are of"),
        ({"widths": {"mlp": 9}}, "width lies"),
        ({"sampler": "gp", "trials": 301}, "time grows with their cube; got 301"),
        ({"replicates": -1}, "replicates of a point"),
        ({"constraints": ("val_error",)}, "a constraint is"),
    ],
)
def test_a_senseless_study_is_refused_at_birth(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)

import json

import pytest

from search_spaces.tradeoff import tradeoff
from study.config import StudyConfig
from study.scales import SCALES
from study.seeds import FIRST_FRESH_SEED
from tests.study.conftest import tiny
from trainables.config import DataConfig, LearnedConfig, ThreatModel, VaeGanConfig


def test_a_config_survives_json():
    search = {
        "constraints": ("val_error<0.2",),
        "replicates": 2,
        "checkpoint": "best-robust",
        "attack_precision": "bfloat16",
        "warm_start": "runs/earlier",
        "sampler": "gp",
    }
    config = tiny(threat_model=ThreatModel(norm="l2", epsilon=1.5), architectures=("mlp",), **search)

    assert StudyConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_config_of_before_there_were_such_options_is_read():
    plain = tiny().to_dict()
    for name in ("constraints", "replicates", "warm_start", "others", "checkpoint", "attack_precision"):
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
        ({"others": ("known",)}, "kinds of manifolds are distinct; got known known"),
        ({"others": ("affine", "affine")}, "distinct"),
        ({"others": ("moon",)}, "the manifold is one of"),
        ({"others": ("learned",)}, "a learned manifold has a config"),
        ({"others": ("affine",), "learned": LearnedConfig()}, "a learned manifold has a config"),
    ],
)
def test_a_senseless_study_is_refused_at_birth(changes, message):
    with pytest.raises(ValueError, match=message):
        tiny(**changes)


LEARNED = LearnedConfig(model=VaeGanConfig(latent=3), box="2.0")


def test_a_study_of_several_kinds_survives_json():
    config = tiny(manifold="known", others=("learned", "affine"), learned=LEARNED)

    assert StudyConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("kinds", "measured"),
    [
        (("known", "learned"), None),
        (("affine", "learned-agnostic"), None),
        (("learned", "learned-agnostic"), LEARNED),
        (("learned-agnostic", "known"), LearnedConfig(model=VaeGanConfig(latent=3, agnostic=True), box="2.0")),
    ],
)
def test_the_first_kind_is_what_all_trials_are_measured_on(kinds, measured):
    config = tiny(manifold=kinds[0], others=kinds[1:], learned=LEARNED)

    assert config.base("conv", 0).manifold == config.measured_on == measured
    assert config.search_space() == tradeoff(5, *kinds, box="2.0")


def test_one_kind_has_the_space_and_the_trials_that_it_always_had():
    learned = tiny(manifold="learned", learned=LEARNED)

    assert learned.search_space() == tradeoff(5, "learned")
    assert learned.base("conv", 0).manifold == LEARNED
    assert tiny().search_space() == tradeoff(5, "known")
    assert tiny(data=DataConfig(dataset="mnist", source="nowhere", n_train=20, n_validation=10, n_test=10)).kinds == (
        "affine",
    )

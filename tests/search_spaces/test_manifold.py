import json
import math
import pickle

import numpy as np
import pytest

from search_spaces.manifold import manifold
from search_spaces.space import Objective, Space
from search_spaces.tradeoff import tradeoff
from study.search.point import to_config
from tests.study.conftest import models
from trainables.config import LearnedConfig, ManifoldTrialConfig, VaeGanConfig, trial_from_dict

SPACE = manifold(784)


def test_the_fingerprint_is_frozen():
    """A change here is a change of the space: studies begun before cannot be resumed after it."""
    assert SPACE.fingerprint() == "e9485a8b19123dab0dac027a373e16cd750c0d94f80844d72dc6ae49379c118a"


def test_the_first_baseline_is_the_papers_vaegan():
    base = models(widths={"vaegan": 1.0}, learned=LearnedConfig()).base("vaegan", 0)

    assert to_config(dict(SPACE.baselines)["VAE-GAN"], base).manifold == LearnedConfig(model=VaeGanConfig())
    assert to_config(dict(SPACE.baselines)["VAE"], base).manifold.model.gamma == 0
    assert to_config(dict(SPACE.baselines)["VAE for all"], base).manifold.model.agnostic


@pytest.mark.parametrize("seed", range(20))
def test_every_point_is_a_trial_that_can_be_written_and_read(seed):
    base = models().base("vaegan", 3)
    point = SPACE.sample(np.random.default_rng(seed))

    trial = to_config(point, base)

    assert isinstance(trial, ManifoldTrialConfig)
    assert trial_from_dict(json.loads(json.dumps(trial.to_dict()))) == trial
    assert (trial.manifold.model.gamma > 0) is (point["discriminator"] == "yes")
    assert trial.manifold.model.width == point["width"] / 32
    assert trial.learned.model.seed == 3


def test_no_image_is_further_from_an_even_grey_than_what_counts():
    worst = SPACE.objectives[0].worst

    assert worst == pytest.approx(np.linalg.norm(np.full(784, 0.5) - np.ones(784)))
    assert manifold(8064).objectives[0].worst == pytest.approx(math.sqrt(8064) / 2)


def test_objectives_travel_with_a_space_but_name_no_point():
    bare = Space(name="manifold", parameters=dict(SPACE.parameters), baselines=SPACE.baselines)

    assert pickle.loads(pickle.dumps(SPACE)) == SPACE
    assert bare.fingerprint() == SPACE.fingerprint()
    assert [objective.name for objective in tradeoff(5).objectives] == ["error", "robust_error"]


def test_objectives_that_make_no_sense_are_refused():
    twice = Objective(name="error", label="error", unit="fraction", worst=1.0)
    with pytest.raises(ValueError, match="distinct names"):
        Space(name="x", parameters={}, objectives=(twice, twice))
    with pytest.raises(ValueError, match="positive and finite"):
        Objective(name="error", label="error", unit="fraction", worst=math.inf)

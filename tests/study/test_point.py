import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.tradeoff import STEP_LIMITS, tradeoff
from study.search.point import to_config
from trainables.config import ThreatModel, TrialConfig
from trainables.strategies import STRATEGIES

MOST_SIGNATURES = 8


SECONDS = ("known", "learned", "learned-agnostic", "affine")
EVERY_BASELINE = [(second, label) for second in SECONDS for label, _ in tradeoff(40, second).baselines]


@given(st.sampled_from(STEP_LIMITS), st.sampled_from(SECONDS), st.sampled_from(["linf", "l2"]), st.integers(0, 2**32))
def test_every_point_builds_a_valid_trial(steps, second, norm, seed):
    point = tradeoff(steps, second).sample(np.random.default_rng(seed))
    base = TrialConfig(fused_steps=steps, threat_model=ThreatModel(norm=norm), seed=3)

    config = to_config(point, base)

    assert (config.seed, config.fused_steps, config.threat_model) == (3, steps, base.threat_model)
    assert {role.threat for role in config.roles} == set(point["threats"].split("+")) - {"clean"}


@pytest.mark.parametrize("second", SECONDS)
@pytest.mark.parametrize("steps", STEP_LIMITS)
def test_a_space_has_at_most_eight_signatures_and_its_baselines_are_among_them(steps, second):
    space, base, rng = tradeoff(steps, second), TrialConfig(fused_steps=steps), np.random.default_rng(0)

    sampled = {to_config(space.sample(rng), base).signature() for _ in range(3000)}
    named = {to_config(point, base).signature() for _, point in space.baselines}

    # clean; pixel up to half or all of a batch, two losses; the second adversary; both, two losses
    assert len(sampled) == MOST_SIGNATURES
    assert named < sampled


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize(
    ("second", "label"), [(second, label) for second in SECONDS for label, _ in tradeoff(40, second).baselines]
)
def test_baselines_at_forty_steps_are_the_papers_strategies(second, label, norm):
    threat_model = ThreatModel(norm=norm, epsilon={"linf": 0.3, "l2": 1.5}[norm])
    point = dict(tradeoff(40, second).baselines)[label]

    config = to_config(point, TrialConfig(threat_model=threat_model))
    paper = STRATEGIES[label].under(threat_model)

    assert config.clean_weight == pytest.approx(paper.clean_weight)
    for role, theirs in zip(config.roles, paper.roles, strict=True):
        assert (role.threat, role.share, role.steps, role.slack) == (
            theirs.threat, theirs.share, theirs.steps, theirs.slack
        )  # fmt: skip
        assert role.weight == pytest.approx(theirs.weight)
        assert role.step_size == pytest.approx(theirs.step_size)
        assert role.radius == (threat_model.epsilon if role.threat == "pixel" else threat_model.eta)


def test_radii_are_fractions_of_the_threat_model():
    point = dict(tradeoff(10).baselines)["Reg+OnTrue"] | {"pixel.radius": 0.5, "manifold.radius": 1.2}

    config = to_config(point, TrialConfig(threat_model=ThreatModel(epsilon=0.2, eta=0.1)))

    assert [role.radius for role in config.roles] == pytest.approx([0.1, 0.12])


def test_a_batch_without_clean_examples_has_no_clean_weight():
    point = dict(tradeoff(10).baselines)["RegAdv"] | {"pixel.share": 1.0}

    assert to_config(point, TrialConfig()).clean_weight == 0


@pytest.mark.parametrize(("architecture", "rate"), [("conv", 0.01), ("vit", 0.001)])
def test_a_transformer_learns_at_a_tenth_of_the_rate(architecture, rate):
    point = dict(tradeoff(10).baselines)["Normal"]

    assert to_config(point, TrialConfig(architecture=architecture)).optimiser.learning_rate == pytest.approx(rate)

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.tradeoff import STEP_LIMITS, tradeoff
from study.search.point import to_config
from trainables.config import DataConfig, LearnedConfig, ThreatModel, TrialConfig, VaeGanConfig
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


# -- several kinds of manifolds ----------------------------------------------------------------------------------------

LEARNED = LearnedConfig(model=VaeGanConfig(latent=3), box="minmax")
PER_CLASS, FOR_ALL = LEARNED, LearnedConfig(model=VaeGanConfig(latent=3, agnostic=True), box="2.0")
IMAGES = TrialConfig(data=DataConfig(dataset="mnist", source="nowhere"))
EVERY_KIND = tradeoff(10, *SECONDS)


def chosen(kind, **more):
    """A point that trains on the image and along a kind of manifold."""
    point = dict(EVERY_KIND.baselines)["Reg+OnTrue"] | {"kind": kind, "manifold.radius": 0.5, **more}
    assert EVERY_KIND.contains(point)
    return point


@pytest.mark.parametrize("measured", [None, LEARNED], ids=["known", "learned"])
@pytest.mark.parametrize(
    ("kind", "box", "threat", "on", "moved"),
    [
        ("known", {}, "manifold", "known", None),
        ("learned", {"box": "minmax"}, "manifold", PER_CLASS, PER_CLASS),
        ("learned-agnostic", {"box": "2.0"}, "manifold", FOR_ALL, FOR_ALL),
    ],
)
def test_a_kind_is_what_a_role_moves_on_and_not_what_the_trial_is_measured_on(measured, kind, box, threat, on, moved):
    config = to_config(chosen(kind, **box), TrialConfig(manifold=measured), LEARNED)

    pixel, second = config.roles
    assert (pixel.threat, pixel.on, pixel.radius) == ("pixel", None, pytest.approx(0.3))
    assert (second.threat, second.on, second.radius) == (threat, on, pytest.approx(0.15))
    assert (config.manifold, config.moved_on) == (measured, moved)
    assert (second.share, second.steps) == (0.25, 10)


@pytest.mark.parametrize("measured", [None, LEARNED])
def test_the_affine_kind_is_the_affine_role(measured):
    config = to_config(chosen("affine"), TrialConfig(manifold=measured), LEARNED)
    alone = to_config(dict(tradeoff(10, "affine").baselines)["Reg+AdvTrans"] | {"affine.radius": 0.5}, TrialConfig())

    assert config.roles == alone.roles
    assert config.manifold == measured


def test_what_is_measured_does_not_depend_on_the_kind():
    trials = [to_config(chosen("affine"), IMAGES, LEARNED)]
    trials += [to_config(chosen(kind, box="minmax"), IMAGES, LEARNED) for kind in ("learned", "learned-agnostic")]

    assert {trial.metrics for trial in trials} == {("error", "robust_error", "success_rate", "affine_error")}


def test_a_learned_kind_needs_to_know_how_it_is_learned():
    with pytest.raises(ValueError, match="got none for learned"):
        to_config(chosen("learned", box="minmax"), TrialConfig())


@given(
    st.lists(st.sampled_from(SECONDS), min_size=2, max_size=4, unique=True),
    st.sampled_from(STEP_LIMITS),
    st.integers(0, 2**32),
)
def test_every_point_of_several_kinds_builds_a_valid_trial_that_survives_json(kinds, steps, seed):
    point = tradeoff(steps, *kinds).sample(np.random.default_rng(seed))

    config = to_config(point, TrialConfig(fused_steps=steps), LEARNED)

    assert TrialConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    assert config.moved_on == (None if point.get("kind") in (None, "known", "affine") else config.roles[-1].on)


@pytest.mark.parametrize(
    ("kinds", "manifolds"),
    [(("known", "affine"), 2), (("learned", "affine"), 3), (("affine", "learned", "learned-agnostic"), 5)],
)
def test_every_manifold_and_box_has_three_signatures_beside_the_five_without_a_second_adversary(kinds, manifolds):
    space, base, rng = tradeoff(10, *kinds), TrialConfig(fused_steps=10), np.random.default_rng(0)

    sampled = {to_config(space.sample(rng), base, LEARNED).signature() for _ in range(1500)}
    named = {to_config(point, base, LEARNED).signature() for _, point in space.baselines}

    assert len(sampled) == 5 + 3 * manifolds
    assert named < sampled


@pytest.mark.parametrize("kind", SECONDS)
def test_a_trial_of_several_kinds_shares_its_step_with_one_of_its_kind_alone(kind):
    measured = LearnedConfig(model=VaeGanConfig(latent=3, agnostic=kind == "learned-agnostic"))
    base = TrialConfig(fused_steps=10, manifold=measured if kind.startswith("learned") else None)
    label = tradeoff(10, kind).baselines[3][0]
    other = next(each for each in SECONDS if each != kind)

    alone = to_config(dict(tradeoff(10, kind).baselines)[label], base)
    among = to_config(dict(tradeoff(10, kind, other).baselines)[label], base, LEARNED)

    assert among.signature() == alone.signature()
    assert (among.moved_on, among.manifold) == (alone.moved_on, alone.manifold)

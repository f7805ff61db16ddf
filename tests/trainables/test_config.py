from dataclasses import replace

import pytest

from trainables.columns import flat
from trainables.config import (
    DataConfig,
    EvaluationConfig,
    LearnedConfig,
    OptimiserConfig,
    RoleConfig,
    ThreatModel,
    TrialConfig,
    digest,
)
from trainables.seeding import stream
from trainables.strategies import STRATEGIES

PIXEL = RoleConfig(threat="pixel")


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DataConfig(n_train=1), "n_train"),
        (lambda: ThreatModel(epsilon=0), "epsilon"),
        (lambda: ThreatModel(epsilon=1.5), "epsilon"),
        (lambda: ThreatModel(norm="l2", epsilon=30), "epsilon"),
        (lambda: ThreatModel(eta=float("inf")), "eta"),
        (lambda: ThreatModel(norm="l1"), "norm is one of linf, l2"),
        (lambda: DataConfig(variant="tame"), "variant is one of"),
        (lambda: DataConfig(subset="last"), "subset is one of"),
        (lambda: RoleConfig(threat="pixel", attack="fgsm"), "attack is one of"),
        (lambda: RoleConfig(threat="pixel", loss="mart"), "loss is one of"),
        (lambda: RoleConfig(threat="pixel", beta=float("inf")), "beta"),
        (lambda: OptimiserConfig(kind="rmsprop"), "kind is one of"),
        (lambda: EvaluationConfig(split="train"), "split is one of"),
        (lambda: EvaluationConfig(paper_attempts=-1), "paper_attempts"),
        (lambda: EvaluationConfig(at_epochs=(0,)), "at_epochs"),
        (lambda: EvaluationConfig(radii=(0.5, 0.5001)), "radii differ"),
        (lambda: TrialConfig(attack_precision="float16"), "attack_precision is one of"),
        (lambda: TrialConfig(data=DataConfig(n_validation=100)), "attacked examples"),
        (lambda: RoleConfig(threat="sound"), "threat"),
        (lambda: RoleConfig(threat="pixel", share=0), "share"),
        (lambda: RoleConfig(threat="pixel", share=1.1), "share"),
        (lambda: RoleConfig(threat="pixel", weight=0), "weight"),
        (lambda: RoleConfig(threat="pixel", radius=-1), "radius"),
        (lambda: RoleConfig(threat="pixel", steps=41), "steps"),
        (lambda: RoleConfig(threat="pixel", step_size=0), "step_size"),
        (lambda: RoleConfig(threat="pixel", slack=-1), "slack"),
        (lambda: RoleConfig(threat="pixel", beta=-1), "beta"),
        (lambda: RoleConfig(threat="manifold", loss="trades"), "trades"),
        (lambda: RoleConfig(threat="pixel", on="known"), "only codes are moved"),
        (lambda: RoleConfig(threat="affine", on=LearnedConfig()), "only codes are moved"),
        (lambda: RoleConfig(threat="manifold", on="learned"), "a role moves on"),
        (lambda: OptimiserConfig(learning_rate=0), "learning_rate"),
        (lambda: OptimiserConfig(weight_decay=2), "weight_decay"),
        (lambda: OptimiserConfig(decay=1.1), "decay"),
        (lambda: EvaluationConfig(n_attacked=1), "n_attacked"),
        (lambda: EvaluationConfig(steps=0), "steps"),
        (lambda: EvaluationConfig(radii=(0.5, 0.25)), "radii"),
        (lambda: TrialConfig(architecture="cnn"), "architecture"),
        (lambda: TrialConfig(width=0), "width"),
        (lambda: TrialConfig(epochs=0), "epochs"),
        (lambda: TrialConfig(batch_size=1), "batch_size"),
        (lambda: TrialConfig(roles=(PIXEL, PIXEL)), "at most one role"),
        (lambda: TrialConfig(roles=(replace(PIXEL, share=0.8), RoleConfig(threat="manifold"))), "sum to at most 1"),
        (lambda: TrialConfig(roles=(replace(PIXEL, share=0.001),)), "at least one example"),
        (lambda: TrialConfig(roles=(PIXEL,), fused_steps=20), "fused_steps"),
        (lambda: TrialConfig(fused_steps=7), "fused_steps"),
        (lambda: TrialConfig(clean_weight=0), "needs clean examples"),
    ],
)
def test_a_config_is_valid_from_birth(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("name", list(STRATEGIES))
def test_a_config_survives_the_way_through_json(name: str) -> None:
    strategy = STRATEGIES[name]
    config = TrialConfig(clean_weight=strategy.clean_weight, roles=strategy.roles, seed=3)

    assert TrialConfig.from_dict(config.to_dict()) == config


def test_signature_depends_on_structure_alone() -> None:
    config = TrialConfig(roles=(PIXEL,))
    alike = replace(config, seed=9, clean_weight=0.1, roles=(replace(PIXEL, share=0.3, steps=7, slack=2),))

    assert alike.signature() == config.signature()
    assert replace(config, roles=(replace(PIXEL, share=0.6),)).signature() != config.signature()
    assert replace(config, roles=(replace(PIXEL, loss="trades"),)).signature() != config.signature()
    assert replace(config, roles=()).signature() != config.signature()


def test_absent_roles_leave_the_structure_alone() -> None:
    assert TrialConfig(fused_steps=5).signature() == TrialConfig(fused_steps=40).signature()


def test_flat_names_every_number() -> None:
    columns = flat(TrialConfig(roles=(PIXEL,)).to_dict())

    assert columns["config.roles.pixel.radius"] == 0.3
    assert columns["config.optimiser.learning_rate"] == 0.01
    assert not any(name.startswith("config.roles.manifold") for name in columns)


def test_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_streams_differ_by_seed_and_by_every_name() -> None:
    states = {stream(*key).initial_seed() for key in [(0, "a"), (1, "a"), (0, "b"), (0, "a", "b"), (0, "a", 1)]}

    assert len(states) == 5


MANIFOLD = RoleConfig(threat="manifold")


@pytest.mark.parametrize(
    ("measured", "on", "moved"),
    [
        (None, None, None),
        (None, LearnedConfig(box="2.0"), LearnedConfig(box="2.0")),
        (LearnedConfig(), None, LearnedConfig()),
        (LearnedConfig(), "known", None),
        (LearnedConfig(), LearnedConfig(box="2.0"), LearnedConfig(box="2.0")),
    ],
)
def test_a_role_moves_on_its_own_manifold_or_else_on_the_trials(measured: object, on: object, moved: object) -> None:
    config = TrialConfig(manifold=measured, roles=(PIXEL, replace(MANIFOLD, on=on)))

    assert config.moved_on == moved
    assert config.manifolds == ("manifold", "affine")
    assert TrialConfig.from_dict(config.to_dict()) == config


def test_the_manifold_that_is_moved_on_is_in_the_signature_and_the_one_that_is_measured_on_is_not() -> None:
    on_learned = TrialConfig(roles=(replace(MANIFOLD, on=LearnedConfig()),))

    assert on_learned.signature() == TrialConfig(manifold=LearnedConfig(), roles=(MANIFOLD,)).signature()
    assert on_learned.signature() != TrialConfig(roles=(MANIFOLD,)).signature()
    known = TrialConfig(manifold=LearnedConfig(), roles=(replace(MANIFOLD, on="known"),))
    assert known.signature() == TrialConfig(roles=(MANIFOLD,)).signature()


def test_a_config_that_chooses_no_manifold_has_the_digest_that_it_always_had() -> None:
    """Checkpoints and stored classifiers name a config by it: a change here, and no study of before can go on."""
    config = TrialConfig(manifold=LearnedConfig(), roles=(PIXEL, MANIFOLD))

    assert digest(config.to_dict()) == "a92a4644acf06eed165c34c550a4dd0215c8c528b665691c7979fabffd81f041"
    assert not any(name.startswith("config.roles.manifold.on") for name in flat(config.to_dict()))


def test_tables_name_the_manifold_that_a_role_moves_on() -> None:
    learned = flat(TrialConfig(roles=(replace(MANIFOLD, on=LearnedConfig(box="2.0")),)).to_dict())
    known = flat(TrialConfig(roles=(replace(MANIFOLD, on="known"),)).to_dict())

    assert learned["config.roles.manifold.on.box"] == "2.0"
    assert learned["config.roles.manifold.on.model.agnostic"] is False
    assert known["config.roles.manifold.on"] == "known"


def test_a_random_code_of_the_whole_box_is_another_structure_and_nothing_else_changes() -> None:
    manifold = RoleConfig(threat="manifold", steps=0)
    config = TrialConfig(roles=(manifold,))
    boxed = replace(config, roles=(replace(manifold, whole_box=True),))

    assert "whole_box" not in config.to_dict()["roles"][0]
    assert boxed.to_dict()["roles"][0]["whole_box"]
    assert boxed.signature() != config.signature()
    with pytest.raises(ValueError, match="0 steps"):
        replace(manifold, whole_box=True, steps=5)
    with pytest.raises(ValueError, match="whole box"):
        RoleConfig(threat="pixel", steps=0, whole_box=True)

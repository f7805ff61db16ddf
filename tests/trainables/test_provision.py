"""From a config to the manifold that a trial moves on."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.trainables.data.tiny import write_vision
from trainables.config import DataConfig, EvaluationConfig, LearnedConfig, RoleConfig, TrialConfig, VaeGanConfig
from trainables.evaluation.asked import Subject
from trainables.evaluation.measure import under_attack
from trainables.manifolds.learned import LearnedManifold
from trainables.pipeline import prepare
from trainables.provision import learned, learning, load_data, name_of, provide, untrained
from trainables.trials import prepared, rehearsed

OF = DataConfig(n_train=60, n_validation=20, n_test=20)
MODEL = VaeGanConfig(latent=3, width=1 / 32, updates=2, batch_size=4, images="n")


@pytest.fixture(scope="module")
def data():
    return load_data(OF)


@pytest.fixture
def root(tmp_path):
    return str(tmp_path / "manifolds")


CONFIG = LearnedConfig(model=MODEL)


def test_it_is_learned_once(root, data):
    said, report = learning(MODEL, OF, data, root)
    second = list(learning(MODEL, OF, data, root))

    assert said.startswith("learning the manifold of fonts")
    assert (report.done, report.updates) == (2, 2)
    assert second == []
    assert learned(CONFIG, OF, data, root).digest() == learned(CONFIG, OF, data, root).digest()


def test_a_damaged_one_is_said_and_learned_again(root, data):
    before = learned(CONFIG, OF, data, root).digest()
    (weights,) = Path(root).glob("*/*.safetensors")
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")

    told = list(learning(MODEL, OF, data, root))

    assert any("is damaged" in each for each in told if isinstance(each, str))
    assert learned(CONFIG, OF, data, root).digest() == before


def test_codes_of_what_it_was_learned_from_fill_its_box(root, data):
    manifold = learned(CONFIG, OF, data, root)
    codes = manifold.codes(data.splits.train, torch.arange(60)).free

    torch.testing.assert_close(codes.amin(0), manifold.low)
    torch.testing.assert_close(codes.amax(0), manifold.high)


@pytest.mark.parametrize(
    "change", [{"gamma": 0.0}, {"seed": 1}, {"images": "all"}, {"updates": 3}, {"agnostic": True}, {"deceives": False}]
)
def test_everything_that_determines_it_is_in_its_name(data, change):
    assert name_of(replace(MODEL, **change), OF, data) != name_of(MODEL, OF, data)


def test_other_images_have_another_name_and_more_trials_images_have_not():
    more, other = replace(OF, n_train=80), replace(OF, seed=1)
    everything = replace(MODEL, images="all")

    assert name_of(MODEL, more, load_data(more)) != name_of(MODEL, OF, load_data(OF))
    assert name_of(everything, more, load_data(more)) == name_of(everything, OF, load_data(OF))
    assert name_of(everything, other, load_data(other)) != name_of(everything, OF, load_data(OF))


def test_the_pool_holds_neither_validation_nor_test_images(tmp_path):
    write_vision(tmp_path, "mnist")
    of = DataConfig(dataset="mnist", source=str(tmp_path), n_train=40, n_validation=20, n_test=10)
    splits = load_data(of).splits
    pool = {image.tobytes() for image in splits.pool().pixels.numpy()}

    assert {image.tobytes() for image in splits.train.pixels.numpy()} <= pool
    assert not {image.tobytes() for image in splits.validation.pixels.numpy()} & pool
    assert not {image.tobytes() for image in splits.test.pixels.numpy()} & pool


def test_a_trial_trains_and_is_measured_on_it(root):
    trial = TrialConfig(
        architecture="mlp",
        data=OF,
        manifold=CONFIG,
        clean_weight=0.5,
        roles=(RoleConfig(threat="manifold", steps=2),),
        fused_steps=5,
        epochs=8,
        evaluation=EvaluationConfig(n_attacked=10, steps=2),
    )
    run = prepare(trial, provide(CONFIG, OF, root))
    *_, report = run.reports()

    assert isinstance(run.training.manifolds["manifold"], LearnedManifold)
    assert report.infeasible is None
    assert 0 < report.on_manifold_error <= 1
    assert run.manifold_digest == learned(CONFIG, OF, load_data(OF), root).digest()
    assert TrialConfig.from_dict(trial.to_dict()) == trial


def test_a_trial_is_not_measured_on_another_manifold_by_mistake():
    with pytest.raises(ValueError, match="is given it"):
        prepare(TrialConfig(data=OF, manifold=CONFIG, evaluation=EvaluationConfig(n_attacked=10)))


def test_an_untrained_one_stands_in_where_nothing_is_to_be_learned():
    manifold = untrained(CONFIG, OF)["manifold"]
    code = manifold.codes(load_data(OF).splits.validation, torch.arange(5))

    assert manifold.decode(code).shape == (5, 1, 28, 28)


# -- moved on one manifold, measured on another ------------------------------------------------------------------------

OTHER = LearnedConfig(model=replace(MODEL, agnostic=True), box="2.0")
UNBOXED = replace(OTHER, box="minmax")
ROLE = RoleConfig(threat="manifold", steps=2, step_size=0.5)
SHORT = TrialConfig(
    architecture="mlp",
    data=OF,
    clean_weight=0.5,
    fused_steps=5,
    epochs=4,
    evaluation=EvaluationConfig(n_attacked=10, steps=2),
)


def moved(root, measured, on):
    """A trial that is measured on one manifold and moves on another, ready to train."""
    return prepared(replace(SHORT, manifold=measured, roles=(replace(ROLE, on=on),)), root)


def named(root, config):
    return provide(config, OF, root)["manifold"].digest()


@pytest.mark.parametrize(
    ("measured", "on", "trained"),
    [(None, CONFIG, CONFIG), (CONFIG, "known", None), (CONFIG, OTHER, OTHER), (OTHER, UNBOXED, UNBOXED)],
    ids=["known learned", "learned known", "learned agnostic", "two boxes"],
)
def test_a_trial_moves_on_one_manifold_and_is_measured_on_another(root, measured, on, trained):
    run = moved(root, measured, on)

    assert run.training.moved["manifold"].digest() == run.trained_manifold_digest == named(root, trained)
    assert run.training.manifolds["manifold"].digest() == run.manifold_digest == named(root, measured)
    assert run.manifold_digest != run.trained_manifold_digest


def test_a_trial_reports_errors_on_the_one_that_it_is_measured_on(root):
    trial = replace(SHORT, epochs=40, manifold=CONFIG, roles=(replace(ROLE, on="known"),))
    run = prepared(trial, root)
    *_, report = run.reports()

    training = run.training
    subject = Subject(
        classifier=training.classifier,
        folded=training.folded(),
        split=training.splits.validation,
        tally=training.tally,
    )
    on_measured, on_moved = (
        under_attack(subject, manifolds, trial.threat_model, trial.evaluation, OF.seed).on_manifold_error
        for manifolds in (provide(CONFIG, OF, root), load_data(OF).manifolds)
    )
    assert report.infeasible is None
    assert report.on_manifold_error == on_measured != on_moved


def test_training_on_another_manifold_trains_something_else(root):
    runs = [moved(root, CONFIG, on) for on in (None, CONFIG, OTHER, "known")]
    for run in runs:
        next(run.reports())
    alone, same, other, known = (torch.cat([w.flatten() for w in run.weights().values()]) for run in runs)

    assert torch.equal(alone, same)
    assert not torch.equal(alone, other)
    assert not torch.equal(alone, known)


def test_a_role_that_names_the_manifold_of_the_measurement_is_one_that_names_none(root):
    run = moved(root, CONFIG, CONFIG)

    assert run.trained_manifold_digest is None
    assert run.training.moved is run.training.manifolds


def test_both_are_learned_where_neither_is_there(root):
    moved(root, CONFIG, OTHER)

    assert len(list(Path(root).glob("*/*.safetensors"))) == 2


def test_two_boxes_share_what_was_learned(root):
    moved(root, CONFIG, replace(CONFIG, box="2.0"))

    assert len(list(Path(root).glob("*/*.safetensors"))) == 1


def test_a_rehearsal_holds_as_many_manifolds_as_the_trial():
    run = rehearsed(replace(SHORT, manifold=CONFIG, roles=(replace(ROLE, on=OTHER),)))

    assert run.training.moved["manifold"] is not run.training.manifolds["manifold"]
    assert run.training.moved["manifold"].agnostic
    assert next(run.reports()).epoch == 1


def test_a_trial_does_not_move_on_what_it_is_measured_on_by_mistake(root):
    trial = replace(SHORT, manifold=CONFIG, roles=(replace(ROLE, on=OTHER),))

    with pytest.raises(ValueError, match="is given it"):
        prepare(trial, provide(CONFIG, OF, root))


def test_the_known_manifold_of_data_that_has_none_is_refused(root, tmp_path):
    write_vision(tmp_path, "mnist")
    of = DataConfig(dataset="mnist", source=str(tmp_path), n_train=60, n_validation=20, n_test=20)

    with pytest.raises(ValueError, match="a manifold that the data has"):
        prepared(replace(SHORT, data=of, roles=(replace(ROLE, on="known"),)), root)


def test_images_are_measured_by_transformations_alone_where_the_trial_is_measured_on_no_manifold(root, tmp_path):
    write_vision(tmp_path, "mnist")
    of = DataConfig(dataset="mnist", source=str(tmp_path), n_train=60, n_validation=20, n_test=20)
    run = prepared(replace(SHORT, data=of, roles=(replace(ROLE, on=CONFIG),)), root)

    assert (set(run.training.manifolds), set(run.training.moved)) == ({"affine"}, {"affine", "manifold"})
    assert run.manifold_digest is None
    assert run.trained_manifold_digest == provide(CONFIG, of, root)["manifold"].digest()

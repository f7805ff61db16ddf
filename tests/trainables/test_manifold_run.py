"""A trial that learns a manifold: it reports, can be stopped and goes on, and is judged as it should be."""

from dataclasses import replace

import pytest
import torch

from tests.trainables.data.tiny import write_vision
from trainables.classifiers import build
from trainables.config import (
    DataConfig,
    EvaluationConfig,
    LearnedConfig,
    ManifoldTrialConfig,
    TrialConfig,
    VaeGanConfig,
)
from trainables.evaluation.quality import Judges, Network, distances
from trainables.manifold_run import ManifoldRun
from trainables.manifolds.learned import LearnedManifold
from trainables.provision import learned, load_data
from trainables.seeding import stream
from trainables.trials import prepared, rehearsed, shared

MODEL = VaeGanConfig(latent=3, width=1 / 32, updates=3, batch_size=4, images="n")
SIZES = {"n_train": 60, "n_validation": 40, "n_test": 30}


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_vision(root, "mnist")
    return ManifoldTrialConfig(
        data=DataConfig(dataset="mnist", source=str(root), **SIZES),
        manifold=LearnedConfig(model=MODEL),
        evaluation=EvaluationConfig(n_attacked=20, steps=2, at_epochs=(1,)),
        epochs=2,
        seed=3,
    )


@pytest.fixture(scope="module")
def data(config):
    return load_data(config.data)


@pytest.fixture(scope="module")
def judges():
    return Judges(reference=network(0), victim=network(1))


def network(seed):
    classifier = build("mlp", (1, 28, 28), 10, 1 / 8)
    return Network(classifier=classifier, folded=classifier.fold(*classifier.initialise(stream(seed, "weights"))))


def always(label):
    """A classifier that takes everything for one class."""
    made = network(0)
    folded = {name: torch.zeros_like(values) for name, values in made.folded.items()}
    folded["logits.bias"][label] = 1
    return Network(classifier=made.classifier, folded=folded)


def timeless(reports):
    return [replace(report, seconds=0.0) for report in reports]


def test_an_epoch_is_a_part_of_the_updates(config, data, judges):
    steps = []
    reports = list(ManifoldRun(config, data, judges).reports(lambda: steps.append(1)))

    assert len(steps) == 3
    assert [report.epoch for report in reports] == [1, 2]
    # ten models of batches of 4, and the attacks on 20 images after both epochs
    assert [report.gradient_evaluations for report in reports] == [2 * 40 + 20 * 2, 3 * 40 + 2 * 20 * 2]
    assert all(report.error is None and report.infeasible is None for report in reports)


def test_label_disagreement_is_measured_at_rungs_and_at_the_end(config, data, judges):
    without = replace(config, evaluation=replace(config.evaluation, at_epochs=()))

    first, last = ManifoldRun(without, data, judges).reports()

    assert first.label_disagreement is None
    assert first.reconstruction_l2 > 0
    assert last.label_disagreement is not None


def test_what_it_leaves_is_the_manifold_that_it_was_measured_on(config, data, judges):
    run = ManifoldRun(config, data, judges)
    *_, last = run.reports()
    manifold = LearnedManifold(run._learner.networks, run.weights(), agnostic=False, box="minmax")

    assert manifold.digest() == run.manifold_digest
    assert last.reconstruction_l2 == pytest.approx(distances(manifold, data.splits.validation)[1].mean().item())
    assert run.parameters == sum(
        values.numel()
        for name, values in run.weights().items()
        if not name.endswith(("mean", "variance", "low", "high")) or ".mean." in name
    )


@pytest.mark.parametrize("box", ["minmax", "2.0"])
def test_it_learns_what_a_store_would_hold_for_the_same_seed(config, data, judges, tmp_path, box):
    config = replace(config, manifold=replace(config.manifold, box=box))
    run = ManifoldRun(config, data, judges)
    list(run.reports())

    assert run.manifold_digest == learned(config.learned, config.data, data, str(tmp_path)).digest()


def test_test_images_are_looked_at_in_a_confirmation_alone_and_last(config, data, judges):
    confirming = replace(config, evaluation=replace(config.evaluation, split="test"))

    searched = list(ManifoldRun(config, data, judges).reports())
    confirmed = list(ManifoldRun(confirming, data, judges).reports())

    assert confirmed[0].reconstruction_l2 == searched[0].reconstruction_l2
    assert confirmed[1].reconstruction_l2 != searched[1].reconstruction_l2


@pytest.mark.parametrize(
    ("found", "told"), [((0.5, 0.75), (0.5, 0.25)), ((0.0, None), (0.0, 1.0)), ((None, None), (None, 1.0))]
)
def test_disagreement_is_what_is_left_of_agreement(config, data, judges, monkeypatch, found, told):
    monkeypatch.setattr("trainables.manifold_run.agreement", lambda *_, **__: found)

    *_, last = ManifoldRun(config, data, judges).reports()

    assert (last.attack_success, last.label_disagreement) == told


def test_where_no_attack_succeeds_nothing_shows_that_labels_are_kept(config, data, judges):
    stubborn = Judges(reference=judges.reference, victim=always(3))

    *_, last = ManifoldRun(config, data, stubborn).reports()

    assert (last.attack_success, last.label_disagreement) == (0, 1)


def test_a_loss_that_is_no_number_ends_it(config, data, judges):
    wild = replace(config, manifold=LearnedConfig(model=replace(MODEL, learning_rate=1.0, reconstruction=1e38)))

    *_, last = ManifoldRun(wild, data, judges).reports()

    assert "loss is" in last.infeasible or "not finite" in last.infeasible
    assert last.reconstruction_l2 is None


@pytest.mark.parametrize(("steps", "agnostic"), [(1, False), (2, False), (3, False), (7, True)])
def test_it_goes_on_from_a_checkpoint_as_if_it_had_not_stopped(config, data, judges, steps, agnostic):
    config = replace(config, manifold=LearnedConfig(model=replace(MODEL, agnostic=agnostic)))
    run, made, taken = ManifoldRun(config, data, judges), [], []

    def after_step():
        made.append(1)
        if len(made) == steps:
            taken.append(run.checkpoint())

    reports = [(report, len(made)) for report in run.reports(after_step)]
    again = ManifoldRun(config, data, judges)
    again.go_on(*taken)

    assert timeless(again.reports()) == timeless(report for report, by_then in reports if by_then >= steps)
    assert again.manifold_digest == run.manifold_digest


def test_checkpoints_of_others_are_refused(config, data, judges):
    run = ManifoldRun(config, data, judges)
    other = ManifoldRun(replace(config, seed=4), data, judges)

    with pytest.raises(ValueError, match="another config"):
        run.go_on(other.checkpoint())
    with pytest.raises(ValueError, match="a checkpoint is"):
        run.go_on(run.checkpoint()[:-1])


def test_judges_are_trained_once_for_all_trials(config, monkeypatch, tmp_path):
    monkeypatch.setattr("trainables.judges.REFERENCE_WIDTH", 1 / 16)
    monkeypatch.setattr("trainables.judges.VICTIM_EPOCHS", 1)
    root = str(tmp_path / "store")

    assert [told.partition(" that")[0] for told in shared(config, root)] == [
        "training the reference",
        "training the victim",
    ]
    assert list(shared(config, root)) == []
    first, second = (list(prepared(config, root).reports()) for _ in range(2))
    assert timeless(first) == timeless(second)


def test_nothing_is_shared_by_trials_on_known_data(tmp_path):
    assert (
        list(shared(TrialConfig(data=DataConfig(**SIZES), evaluation=EvaluationConfig(n_attacked=2)), str(tmp_path)))
        == []
    )


def test_a_rehearsal_needs_no_store(config):
    assert len(list(rehearsed(config).reports())) == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"epochs": 4}, "parts of the 3 updates"),
        ({"epochs": 0}, "parts of the 3 updates"),
        ({"evaluation": EvaluationConfig(n_attacked=41)}, "some of the 40"),
        ({"architecture": "conv"}, "architecture is one of vaegan"),
    ],
)
def test_a_config_is_valid_from_birth(config, change, says):
    with pytest.raises(ValueError, match=says):
        replace(config, **change)


def test_what_a_config_says_of_its_data_is_true(config, data):
    assert (config.data.classes, config.data.pixels) == (data.splits.classes, 784)
    assert config.examples == MODEL.updates * MODEL.batch_size * 10

"""A study of a space of manifolds: the engine that searches classifiers searches these."""

import json

import pytest

from analysis import load
from study.costs import gradient_evaluations, sampled, shortened, without_attacks
from study.desk import Desk
from study.options import read_options
from study.search.front import candidates
from study.search.point import to_config
from study.storage.provenance import describe
from study.storage.state import Model
from tests.study.conftest import MODEL, begin, models, reopened, said, tell
from tests.study.processes import Driver
from tests.trainables.data.tiny import write_vision
from trainables.config import DataConfig, ManifoldTrialConfig
from trainables.trials import rehearsed


def finish(desk, length, disagreement):
    """Takes the next trial and ends it with these values."""
    trial = desk.next()
    measured = {"reconstruction_l2": length, "attack_success": 0.5}
    tell(desk, trial, 1, None, None, **measured)
    tell(desk, trial, 2, None, None, **measured, label_disagreement=disagreement)
    return desk.end(trial.trial_id)


def test_a_study_ranks_by_the_objectives_of_its_space(tmp_path):
    with begin(tmp_path, models, trials=6) as store:
        desk = Desk(store)
        ended = [finish(desk, *values) for values in [(9.0, 0.9), (8.0, 0.8), (5.0, 0.3), (4.0, 0.5), (6.0, 0.4)]]
        ended.append(finish(desk, 7.0, 0.1))

    assert [trial.state for trial in ended] == ["COMPLETE"] * 6
    assert ended[2].objectives == (5.0, 0.3)
    with reopened(store) as again:
        chosen = [trial.number for trial in candidates(again.state, ("vaegan",))]
        assert chosen == [0, 1, 2, 3, 5]  # four baselines, and the one that nothing dominates
        assert again.state.trials["vaegan-005"].ranked_by == ["reconstruction_l2", "label_disagreement"]


def test_a_trial_without_both_is_a_failure(tmp_path):
    with begin(tmp_path, models) as store:
        ended = finish(Desk(store), 4.0, None)

    assert (ended.state, ended.message) == ("FAILED", "its last report has no label_disagreement")


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_every_sampler_proposes_points_of_the_space(tmp_path, sampler):
    with begin(tmp_path, models, trials=12, sampler=sampler) as store:
        desk, space = Desk(store), store.config.search_space()
        points = [finish(desk, 4.0 + number % 3, 0.1 * number).point for number in range(12)]

    assert all(space.contains(point) for point in points)


def test_trials_are_stopped_by_the_same_objectives(tmp_path):
    with begin(tmp_path, models, trials=8, epochs=4, grace=1) as store:
        desk = Desk(store)
        for _ in range(5):
            trial = desk.next()
            tell(desk, trial, 1, None, None, reconstruction_l2=3.0, label_disagreement=0.1)
        late = desk.next()
        tell(desk, late, 1, None, None, reconstruction_l2=13.0, label_disagreement=0.9)

        assert store.state.trials[late.trial_id].state == "STOPPED"


def test_what_a_study_finds_is_read_with_its_objectives(tmp_path):
    with begin(tmp_path, models, trials=2) as store:
        desk = Desk(store)
        for values in [(5.0, 0.3), (4.0, 0.5)]:
            trial = finish(desk, *values)
            report = said(2, None, None, reconstruction_l2=values[0], label_disagreement=values[1])
            store.confirmed(trial.trial_id, 7, report, None, Model(**MODEL), None)

    study = load(store.run_dir)

    assert [objective.name for objective in study.objectives] == ["reconstruction_l2", "label_disagreement"]
    assert study.objectives[0].worst == 14
    assert study.trials["val_reconstruction_l2"].to_pylist() == [5.0, 4.0]
    assert study.confirmations["test_label_disagreement"].to_pylist() == [0.3, 0.5]
    assert study.trials["config.manifold.model.latent"].to_pylist() == [10, 10]
    assert study.width("vaegan") == 1 / 32


def test_the_command_line_describes_it(tmp_path):
    config = read_options(["--space", "manifold", "--dataset", "mnist", "--data-root", str(tmp_path)]).config
    told = describe(config, command="", data_fingerprint="")

    assert config.architectures == ("vaegan",)
    assert config.name.startswith("manifold-mnist-")
    assert told["objectives"][0]["name"] == "reconstruction_l2"
    assert told["widths"] == {"vaegan": config.learned.model.width}
    assert (told["evaluation"]["split"], told["confirmation"]["split"]) == ("validation", "test")
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--manifold", "learned-agnostic"], "leave it out"),
        (["--manifold", "affine"], "leave it out"),
        (["--gamma", "1"], "searches gamma"),
        (["--architectures", "conv"], "among vaegan"),
        (["--constraint", "val_error<0.2"], "trials measure, val_reconstruction_l2, val_label_disagreement"),
        (["--epochs", "201"], "parts of the 200 updates"),
    ],
)
def test_what_makes_no_sense_for_it_is_refused_on_one_line(capfd, options, says):
    from study.launch import main

    assert main(["--space", "manifold", "--dataset", "mnist", "--data-root", "nowhere", *options]) == 2
    told = capfd.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert says in told.err


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    write_vision(root, "mnist")
    return models(data=DataConfig(dataset="mnist", source=str(root), n_train=60, n_validation=40, n_test=30))


@pytest.mark.parametrize("label", ["VAE-GAN", "VAE for all"])
def test_the_estimate_of_its_cost_is_exact(study, label):
    trial = to_config(dict(study.search_space().baselines)[label], study.base("vaegan", 0))

    *_, last = rehearsed(trial).reports()

    assert last.gradient_evaluations == gradient_evaluations(trial)


@pytest.mark.parametrize("small", [sampled, shortened, lambda trial: without_attacks(shortened(trial))])
def test_a_small_trial_is_one_of_the_same_networks(study, small):
    trial = study.base("vaegan", 0)

    short = small(trial)

    assert isinstance(short, ManifoldTrialConfig)
    assert short.manifold.model.width == trial.manifold.model.width
    assert short.examples <= 2 * 10 * trial.manifold.model.batch_size
    assert next(rehearsed(short).reports()).seconds > 0


@pytest.mark.ray
@pytest.mark.slow
def test_a_study_is_searched_confirmed_and_reported(tmp_path):
    write_vision(tmp_path / "data", "mnist")
    data = ["--dataset", "mnist", "--data-root", tmp_path / "data", "--manifold-train", "n"]
    sizes = ["--n-train", "60", "--n-validation", "40", "--n-test", "30", "--n-attacked", "20", "--trials", "5"]
    run = ["--scale", "smoke", "--space", "manifold", "--runs", tmp_path / "runs", "--name", "tiny"]

    status, out, err = Driver(*data, *sizes, *run).finish()

    assert (status, err) == (0, "")
    assert "training the reference" in out
    assert "reconstruction L2" in out
    found = load(tmp_path / "runs" / "tiny")
    assert found.trials["label"].to_pylist() == ["VAE-GAN", "VAE-GAN for all", "VAE", "VAE for all", None]
    assert all(value > 0 for value in found.trials["val_reconstruction_l2"].to_pylist())
    assert len(found.confirmations) >= 4
    purposes = [
        json.loads(line)["purpose"] for line in (tmp_path / "runs/tiny/test_access.jsonl").read_text().splitlines()
    ]
    assert set(purposes) == {"confirmation"}
    summary = json.loads((tmp_path / "runs" / "tiny" / "report" / "summary.json").read_text())
    assert summary["objectives"] == ["test_reconstruction_l2", "test_label_disagreement"]
    assert summary["architectures"]["vaegan"]["reference_point"] == [14.0, 1.0]
    assert len(list((tmp_path / "runs" / "tiny" / "models").glob("*.safetensors"))) == len(found.confirmations)

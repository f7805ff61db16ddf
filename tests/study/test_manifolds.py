"""The command line of the manifolds' store, and a study on a learned manifold."""

import json

import pytest

from analysis import load
from study.manifolds import main
from tests.study.processes import Driver
from tests.trainables.data.tiny import write_vision

SMALL = ["--updates", "3", "--width", "0.03125", "--latent", "3", "--images", "n"]
SIZES = ["--n-train", "60", "--n-validation", "40", "--n-test", "30"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_vision(tmp_path / "data", "mnist")
    return tmp_path


def train(*more):
    return main(["train", "--dataset", "mnist", *SIZES, *SMALL, "--manifolds", "m", *more])


def names(place):
    return sorted(path.name for path in (place / "m").iterdir() if path.is_dir())


def test_a_manifold_is_learned_listed_and_taken_away(place, capsys):
    assert train() == 0
    said = capsys.readouterr().out
    (name,) = names(place)
    assert "learning the manifold of mnist" in said
    assert name[:12] in said

    assert main(["list", "--manifolds", "m"]) == 0
    assert "mnist, each class" in capsys.readouterr().out

    assert main(["prune", name[:6], "--manifolds", "m"]) == 0
    assert names(place) == []


def test_what_is_there_is_not_learned_again(place, capsys):
    train()
    capsys.readouterr()

    assert train() == 0
    assert "learning" not in capsys.readouterr().out


def test_gamma_zero_learns_without_a_discriminator(place):
    assert train("--gamma", "0") == 0
    assert train("--gamma", "1") == 0
    assert len(names(place)) == 2


def test_a_manifold_is_inspected(place, capsys):
    train()
    (name,) = names(place)
    capsys.readouterr()

    assert (
        main(["inspect", name[:8], "--data-root", "data", "--n-attacked", "20", "--out", "p.png", "--manifolds", "m"])
        == 0
    )
    said = capsys.readouterr().out
    assert "reconstruction error" in said
    assert "agreement" in said
    assert (place / "p.png").read_bytes().startswith(b"\x89PNG")

    assert main(["list", "--manifolds", "m"]) == 0
    assert capsys.readouterr().out.count("mnist") == 1  # the classifiers that it took are no manifolds
    assert main(["prune", "--all", "--manifolds", "m"]) == 0
    assert names(place) == []


def test_a_manifold_of_other_data_is_not_inspected(place, capsys):
    train()
    write_vision(place / "other", "mnist", training=200)
    capsys.readouterr()

    assert main(["inspect", names(place)[0], "--data-root", "other", "--manifolds", "m"]) == 2
    assert "learned from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "--dataset", "mnist", "--data-root", "nowhere"], "nowhere"),
        (["train", "--dataset", "mnist", "--updates", "0"], "whole number"),
        (["train", "--gamma", "-1"], "at least 0"),
        (["train", "--width", "9", "--dataset", "mnist"], "width lies in"),
        (["inspect", "abc", "--manifolds", "m"], "begins that of one entry"),
        (["prune", "--manifolds", "m"], "got none of these"),
        (["prune", "abc", "--manifolds", "m"], "begins that of one entry"),
        (["list", "--manifolds", "moon://m"], "an address such as"),
        ([], "required"),
        (["sell"], "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_refused_on_one_line(place, capfd, arguments, says):
    before = sorted(place.rglob("*"))

    assert main(arguments) == 2

    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("study.manifolds: ")
    assert says in said.err
    assert sorted(place.rglob("*")) == before


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize(("backend", "trained"), [(["dedicated"], "dedicated"), (["fused", "--slots", "2"], "fused-2")])
def test_a_study_learns_its_manifold_once_and_reports_how_good_it_is(place, backend, trained):
    options = ["--dataset", "mnist", "--data-root", place / "data", "--manifold", "learned", "--manifold-train", "n"]
    sizes = [*SIZES, "--n-attacked", "20", "--epochs", "3", "--trials", "3"]
    run = ["--scale", "smoke", "--architectures", "mlp", "--runs", place / "runs", "--name", "tiny"]
    status, out, err = Driver(*options, *sizes, *run, "--backend", *backend).finish()

    assert (status, err) == (0, "")
    assert out.count("learning the manifold of mnist") == 1
    study = load(place / "runs" / "tiny")
    rows = study.trials.to_pylist()
    assert {row["label"] for row in rows} == {"Normal", "RegAdv", "OnLearned"}
    assert {row["backend"] for row in rows} == {trained}
    assert len({row["manifold_digest"] for row in rows}) == 1
    assert study.manifold is not None
    assert study.manifold["digest"] == rows[0]["manifold_digest"]
    page = (place / "runs" / "tiny" / "report" / "index.html").read_text()
    assert "a VAE-GAN for each class" in page
    assert (place / "runs" / "tiny" / "report" / "manifold.png").is_file()
    purposes = [
        json.loads(line)["purpose"] for line in (place / "runs/tiny/test_access.jsonl").read_text().splitlines()
    ]
    assert purposes.count("the quality of the manifold") == 1


def finished(place, *options):
    """A study that has been searched, confirmed and reported, and what it said."""
    run = ["--scale", "smoke", "--architectures", "mlp", "--runs", place / "runs", "--name", "tiny", "--seeds", "1"]
    status, out, err = Driver(*options, *run).finish()

    assert (status, err) == (0, "")
    return load(place / "runs" / "tiny"), out


def trained_on(row):
    """What a trial's row says that it trained on beside the image: a threat, a kind, a box."""
    threats = [name for name in ("manifold", "affine") if row.get(f"config.roles.{name}.share")]
    return (*threats, row.get("config.roles.manifold.on.model.agnostic"), row.get("config.roles.manifold.on.box"))


@pytest.mark.ray
@pytest.mark.slow
def test_a_study_chooses_what_to_train_along_and_measures_all_on_the_first(place):
    kinds = ["--manifold", "affine", "learned", "learned-agnostic", "--manifold-train", "n", "--sampler", "random"]
    sizes = [*SIZES, "--n-attacked", "20", "--epochs", "3", "--trials", "11", "--scheduler", "none", "--seed", "1"]
    study, out = finished(place, "--dataset", "mnist", "--data-root", place / "data", *kinds, *sizes)

    assert out.count("learning the manifold of mnist, a model for each class") == 1
    assert out.count("learning the manifold of mnist, one model for all classes") == 1
    assert out.count("the manifolds lie in") == 1
    rows = study.trials.to_pylist()
    assert [row["label"] for row in rows[:6]] == [
        "Normal",
        "RegAdv",
        "AdvTrans",
        "Reg+AdvTrans",
        "RegAdv weak",
        "DataAugm",
    ]
    assert [trained_on(rows[number]) for number in (0, 2, 5)] == [(None, None), *[("affine", None, None)] * 2]
    learned = [row for row in rows if trained_on(row)[0] == "manifold"]
    assert len({trained_on(row) for row in learned}) >= 2
    assert all(row["trained_manifold_digest"] for row in learned)
    assert not any(row["trained_manifold_digest"] for row in rows if row not in learned)
    complete = [row for row in rows if row["state"] == "COMPLETE"]
    assert complete
    assert all(row["val_affine_error"] is not None and row["val_on_manifold_error"] is None for row in complete)
    assert {row["manifold_digest"] for row in rows} == {None}
    page = (place / "runs" / "tiny" / "report" / "index.html").read_text()
    assert "trained along" in page
    assert "all are measured on the first" in page


@pytest.mark.ray
@pytest.mark.slow
def test_a_study_on_fonts_trains_along_the_known_manifold_or_along_transformations(place):
    sizes = ["--n-train", "100", "--n-validation", "60", "--n-test", "60", "--n-attacked", "20", "--trials", "14"]
    study, out = finished(place, "--manifold", "known", "affine", *sizes, "--sampler", "random", "--scheduler", "none")

    assert "learning" not in out
    rows = study.trials.to_pylist()
    assert rows[2]["label"] == "OnTrue"
    assert {trained_on(row)[0] for row in rows[6:]} >= {"manifold", "affine"}
    assert {row["config.roles.manifold.on"] for row in rows if trained_on(row)[0] == "manifold"} == {"known"}
    complete = [row for row in rows if row["state"] == "COMPLETE"]
    assert complete
    assert all(row["val_on_manifold_error"] is not None for row in complete)
    assert len({row["manifold_digest"] for row in rows if row["epochs"]}) == 1
    assert "trained_manifold_digest" not in study.trials.schema.names

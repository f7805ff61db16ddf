"""What a trial that is trained once more says; equal ones are seen on real studies, in `test_launch`."""

from dataclasses import asdict

import pytest

from study.desk import Desk
from study.launch import main
from tests.study.conftest import MODEL, begin, said, tiny
from trainables.config import DataConfig, trial_from_dict
from trainables.pipeline import prepare
from trainables.report import Said


def small(**changes):
    data = DataConfig(n_train=20, n_validation=20, n_test=20)
    return tiny(**{"architectures": ("mlp",), "data": data, "epochs": 1, "scheduler": "none"} | changes)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A study of one trial that was trained here, and one that gave nothing."""
    with begin(tmp_path_factory.mktemp("runs"), small) as store:
        desk = Desk(store)
        trial = desk.next()
        (report,) = prepare(trial_from_dict(trial.config)).reports()
        desk.hear(trial.trial_id, Said(report=asdict(report), model=MODEL | {"threads": 1}))
        desk.next()
        desk.end("mlp-001")
    return store.run_dir


def test_the_same_gives_the_same(run_dir, capfd):
    assert main(["--reproduce", str(run_dir), "mlp-000"]) == 0

    told = capfd.readouterr()
    assert "equal: every recorded number, to the last bit" in told.out
    assert told.err == ""


def test_what_differs_is_said_with_what_else_does(tmp_path, capfd):
    with begin(tmp_path, small) as store:
        desk = Desk(store)
        trial = desk.next()
        desk.hear(trial.trial_id, Said(report=said(1, 0.123, 0.456), model=MODEL))

    assert main(["--reproduce", str(store.run_dir), trial.trial_id]) == 1

    told = capfd.readouterr().out
    assert "different: train_loss after epoch 1, error after epoch 1" in told
    assert "how many threads it was trained with is not recorded" in told


def test_what_was_trained_on_a_gpu_is_not_trained_again_without_one(tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with begin(tmp_path, small) as store:
        desk = Desk(store)
        trial = desk.next()
        desk.hear(trial.trial_id, Said(report=said(1, 0.123, 0.456), model=MODEL | {"device": "cuda", "threads": 1}))

    assert main(["--reproduce", str(store.run_dir), trial.trial_id]) == 2

    assert "where it was trained, on cuda; this machine has none" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["mlp-999"], "has no mlp-999; it has mlp-000, mlp-001"),
        (["mlp-001"], "has numbers; mlp-001 has none: it ended without a report"),
        (["mlp-000", "--seed", "7"], "got 7; mlp-000 has none"),
        (["mlp-000", "--epochs", "7"], "got --epochs"),
        (["mlp-000", "--data-root", "nowhere"], "--data-root"),
    ],
)
def test_what_cannot_be_reproduced_is_told_on_one_line(run_dir, capfd, options, says):
    assert main(["--reproduce", str(run_dir), *options]) == 2

    told = capfd.readouterr()
    assert told.err.count("\n") == 1
    assert says in told.err


def test_a_folder_without_a_study_and_one_inside_of_it_are_refused(run_dir, tmp_path, capfd):
    assert main(["--reproduce", str(tmp_path), "mlp-000"]) == 2
    assert main(["--reproduce", str(run_dir), "mlp-000", "--out", str(run_dir / "again")]) == 2
    assert main(["--out", "again"]) == 2

    assert capfd.readouterr().err.count("\n") == 3
    assert not (run_dir / "again").exists()

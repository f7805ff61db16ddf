"""The evaluation's command line, on models of a study and on functions, and whatever may be wrong with them."""

import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file, save, save_file
from torch import equal

from study.evaluate import main
from study.evaluation_options import read_options
from study.storage.attack_tables import columns_of
from study.storage.state import Attacked
from study.storage.store import Store
from study.subjects import moved_on, own
from tests.study.conftest import begin
from tests.study.processes import Driver
from trainables.config import (
    DataConfig,
    EvaluationConfig,
    LearnedConfig,
    ManifoldTrialConfig,
    ThreatModel,
    TrialConfig,
    VaeGanConfig,
)
from trainables.evaluation.autoattack import installed
from trainables.evaluation.ensemble import STRENGTHS, Strength
from trainables.examination import Model, examined
from trainables.pipeline import prepare
from trainables.provision import load_once

CONFIG = TrialConfig(
    width=0.125,
    data=DataConfig(variant="easy", n_train=60, n_validation=10, n_test=30),
    threat_model=ThreatModel(norm="l2", epsilon=1.0, eta=0.2),
    epochs=2,
    batch_size=30,
    evaluation=EvaluationConfig(n_attacked=2, steps=1, paper_attempts=0, only_last=True),
)
SMALL = ["--n-train", "40", "--n-validation", "10", "--n-test", "20", "--n-attacked", "6"]
MINE = """
import torch
from torch import nn

WEIGHTS = torch.randn(784, 10, generator=torch.Generator().manual_seed(0))


def bright():
    return lambda images: images.flatten(1) @ WEIGHTS


def network():
    return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 10))


def twenty():
    return lambda images: torch.zeros(len(images), 20)


def nothing():
    return None


def broken():
    raise RuntimeError("no weights\\nhere")


def later():
    calls = []

    def model(images):
        calls.append(1)
        if len(calls) > 3:
            raise RuntimeError("out of\\nluck")
        return images.flatten(1) @ WEIGHTS

    return model


constant = 3
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a study's model in runs/tiny/models and functions in mine.py; attacks are short."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(STRENGTHS, "fast", Strength(steps=4, targets=2, queries=8, attempts=1, passes=2))
    monkeypatch.setattr("study.subjects.SURROGATE_EPOCHS", 8)
    (tmp_path / "mine.py").write_text(MINE)
    return tmp_path


@pytest.fixture(scope="session")
def weights():
    run = prepare(CONFIG)
    *_, _ = run.reports()
    return save({name: tensor.contiguous() for name, tensor in run.weights().items()})


@pytest.fixture
def model(place, weights):
    with begin(place / "runs") as store:
        store.keep_weights("conv-0000-7", weights, CONFIG.to_dict())
    return place / "runs" / "tiny" / "models" / "conv-0000-7.safetensors"


def evaluate(*arguments):
    return main([*map(str, arguments), "--strength", "fast"])


def result(folder):
    return json.loads((folder / "evaluation.json").read_text())


def test_a_studys_model_is_evaluated(model, place, capsys):
    assert evaluate(model, "--n-attacked", 6) == 0

    said, folder = capsys.readouterr(), place / "evaluation" / "conv-0000-7"
    found, rows = result(folder), pq.read_table(folder / "ledger.parquet").to_pylist()
    assert said.err == ""
    assert "white box" in said.out
    assert found["threat_model"] == {"norm": "l2", "epsilon": 1.0, "eta": 0.2}
    assert found["dataset"]["n_test"] == found["examples"] == 30
    assert found["attacked"] == 6
    assert set(found["threats"]) == {"pixel", "manifold", "affine"}
    assert found["threats"]["pixel"]["curve"]["radii"][:5] == pytest.approx([0, 0.25, 0.5, 0.75, 1.0])
    assert (folder / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (folder / "curve.svg").read_bytes()
    for name in ("gradient_evaluations", "forward_passes", "seconds"):
        assert sum(row[name] for row in rows) == pytest.approx(found["cost"][name])
    assert {row["attack"] for row in rows} >= {
        "clean",
        "apgd-ce",
        "apgd-dlr-targeted",
        "square",
        "transfer",
        "adam-pgd",
    }
    assert all((row["queries"] is not None) == (row["attack"] in ("square", "transfer")) for row in rows)
    accesses = (place / "runs/tiny/test_access.jsonl").read_text().splitlines()
    assert [json.loads(line)["purpose"] for line in accesses] == ["evaluation of conv-0000-7"]


def test_a_study_keeps_what_the_command_finds(model, place, weights):
    """The same model, seed and source of images: columns of a study's tables against the command's JSON."""
    other = prepare(replace(CONFIG, architecture="mlp", seed=9))
    *_, _ = other.reports()
    source = save({name: tensor.contiguous() for name, tensor in other.weights().items()})
    config, more = CONFIG, replace(CONFIG, architecture="mlp", seed=9)
    with Store(model.parent.parent) as store:
        store.keep_weights("mlp-0000-7", source, more.to_dict())
    models = [Model(config=config, weights=weights), Model(config=more, weights=source)]
    (known,) = examined([(models[0], models[1:])], "fast", "manifolds", attacked=6, seed=3)
    columns = columns_of(
        Attacked(
            trial_id="conv-0000", seed=7, how={"strength": "fast", "images": 6, "seed": 3}, sha256=None,
            sources=["mlp-0000-7"], found=json.loads(json.dumps(known["found"])), ledger={}, message=None,
        )
    )  # fmt: skip

    assert evaluate(model, "--n-attacked", 6, "--seed", 3, "--transfer-from", model.with_stem("mlp-0000-7")) == 0

    folder = place / "evaluation" / "conv-0000-7"
    found, rows = result(folder), pq.read_table(folder / "ledger.parquet").to_pylist()
    pixel, manifold, affine = (found["threats"][name] for name in ("pixel", "manifold", "affine"))
    assert columns["flags"] == [flag["name"] for flag in found["flags"]]
    assert columns["strong_robust_error"] == pytest.approx(pixel["mean_error"])
    assert columns["strong_on_manifold_error"] == pytest.approx(manifold["mean_error"])
    assert columns["strong_affine_error"] == pytest.approx(affine["mean_error"])
    assert columns["strong_success_rate"] == pixel["success_rate"]
    assert columns["strong_on_manifold_success_rate"] == manifold["success_rate"]
    assert known["found"]["threats"]["pixel"]["curve"]["black_box"] == tuple(pixel["curve"]["black_box"])
    for ours, theirs in zip(known["ledger"], rows, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}
    assert "transfer" in {row["attack"] for row in rows}
    for row in rows:
        assert (row["error_alone"] is None) == (row["restarts"] == 0)
        assert row["error_alone"] is None or row["error_alone"] <= row["error_worst"]


def test_the_threat_model_may_be_another(model):
    other, same = (
        read_options([str(model), *more]).threat_model for more in (["--norm", "linf"], ["--epsilon", "0.5"])
    )

    assert other == ThreatModel(norm="linf", epsilon=0.3, eta=0.2)
    assert same == ThreatModel(norm="l2", epsilon=0.5, eta=0.2)


def test_a_studys_data_may_have_moved(model):
    moved = read_options([str(model), "--fonts-dir", "elsewhere", "--n-test", "40"]).data

    assert moved == replace(CONFIG.data, source=str(Path("elsewhere").absolute()), n_test=40)


def test_a_function_is_evaluated(place, capsys):
    assert evaluate("mine:bright", *SMALL) == 0

    found = result(place / "evaluation" / "mine-bright")
    assert (found["model"], found["ensemble"]) == ("mine-bright", "own")
    assert found["examples"] == 20
    assert "chance_level" in {flag["name"] for flag in found["flags"]}
    assert "chance_level" in capsys.readouterr().out


def test_further_attacks_are_made_after_the_others(place):
    assert evaluate("mine:bright", *SMALL, "--norm", "l2", "--also", "apgd-dlr", "carlini-wagner") == 0

    folder = place / "evaluation" / "mine-bright"
    attacks = [row["attack"] for row in pq.read_table(folder / "ledger.parquet").to_pylist() if row["white_box"]]
    assert {"apgd-dlr", "carlini-wagner"} <= set(attacks)
    assert attacks.index("apgd-ce") < attacks.index("apgd-dlr") < attacks.index("carlini-wagner")
    assert result(folder)["ensemble"] == "own with apgd-dlr and carlini-wagner"


def test_without_autoattack_the_own_set_is_used_and_that_is_said(place, capsys, monkeypatch):
    monkeypatch.setattr("trainables.evaluation.autoattack.installed", lambda: None)

    assert evaluate("mine:bright", *SMALL, "--autoattack") == 0

    told = [line for line in capsys.readouterr().out.splitlines() if "pyautoattack" in line]
    assert len(told) == 1
    assert 'own set of attacks is used alone; pip install ".[eval]"' in told[0]
    assert result(place / "evaluation" / "mine-bright")["ensemble"] == "own; pyautoattack is not installed"


@pytest.mark.slow
@pytest.mark.skipif(installed() is None, reason="pyautoattack is not installed (the extra `eval`)")
def test_autoattack_is_made_after_the_own_set(place):
    assert evaluate("mine:bright", *SMALL, "--autoattack") == 0

    folder = place / "evaluation" / "mine-bright"
    rows = pq.read_table(folder / "ledger.parquet").to_pylist()
    theirs = [row for row in rows if row["attack"].startswith("pyautoattack")]
    assert result(folder)["ensemble"] == f"own, and pyautoattack {installed()}"
    assert {row["threat"] for row in theirs} == {"pixel"}
    assert {row["attack"]: row["white_box"] for row in theirs} == {
        "pyautoattack, apgd-ce": True,
        "pyautoattack, apgd-t": True,
        "pyautoattack, fab-t": True,
        "pyautoattack, square": False,
    }


def test_a_module_is_put_into_evaluation_mode(place):
    splits = load_once(CONFIG.data).splits
    loaded, images = own("mine:network", splits), splits.test.images(splits.test.labels[:3])

    assert equal(loaded.classifier.logits({}, images), loaded.classifier.logits({}, images))


def test_a_model_without_its_manifold_is_evaluated_on_the_image(place):
    learned = replace(CONFIG, manifold=LearnedConfig(model=VaeGanConfig(width=1 / 32, updates=4)))
    data = load_once(CONFIG.data)
    manifolds, notes = moved_on(learned, data, "manifolds")

    assert manifolds == data.manifolds
    assert "no on-manifold numbers" in notes[0]
    assert not Path("manifolds").exists()


def test_a_model_that_fails_later_is_one_line_and_status_one(place, capfd):
    assert evaluate("mine:later", *SMALL) == 1

    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "RuntimeError: out of luck" in said


def nothing(model):
    """Leaves everything as it was."""


def unlink(name):
    return lambda model: model.with_suffix(name).unlink()


def write(name, content):
    return lambda model: model.with_suffix(name).write_bytes(content)


def as_json(plain):
    return write(".json", json.dumps(plain).encode())


def one_weight_less(model):
    weights = load_file(model)
    del weights["logits.bias"]
    save_file(weights, model)


MODEL = "runs/tiny/models/conv-0000-7.safetensors"
MANIFOLD = ManifoldTrialConfig(
    data=DataConfig(dataset="mnist", source="nowhere", n_train=60, n_validation=10, n_test=10),
    evaluation=EvaluationConfig(n_attacked=2),
)


@pytest.mark.parametrize(
    ("line", "says", "arrange"),
    [
        ("", "required", nothing),
        ("nowhere.safetensors", "nowhere.json: No such file", nothing),
        (MODEL, "beside its configuration", unlink(".json")),
        (MODEL, "none: FileNotFoundError", unlink(".safetensors")),
        (MODEL, "none: SafetensorError", write(".safetensors", b"not weights")),
        (MODEL, "another thing", write(".json", b"{")),
        (MODEL, "another thing", as_json([])),
        (MODEL, "another thing", as_json({"colour": "red"})),
        (MODEL, "is a manifold", as_json(MANIFOLD.to_dict())),
        (MODEL, "differ in 'conv0.weight': (2, 1, 4, 4)", as_json(replace(CONFIG, width=0.25).to_dict())),
        (MODEL, "differ in 'logits.bias': None", one_weight_less),
        (f"{MODEL} --dataset mnist", "leave --dataset", nothing),
        (f"{MODEL} --n-attacked 31", "lower --n-attacked", nothing),
        (f"{MODEL} --transfer-from nowhere.safetensors", "nowhere.json: No such file", nothing),
        (f"mine:bright --n-test 20 --n-attacked 9 --variant hard --transfer-from {MODEL}", "of the same data", nothing),
        (f"{MODEL} --epsilon 99", "epsilon is a radius", nothing),
        (f"{MODEL} --epsilon -1", "above 0", nothing),
        (f"{MODEL} --data-root nowhere", "nowhere", nothing),
        (f"{MODEL} --out mine.py", "goes into a folder", nothing),
        (f"{MODEL} --strength heavy", "invalid choice", nothing),
        ("mine:bright --n-test 20 --n-attacked 9 --also carlini-wagner", "add --norm l2", nothing),
        ("weights.pt", "are not opened", nothing),
        ("mine.bright", "package.module:function", nothing),
        ("mine:bright:", "package.module:function", nothing),
        ("yours:network", "ModuleNotFoundError", nothing),
        ("mine:dark", "AttributeError", nothing),
        ("mine:constant", "it raised TypeError", nothing),
        ("mine:broken", "no weights here", nothing),
        ("mine:nothing", "got NoneType", nothing),
        ("mine:twenty --n-test 20", "got (4, 20)", nothing),
        ("mine:bright --dataset mnist", "data", nothing),
        ("mine:bright --dataset mnist --fonts-dir f", "--fonts-dir is for", nothing),
    ],
)
def test_what_is_wrong_is_refused_on_one_line(model, place, capfd, line, says, arrange):
    arrange(model)
    before = {path: path.lstat().st_mtime_ns for path in place.rglob("*") if "__pycache__" not in str(path)}

    assert evaluate(*line.split()) == 2

    said = capfd.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("study.evaluate: ")
    assert says in said.err
    after = {path: path.lstat().st_mtime_ns for path in place.rglob("*") if "__pycache__" not in str(path)}
    assert after.keys() == before.keys()


@pytest.mark.ray
@pytest.mark.slow
def test_a_model_that_a_real_study_left_is_evaluated(place):
    sizes = ["--n-train", "200", "--n-validation", "100", "--n-test", "30", "--n-attacked", "20", "--epochs", "2"]
    run = ["--scale", "smoke", "--architectures", "mlp", "--trials", "2", "--runs", place / "runs", "--name", "real"]
    status, _, err = Driver(*sizes, *run).finish()
    assert (status, err) == (0, "")
    model, *_ = sorted((place / "runs" / "real" / "models").glob("*.safetensors"))

    assert evaluate(model, "--n-attacked", 10) == 0
    found = result(place / "evaluation" / model.stem)
    assert found["threat_model"]["epsilon"] == 0.3
    assert Path(found["given"]) == model

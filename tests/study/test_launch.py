import json
import signal

import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file

from analysis import load
from analysis.front import confirmed_fronts
from study.launch import main
from study.storage.journal import read
from tests.study.processes import Driver, ended, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SMALL = [
    *("--scale", "smoke", "--architectures", "mlp", "--n-train", "50", "--epochs", "1"),
    *("--seeds", "1", "--concurrency", "1"),
]
SEARCHED = ["--trials", "12"]
MEASURED = ("trial_id", "label", "state", "seed", "signature", "gradient_evaluations", "forward_passes", "message")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def smoke(runs):
    """A small study, looked at while it ran; it trains for long enough that no network stays at chance."""
    trained = ("--n-train", "1000", "--epochs", "3")
    strong = ("--strong", "fast", "--strong-images", "10")
    driver = Driver("--scale", "smoke", *trained, *strong, "--runs", runs, "--name", "smoke")
    assert wait_for(lambda: ended(runs / "smoke", "asked"))
    seen = {"listening": driver.listening(), "rival": Driver("--resume", runs / "smoke").finish()}
    seen["status"], seen["out"], seen["err"] = driver.finish()
    return seen | {"run_dir": runs / "smoke", "gone": driver.gone(within=10)}


@pytest.fixture(scope="module")
def whole(runs):
    """A study that nobody interrupted."""
    assert Driver(*SMALL, *SEARCHED, "--runs", runs, "--name", "whole").finish()[0] == 0
    return runs / "whole"


def attacked(study):
    """Returns the confirmations whose models came under strong attacks."""
    return [row for row in study.confirmations.to_pylist() if row["flags"] is not None]


def measured(run_dir, table):
    """Returns what a study has measured, without times and places."""
    rows = pq.read_table(run_dir / "results" / f"{table}.parquet").to_pylist()
    kept = [
        {key: value for key, value in row.items() if key in MEASURED or key.startswith(("val_", "test_", "config."))}
        for row in rows
    ]
    return sorted(kept, key=lambda row: row["trial_id"])


def test_a_study_goes_from_nothing_to_a_report(smoke):
    study, folder = load(smoke["run_dir"]), smoke["run_dir"]

    assert (smoke["status"], smoke["err"]) == (0, "")
    assert study.trials["state"].to_pylist() == ["COMPLETE"] * 4
    assert sorted(study.trials["label"].to_pylist()) == ["Normal", "Normal", "RegAdv", "RegAdv"]
    assert len(study.confirmations) == 4
    assert study.test_accesses == 5 + len(attacked(study))  # one is the manifold's
    assert study.distances["none"]["to_manifold"].max() < 1e-4
    assert (folder / "report" / "index.html").is_file()
    assert "report:" in smoke["out"]


def test_members_of_the_front_came_under_strong_attacks(smoke):
    study = load(smoke["run_dir"])
    rows, members = attacked(study), [c.trial_id for front in confirmed_fronts(study) for c in front.members]

    assert set(members) <= {row["trial_id"] for row in rows} != set()
    for row in rows:
        assert (row["strong_strength"], row["strong_images"], row["strong_message"]) == ("fast", 10, None)
        assert row["strong_robust_error"] >= row["strong_paper_error"]
        (source,) = row["strong_sources"]
        assert source.endswith(f"-{row['seed']}")
        assert source.partition("-")[0] != row["architecture"]
    taken = {(row["trial_id"], row["attack"]) for row in study.ledger.to_pylist()}
    assert taken >= {(row["trial_id"], name) for row in rows for name in ("apgd-ce", "square", "transfer", "adam-pgd")}
    assert "came under strong attacks" in (smoke["run_dir"] / "report" / "index.html").read_text()
    assert (smoke["run_dir"] / "report" / "strength.png").is_file()
    assert "strong attacks 1/" in smoke["out"]


def test_the_models_that_were_confirmed_are_kept(smoke):
    folder = smoke["run_dir"] / "models"

    names = {path.stem for path in folder.glob("*.safetensors")}

    assert names == {path.stem for path in folder.glob("*.json")}
    assert len(names) == 4
    for name in names:
        config = json.loads((folder / f"{name}.json").read_text())
        assert name.endswith(f"-{config['seed']}")
        assert sum(tensor.size for tensor in load_file(folder / f"{name}.safetensors").values()) > 10_000


def test_a_local_study_listens_to_this_machine_alone(smoke):
    assert smoke["listening"]
    assert all(address.is_loopback for address in smoke["listening"])


def test_a_second_driver_is_refused_on_one_line(smoke):
    status, _, err = smoke["rival"]

    assert (status, err.count("\n")) == (2, 1)
    assert "one driver" in err


def test_no_process_outlives_a_study(smoke):
    assert smoke["gone"]


def test_a_name_is_used_once(smoke, capsys):
    assert main(["--scale", "smoke", "--runs", str(smoke["run_dir"].parent), "--name", "smoke"]) == 2
    assert "exists" in capsys.readouterr().err


def test_resuming_what_is_done_changes_no_number(smoke):
    before, strong = measured(smoke["run_dir"], "confirmations"), attacked(load(smoke["run_dir"]))

    status, _, err = Driver("--resume", smoke["run_dir"]).finish()

    assert (status, err) == (0, "")
    assert measured(smoke["run_dir"], "confirmations") == before
    assert attacked(load(smoke["run_dir"])) == strong


def test_a_trial_and_its_confirmation_are_reproduced_to_the_last_bit(smoke, capfd, tmp_path):
    folder, out = str(smoke["run_dir"]), tmp_path / "again"
    model = next((smoke["run_dir"] / "models").glob("mlp-001-*.safetensors"))
    before = {path: path.stat().st_mtime_ns for path in smoke["run_dir"].rglob("*")}

    assert main(["--reproduce", folder, "mlp-001"]) == 0
    assert main(["--reproduce", folder, "mlp-001", "--seed", model.stem.split("-")[2], "--out", str(out)]) == 0

    assert capfd.readouterr().out.count("equal: every recorded number") == 2
    assert (out / model.name).read_bytes() == model.read_bytes()
    assert {path: path.stat().st_mtime_ns for path in smoke["run_dir"].rglob("*")} == before


def test_one_seed_one_trial_at_a_time_gives_the_same_numbers_twice(whole, runs):
    assert Driver(*SMALL, *SEARCHED, "--runs", runs, "--name", "again").finish()[0] == 0

    for table in ("trials", "curves", "confirmations"):
        assert measured(runs / "again", table) == measured(whole, table)


@pytest.mark.parametrize(
    ("kind", "number", "status"),
    [("finished", signal.SIGINT, 130), ("confirmed", signal.SIGINT, 130), ("finished", signal.SIGKILL, -9)],
)
def test_a_study_that_was_stopped_goes_on_as_if_it_had_not_been(whole, runs, kind, number, status):
    name = f"stopped-{kind}-{number}"
    driver = Driver(*SMALL, *SEARCHED, "--runs", runs, "--name", name)
    assert wait_for(lambda: ended(runs / name, kind) >= 3)
    driver.strike(number)
    left, out, _ = driver.finish()
    assert left == status
    assert ("--resume" in out) == (number == signal.SIGINT)
    assert driver.gone(within=30)
    assert ended(runs / name, kind) < 12

    assert Driver("--resume", runs / name, "--concurrency", 1).finish()[0] == 0

    assert ended(runs / name, "asked") == ended(runs / name) == 12
    for table in ("trials", "curves", "confirmations"):
        assert measured(runs / name, table) == measured(whole, table)


def test_a_study_that_was_stopped_between_strong_attacks_makes_each_once(runs):
    strong = ("--strong", "fast", "--strong-images", "4", "--strong-of", "all")
    sizes = ("--n-train", "1000", "--epochs", "3", "--trials", "3")
    driver = Driver(*SMALL, *sizes, *strong, "--runs", runs, "--name", "attacked")
    assert wait_for(lambda: ended(runs / "attacked", "attacked") >= 1)
    driver.strike(signal.SIGINT)
    assert driver.finish()[0] == 130
    assert 1 <= ended(runs / "attacked", "attacked") < 3

    assert Driver("--resume", runs / "attacked", "--concurrency", 1).finish()[0] == 0

    made = [event for event in read(runs / "attacked" / "journal") if event["kind"] == "attacked"]
    confirmed = load(runs / "attacked").confirmations["trial_id"].to_pylist()
    assert sorted(event["trial_id"] for event in made) == sorted(confirmed)
    assert all(event["message"] is None for event in made)


def test_an_unconfirmed_study_is_confirmed_when_it_is_resumed(runs):
    """It has no GPU either, whose steps models would share."""
    more = ("--n-train", "200", "--trials", "2", "--no-confirm", "--slots", "2")
    status, out, _ = Driver(*SMALL, *more, "--runs", runs, "--name", "later").finish()
    assert status == 0
    assert "every trial trains on its own, whatever --slots says" in out
    assert not (runs / "later" / "test_access.jsonl").exists()

    assert Driver("--resume", runs / "later").finish()[0] == 0

    study = load(runs / "later")
    complete = [row["trial_id"] for row in study.trials.to_pylist() if row["state"] == "COMPLETE"]
    assert study.confirmations["trial_id"].to_pylist() == complete != []


def test_a_dry_run_prints_a_plan_and_leaves_nothing(tmp_path):
    status, out, err = Driver("--scale", "smoke", "--dry-run", "--runs", tmp_path / "runs").finish()

    assert (status, err) == (0, "")
    assert "gradient evaluations" in out
    assert not (tmp_path / "runs").exists()

"""A study whose models train in the slots of engines: killed, resumed, halved and reproduced as one that has none."""

import os
import signal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from study.launch import main
from study.storage.journal import read
from tests.study.processes import Driver, ended, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow]

SMALL = [
    *("--scale", "smoke", "--architectures", "mlp", "--n-train", "300", "--trials", "14", "--seeds", "1"),
    *("--backend", "fused"),
]
MEASURED = ("trial_id", "label", "state", "seed", "signature", "gradient_evaluations", "forward_passes", "message")


def rows(run_dir: Path, table: str) -> list[dict]:
    return sorted(pq.read_table(run_dir / "results" / f"{table}.parquet").to_pylist(), key=lambda row: row["trial_id"])


def measured(run_dir: Path, table: str) -> list[dict]:
    """Returns what a study has measured, without times and places."""
    kept = ("val_", "test_", "config.")
    return [
        {key: value for key, value in row.items() if key in MEASURED or key.startswith(kept)}
        for row in rows(run_dir, table)
    ]


def engines(driver: Driver) -> list[int]:
    """Returns the processes in which a study's engines are."""
    shown = {process: Path(f"/proc/{process}/cmdline").read_bytes() for process in driver.processes()}
    return [process for process, command in shown.items() if b"FusedTrials" in command]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def whole(runs: Path) -> Path:
    """A study that nobody interrupted, one trial at a time."""
    small = [*SMALL, "--slots", "2", "--concurrency", "1", "--epochs", "4"]
    assert Driver(*small, "--runs", runs, "--name", "whole").finish()[::2] == (0, "")
    return runs / "whole"


def test_trials_say_what_they_share_a_step_with_and_halving_stops_some(whole: Path) -> None:
    trials = rows(whole, "trials")

    assert {row["backend"] for row in trials} == {"fused-2"}
    assert {row["state"] for row in trials} == {"COMPLETE", "STOPPED"}
    confirmed = rows(whole, "confirmations")
    assert {row["trial_id"] for row in confirmed} <= {row["trial_id"] for row in trials if row["state"] == "COMPLETE"}
    assert {row["message"] for row in confirmed} == {None}
    assert len(list((whole / "models").glob("*.safetensors"))) == len(confirmed)


def test_a_study_whose_driver_was_killed_goes_on_as_if_it_had_not_been(whole: Path, runs: Path) -> None:
    name = "stopped"
    small = [*SMALL, "--slots", "2", "--concurrency", "1", "--epochs", "4"]
    driver = Driver(*small, "--runs", runs, "--name", name)
    assert wait_for(lambda: ended(runs / name) >= 3)
    driver.strike(signal.SIGKILL)
    assert driver.finish()[0] == -9
    assert driver.gone(within=30)
    assert ended(runs / name) < 14

    assert Driver("--resume", runs / name, "--concurrency", "1").finish()[::2] == (0, "")

    for table in ("trials", "curves", "confirmations"):
        assert measured(runs / name, table) == measured(whole, table)


def test_trials_whose_engine_is_killed_are_tried_again_by_another(runs: Path) -> None:
    small = [*SMALL, "--n-train", "1000", "--epochs", "4", "--trials", "5", "--no-confirm"]
    driver = Driver(*small, "--runs", runs, "--name", "killed")
    assert wait_for(lambda: ended(runs / "killed", "report") >= 2)
    killed = engines(driver)
    for process in killed:
        os.kill(process, signal.SIGKILL)

    assert driver.finish()[::2] == (0, "")

    assert killed
    assert {row["state"] for row in rows(runs / "killed", "trials")} <= {"COMPLETE", "STOPPED"}
    broken = [event for event in read(runs / "killed" / "journal") if event["kind"] == "broke"]
    assert broken
    assert all("its engine died" in event["reason"] for event in broken)
    sizes = [event["text"] for event in read(runs / "killed" / "journal") if event["kind"] == "note"]
    assert any("in a step, since" in text for text in sizes)  # how many slots there are was measured, and is said


def test_a_trial_and_its_confirmation_are_reproduced_to_the_last_bit(whole: Path, capfd: pytest.CaptureFixture):
    model = next((whole / "models").glob("*.safetensors"))
    trial_id, _, seed = model.stem.rpartition("-")

    assert main(["--reproduce", str(whole), trial_id]) == 0
    assert main(["--reproduce", str(whole), trial_id, "--seed", seed]) == 0

    assert capfd.readouterr().out.count("equal: every recorded number") == 2

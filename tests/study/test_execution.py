import subprocess
import sys

import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    done = subprocess.run(
        [sys.executable, "-m", "tests.study.faulty", str(runs), "misbehaving"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = pq.read_table(runs / "tiny" / "results" / "trials.parquet").to_pylist()
    return {row["trial_id"]: row for row in rows}


def test_every_trial_ends_and_the_study_goes_on(trials):
    assert [row["state"] for row in trials.values()] == [
        "COMPLETE", "FAILED", "FAILED", "FAILED", "INFEASIBLE", "FAILED", "FAILED"
    ]  # fmt: skip


def test_every_bad_end_says_why_on_one_line(trials):
    reasons = [row["message"] for row in trials.values()]

    assert reasons[0] is None
    assert "RuntimeError" in reasons[1]
    assert "the trial broke" in reasons[1]
    assert "died" in reasons[2]
    assert reasons[3] == "it ended without a report"
    assert reasons[4] == "it collapsed"
    assert "/nowhere" in reasons[5]
    assert not any("\n" in reason for reason in reasons if reason)


def test_only_what_is_complete_has_metrics(trials):
    assert [row["val_error"] is not None for row in trials.values()] == [True] + [False] * 6


def test_a_cluster_that_cannot_run_trials_ends_the_study_and_keeps_them(tmp_path):
    command = [sys.executable, "-m", "tests.study.faulty", str(tmp_path), "deadly"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 1
    assert "WorkersDie: " in done.stderr.splitlines()[-1]
    states = [row["state"] for row in pq.read_table(tmp_path / "tiny" / "results" / "trials.parquet").to_pylist()]
    assert states.count("FAILED") <= 2
    assert "RUNNING" in states

"""A whole study on S3: begun by one driver, killed, and finished from the bucket alone by another."""

import shutil
import signal

import pytest

from analysis import load
from analysis.report import main as report
from tests.faults.killing import ends
from tests.faults.killing import study as tiny
from tests.study.processes import Driver, ended, wait_for
from tests.study.s3 import KEYS, Server
from trainables.files import Files

pytestmark = [pytest.mark.ray, pytest.mark.slow]
TRIALS = 12


@pytest.fixture
def server():
    running = Server()
    yield running
    running.close()


def test_a_study_on_s3_is_finished_by_a_driver_that_has_only_the_bucket(tmp_path, server, monkeypatch, capfd):
    for name, value in (KEYS | {"DISENTANGLE_CACHE": str(tmp_path / "here")}).items():
        monkeypatch.setenv(name, value)
    runs, study = server.address("runs"), server.address("runs/away")
    driver = Driver(*tiny(TRIALS), "--runs", runs, "--name", "away")
    assert wait_for(lambda: any(name.startswith("journal") for name in _there(study)))
    assert wait_for(lambda: ended(tmp_path / "here" / "away") >= 3)
    driver.strike(signal.SIGKILL)
    driver.finish()
    assert driver.gone(within=60)
    shutil.rmtree(tmp_path / "here")
    monkeypatch.setenv("DISENTANGLE_CACHE", str(tmp_path / "there"))

    status, _, err = Driver("--resume", study, "--concurrency", 1).finish()

    run_dir = tmp_path / "there" / "away"
    asked, over = ends(run_dir)
    assert (status, err) == (0, "")
    assert len(asked) == TRIALS
    assert set(asked.values()) == set(over.values()) == {1}
    assert {path.name for path in (run_dir / "models").iterdir()} == {
        name.removeprefix("models/") for name in _there(study) if name.startswith("models/")
    }
    before = Files(study).read("report/summary.json")
    assert report([study]) == 0
    assert Files(study).read("report/summary.json") == before is not None
    assert len(load(run_dir).confirmations) > 0


def _there(study):
    return Files(study).sizes()

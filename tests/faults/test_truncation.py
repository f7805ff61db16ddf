"""Every kind of file that a study keeps is cut in half once; a resume gives what it would have given."""

import shutil
import signal

import pytest

from tests.faults.killing import TRIALS, ends, final, study
from tests.study.processes import Driver, ended, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A study whose driver was killed while a trial was on its way."""
    runs = tmp_path_factory.mktemp("stopped")
    driver = Driver(*study(), "--runs", runs, "--name", "stopped")
    assert wait_for(lambda: ended(runs / "stopped") >= 15)
    driver.strike(signal.SIGKILL)
    driver.finish()
    assert driver.gone(within=60)
    assert ended(runs / "stopped") < TRIALS
    return runs / "stopped"


def cut(run_dir, *patterns):
    """Keeps half of every file that matches, and of a journal's segments only of the newest."""
    for pattern in patterns:
        found = sorted(run_dir.glob(pattern))
        assert found, pattern
        for path in found[-1:] if "journal" in pattern else found:
            content = path.read_bytes()
            path.write_bytes(content[: len(content) // 2])


@pytest.mark.parametrize(
    "patterns",
    [
        ("journal/*.jsonl", "study.json", "results/*.parquet"),
        ("journal/copy/*.jsonl", "checkpoints/*.checkpoint"),
    ],
    ids=["journal, description and tables", "the journal's copy and checkpoints"],
)
def test_a_study_with_halved_files_goes_on_as_if_they_were_whole(tmp_path, stopped, whole, patterns):
    run_dir = shutil.copytree(stopped, tmp_path / "stopped")
    if "checkpoints/*.checkpoint" in patterns:
        (run_dir / "checkpoints").mkdir(exist_ok=True)
        (run_dir / "checkpoints" / "mlp-039.checkpoint").write_bytes(b"{}")  # of a trial that is yet to come
    cut(run_dir, *patterns)

    status, _, err = Driver("--resume", run_dir, "--concurrency", 1).finish()

    assert (status, err) == (0, "")
    asked, over = ends(run_dir)
    assert len(asked) == TRIALS
    assert set(asked.values()) == set(over.values()) == {1}
    for table in ("trials", "curves", "confirmations"):
        assert final(run_dir, table) == final(whole, table)


def test_a_halved_model_is_trained_again(tmp_path, whole):
    run_dir = shutil.copytree(whole, tmp_path / "whole")
    before = {path.name: path.read_bytes() for path in (run_dir / "models").glob("*.safetensors")}
    cut(run_dir, f"models/{min(before)}")

    status, _, err = Driver("--resume", run_dir, "--concurrency", 1).finish()

    assert (status, err) == (0, "")
    assert {path.name: path.read_bytes() for path in (run_dir / "models").glob("*.safetensors")} == before
    assert final(run_dir, "confirmations") == final(whole, "confirmations")

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from analysis.following import RELOAD, follow
from analysis.load import StudyUnreadable
from analysis.presence import held
from tests.analysis.synthetic import write_study

LOOK_EVERY = 0.02
PATIENCE = 200.0  # seconds


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Holds a study as its driver does."""
    (folder / "journal").mkdir(exist_ok=True)
    with (folder / "journal" / "lock").open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end
        time.sleep(LOOK_EVERY)


def test_a_report_is_written_when_a_study_changes_and_when_it_ends(run_dir: Path) -> None:
    written: list[int | None] = []
    thread = Thread(target=follow, args=([run_dir], written.append, LOOK_EVERY))

    with at_work(run_dir):
        thread.start()
        until(lambda: written == [RELOAD])
        time.sleep(5 * LOOK_EVERY)
        assert written == [RELOAD]
        os.utime(run_dir / "results" / "trials.parquet")
        until(lambda: len(written) == 2)
    thread.join(PATIENCE)

    assert written == [RELOAD, RELOAD, None]


def test_a_study_that_nobody_works_on_is_reported_once(run_dir: Path) -> None:
    written: list[int | None] = []

    follow([run_dir], written.append, LOOK_EVERY)

    assert (held(run_dir / "journal"), written) == (False, [None])


def test_a_study_without_a_trial_is_waited_for(run_dir: Path) -> None:
    tries: list[int | None] = []

    def write(refresh: int | None) -> None:
        tries.append(refresh)
        if len(tries) < 3:
            raise StudyUnreadable("wait until its first trial reports")

    thread = Thread(target=follow, args=([run_dir], write, LOOK_EVERY))
    with at_work(run_dir):
        thread.start()
        until(lambda: len(tries) == 3)
    thread.join(PATIENCE)

    assert tries == [RELOAD, RELOAD, RELOAD, None]


@pytest.mark.slow
@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_watching_with_status_130(tmp_path: Path, ended_by: signal.Signals) -> None:
    folder = write_study(tmp_path / "study", ("mlp",), trials=4, seeds=0)
    command = [sys.executable, "-m", "analysis.report", str(folder), "--watch"]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}

    with at_work(folder), subprocess.Popen(command, **piped) as watching:
        try:
            until(lambda: (folder / "report" / "index.html").exists() or watching.poll() is not None)
            page = (folder / "report" / "index.html").read_text()
            watching.send_signal(ended_by)
            said = watching.communicate(timeout=PATIENCE)
        finally:
            watching.kill()

    assert (watching.returncode, *said) == (130, "", "")
    assert f'http-equiv="refresh" content="{RELOAD}"' in page
    assert "the study is running" in page

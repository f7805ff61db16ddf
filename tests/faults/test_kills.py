"""A study of 40 real trials loses drivers, workers and nodes at random moments, and nothing else."""

import pytest

from tests.faults.killing import TRIALS, Reader, ends, final, kill_until_done, written

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def check(run_dir, whole, kills, seed):
    reader = Reader(run_dir)
    reader.start()
    (status, _, err), done = kill_until_done(run_dir, kills, seed, written(whole))
    complaints = reader.stop()
    print(f"killed: {dict(done)}; tables read {reader.reads} times")  # noqa: T201 - a figure to note down

    assert (status, err) == (0, "")
    assert sum(done.values()) == kills
    assert complaints == []
    asked, ended = ends(run_dir)
    assert len(asked) == TRIALS
    assert set(asked.values()) == set(ended.values()) == {1}
    for table in ("trials", "curves", "confirmations"):
        assert final(run_dir, table) == final(whole, table)


@pytest.mark.timeout(1200)
def test_ten_kills_lose_nothing(tmp_path, whole):
    check(tmp_path / "harmed", whole, kills=10, seed=1)


@pytest.mark.kills
@pytest.mark.timeout(3000)
def test_thirty_kills_lose_nothing(tmp_path, whole):
    check(tmp_path / "harmed", whole, kills=30, seed=2)

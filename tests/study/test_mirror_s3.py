"""The mirror on a real S3 server; its rules are tested on folders in `test_mirror`."""

import pytest

from analysis.report import main as report
from study.errors import Refused, StudyBusy
from study.options import read_options
from study.storage.lease import Pace
from study.storage.store import Store
from tests.study.conftest import begin
from tests.study.mirrored import Machine
from tests.study.processes import wait_for
from tests.study.s3 import BUCKET, KEYS, Server
from trainables.files import Files

pytestmark = pytest.mark.slow

PACE = Pace(push=0.3, heartbeat=0.3, settle=0.1, patience=2)


@pytest.fixture(scope="module")
def server():
    running = Server()
    yield running
    running.close()


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def machines(tmp_path, server, request):
    address = server.address(f"{request.node.name[:40]}/tiny")
    return [Machine(tmp_path / name, address, PACE) for name in ("here", "there")]


def test_a_study_on_s3_ends_and_goes_on_on_another_machine_and_back(machines):
    here, there = machines
    ended = here.begin()
    here.checkpoints().keep("conv-000", 1, b"epoch 1")

    went_on = [here.go_on(), there.go_on(), here.go_on()]

    assert ended is None
    assert went_on == [None, None, None]
    assert (here.trials(), there.trials()) == (4, 3)
    assert there.checkpoints().load("conv-000") == b"epoch 1"


def test_machines_that_both_went_on_are_told_apart_on_s3(machines):
    here, there = machines
    here.begin()
    here.work_alone()
    there.go_on()

    with pytest.raises(Refused, match="one story"), here.mirror():
        pass


def test_one_driver_at_a_time_works_on_a_study_on_s3(machines):
    here, there = machines

    with here.mirror(resume=False), pytest.raises(StudyBusy, match="runs on this machine"), there.mirror(resume=False):
        pass
    with there.mirror(resume=False):
        pass

    assert here.remote.sizes() == {}


def test_the_age_of_a_lease_is_told_by_the_servers_clock(machines):
    here, there = machines
    with here.mirror(resume=False) as mirror:
        here.remote.write("driver.json", b'{"boot": "another", "host": "elsewhere", "pid": 1, "token": "x"}')

        with pytest.raises(StudyBusy, match=r"elsewhere \(process 1\).*sign of life \d s ago"), there.mirror():
            pass
        assert wait_for(lambda: mirror.lost)


def test_a_study_outlives_an_outage_and_is_whole_afterwards(machines, server):
    here, there = machines
    with here.mirror(resume=False) as mirror, begin(here.runs) as store:
        mirror.follow()
        store.note("before")
        copied = wait_for(lambda: here.remote.read("journal/000001.jsonl") is not None)
        server.shut()
        try:
            store.note("during")
            told = wait_for(lambda: here.said)
        finally:
            server.open()
        back = wait_for(lambda: len(here.said) == 2)
        problem = mirror.finish()

    with there.mirror():
        pass
    assert (copied, bool(told), back, problem) == (True, True, True, None)
    assert "cannot copy to s3://" in here.said[0]
    assert there.trials() == here.trials()
    with Store(there.run_dir) as again, Store(here.run_dir) as first:
        assert again.state == first.state


def test_an_outage_at_the_end_is_said_and_mended_by_the_next_resume(machines, server):
    here, there = machines
    here.begin()
    with here.mirror() as mirror:
        here.work_alone()
        server.shut()
        try:
            problem = mirror.finish()
            with pytest.raises(Refused, match="needs it to answer") as refused, there.mirror():
                pass
        finally:
            server.open()

    again = here.go_on()

    assert problem is not None
    assert str(here.run_dir) in problem
    assert "\n" not in problem + str(refused.value)
    assert again is None
    assert there.go_on() is None


def test_an_endpoint_may_stand_in_the_environment(machines, server, monkeypatch):
    here, _ = machines
    here.begin()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.port}")

    remote = Files(here.remote.address.partition("?")[0])

    assert "study.json" in remote.sizes()


def test_a_bucket_that_does_not_exist_is_refused(tmp_path, server):
    machine = Machine(tmp_path, server.address("x").replace(BUCKET, "no-such-bucket"), PACE)

    with pytest.raises(Refused, match="no-such-bucket") as refused, machine.mirror(resume=False):
        pass
    assert "\n" not in str(refused.value)


def test_a_study_on_s3_is_reported_there(machines, capfd):
    here, there = machines
    here.begin()
    bucket, _, query = here.remote.address.partition("?")

    status = report([here.remote.address])

    assert (status, capfd.readouterr().out) == (0, f"{bucket}/report/index.html?{query}\n")
    with there.mirror():
        pass
    assert b"<html" in (there.run_dir / "report" / "index.html").read_bytes()


def test_the_command_line_recalls_a_study_from_s3(machines, tmp_path, monkeypatch):
    here, _ = machines
    here.begin()
    monkeypatch.chdir(tmp_path)

    request = read_options(["--resume", here.remote.address])

    assert (request.config.name, request.run_dir, request.remote) == (
        "tiny", tmp_path / "runs" / "tiny", here.remote.address
    )  # fmt: skip

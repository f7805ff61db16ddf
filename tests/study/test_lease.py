import json
import os
import threading
import time

import pytest

from study.errors import StudyBusy
from study.storage.lease import NAME, Lease, Pace
from trainables.files import Files

PACE = Pace(heartbeat=0.2, stale=60, settle=0.01)


@pytest.fixture
def remote(tmp_path):
    return Files(f"file://{tmp_path}/away")


def taken(remote):
    lease = Lease(remote, PACE)
    lease.take()
    return lease


def left_by(remote, seconds=0.0, **identity):
    """Leaves a driver's sign of life at an address, written so many seconds ago by the address's clock."""
    taken(remote)
    plain = json.loads(remote.read(NAME)) | {"token": "another"} | identity
    path = remote._path + "/" + NAME
    remote.write(NAME, json.dumps(plain).encode())
    os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_a_study_is_one_drivers_until_he_lets_it_go(remote):
    first = taken(remote)

    with pytest.raises(StudyBusy, match="runs on this machine") as refused:
        taken(remote)
    first.release()
    taken(remote)

    assert "\n" not in str(refused.value)


def test_a_driver_that_died_on_this_machine_is_followed_at_once(remote):
    left_by(remote, pid=2**22 + 1)

    assert not taken(remote).lost


def test_a_process_that_got_a_dead_drivers_number_is_not_taken_for_it(remote):
    left_by(remote, started="1")

    assert not taken(remote).lost


@pytest.mark.parametrize("identity", [{"boot": "another"}, {"processes": "pid:[1]"}, {"boot": None}])
def test_a_driver_on_another_machine_is_respected_while_its_sign_is_fresh(remote, identity):
    left_by(remote, **identity, pid=2**22 + 1, host="elsewhere")

    with pytest.raises(StudyBusy, match=r"elsewhere \(process .*sign of life 0 s ago"):
        taken(remote)


@pytest.mark.parametrize("age", [61, 1e6, -1e6])
def test_a_driver_on_another_machine_that_is_silent_is_followed(remote, age):
    left_by(remote, age, boot="another")

    assert not taken(remote).lost


@pytest.mark.parametrize("age", [61, -1e6])
def test_a_driver_that_counts_on_lives_whatever_its_clock_says(remote, age, monkeypatch):
    left_by(remote, age, boot="another")
    counted_on = json.dumps(json.loads(remote.read(NAME)) | {"heartbeat": 9}).encode()
    monkeypatch.setattr("study.storage.lease.time.sleep", lambda _: remote.write(NAME, counted_on))

    with pytest.raises(StudyBusy, match="counts on"):
        taken(remote)


def test_a_file_that_is_no_sign_of_life_is_not_for_ever_in_the_way(remote):
    left_by(remote, 61)
    remote.write(NAME, b"\x00garbage")
    os.utime(remote._path + "/" + NAME, (0, 0))

    assert not taken(remote).lost


def test_of_two_drivers_that_start_at_once_one_is_refused(remote, monkeypatch):
    outcomes, written = [], threading.Barrier(2, timeout=50)
    monkeypatch.setattr("study.storage.lease.time.sleep", lambda _: written.wait())  # nobody looks before both wrote

    def start():
        try:
            lease = Lease(remote, PACE)
            lease._refuse_living = lambda other: None  # both have looked before either wrote
            lease.take()
            outcomes.append("taken")
        except StudyBusy:
            outcomes.append("refused")

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["refused", "taken"]


def test_a_driver_notices_that_it_was_replaced_and_does_not_fight(remote):
    lease = taken(remote)
    lease.refresh()
    counted = json.loads(remote.read(NAME))["heartbeat"]
    remote.write(NAME, b'{"token": "another"}')

    lease.refresh()
    lease.release()

    assert counted == 2
    assert lease.lost
    assert remote.read(NAME) == b'{"token": "another"}'


def test_nothing_is_left_of_a_lease_that_was_let_go(remote):
    taken(remote).release()

    assert remote.sizes() == {}

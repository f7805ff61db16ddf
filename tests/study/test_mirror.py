import json
import multiprocessing
import os
import shutil
import time

import pytest

from analysis import load
from study.errors import Refused, StudyBusy
from study.storage.journal import read
from study.storage.lease import Pace
from study.storage.mirror import Mirror
from study.storage.provenance import log_test_access
from study.storage.store import Store
from tests.study.conftest import begin
from tests.study.mirrored import QUICK, Machine
from tests.study.processes import wait_for
from trainables.files import Files


@pytest.fixture
def address(tmp_path):
    return f"file://{tmp_path}/away/tiny"


@pytest.fixture
def away(tmp_path):
    return tmp_path / "away" / "tiny"


@pytest.fixture
def here(tmp_path, address):
    return Machine(tmp_path / "here", address)


@pytest.fixture
def there(tmp_path, address):
    return Machine(tmp_path / "there", address)


def test_a_study_that_ended_lies_whole_at_its_address(here, away):
    problem = here.begin()

    files = {path.relative_to(away).as_posix() for path in away.rglob("*") if path.is_file()}
    assert problem is None
    assert files == {
        "journal/000001.jsonl", "results/confirmations.parquet", "results/curves.parquet", "results/trials.parquet",
        "study.json",
    }  # fmt: skip
    assert len(load(away).trials) == 1


def test_another_machine_goes_on_where_the_first_one_stopped(here, there):
    here.begin()

    problem = there.go_on()
    back = here.go_on()

    assert (problem, back) == (None, None)
    assert here.trials() == 3


def test_a_study_is_copied_while_it_runs(here, away):
    with here.mirror(resume=False) as mirror, begin(here.runs) as store:
        mirror.follow()
        store.keep_weights("conv-000-7", b"weights", {})
        store.note("one")
        copied = wait_for(lambda: b'"one"' in (here.remote.read("journal/000001.jsonl") or b""))
        store.note("two")
        copied_on = wait_for(lambda: b'"two"' in (here.remote.read("journal/000001.jsonl") or b""))

    assert (copied, copied_on) == (True, True)
    assert (away / "models" / "conv-000-7.safetensors").read_bytes() == b"weights"


def test_what_was_never_copied_is_lost_on_another_machine_but_not_on_this_one(here, there):
    here.begin()
    here.work_alone()

    with there.mirror():
        pass
    problem = here.go_on()

    assert there.trials() == 1
    assert (problem, here.trials()) == (None, 3)


def work_until_killed(runs, address):
    machine = Machine(runs, address)
    with machine.mirror(resume=False) as mirror, begin(machine.runs) as store:
        mirror.follow()
        while True:
            store.note("x" * 100)
            time.sleep(0.001)


def test_a_driver_killed_while_it_copies_leaves_a_beginning_there_and_everything_here(here, there, address):
    victim = multiprocessing.get_context("spawn").Process(target=work_until_killed, args=(here.runs, address))
    victim.start()
    copied = wait_for(lambda: len(here.remote.read("journal/000001.jsonl") or b"") > 5000)
    victim.kill()
    victim.join()

    with there.mirror():
        beginning = list(read(there.run_dir / "journal"))
    everything = list(read(here.run_dir / "journal"))
    problem = here.go_on()

    assert copied
    assert 2 < len(beginning) <= len(everything)
    assert beginning == everything[: len(beginning)]
    assert (problem, here.trials()) == (None, 1)


def test_two_machines_that_both_went_on_are_told_apart(here, there):
    here.begin()
    here.work_alone()
    there.go_on()

    with pytest.raises(Refused, match=r"one story.*move the folder away") as refused, here.mirror():
        pass
    shutil.move(here.run_dir, here.run_dir.with_name("aside"))
    problem = here.go_on()

    assert "\n" not in str(refused.value)
    assert (problem, here.trials()) == (None, 3)


def test_a_new_study_does_not_begin_where_one_is(here, there):
    here.begin()

    with pytest.raises(Refused, match="name of its own"), there.mirror(resume=False):
        pass
    assert there.go_on() is None


def test_nothing_is_resumed_where_nothing_has_begun(here, away):
    with pytest.raises(Refused, match="has no journal"), here.mirror():
        pass

    assert not here.run_dir.exists()
    assert not (away / "driver.json").exists()


def test_a_copy_is_not_fetched_under_the_feet_of_a_driver_on_this_machine(here, there):
    here.begin()
    there.go_on()

    with Store(here.run_dir), pytest.raises(StudyBusy), here.mirror():
        pass
    assert here.trials() == 1


def test_a_damaged_copy_of_the_journal_is_named_and_the_folder_can_go_on(here, away):
    here.begin()
    path = away / "journal" / "000001.jsonl"
    path.write_bytes(path.read_bytes().replace(b"trial_id", b"trial_di"))

    with pytest.raises(Refused, match=r"file://.*resume .*tiny alone"), here.mirror():
        pass
    assert here.trials() == 1


def test_every_look_at_the_test_split_is_kept_from_both_machines(here, there):
    here.begin()
    log_test_access(here.run_dir, {"seed": 1})
    with there.mirror() as mirror:
        log_test_access(there.run_dir, {"seed": 2})
        mirror.finish()

    here.go_on()

    lines = [json.loads(line)["seed"] for line in (here.remote.read("test_access.jsonl") or b"").splitlines()]
    assert lines == [2, 1]


class Told(Files):
    """Is a real address that also remembers what was written to it, and lets things happen in between."""

    def __init__(self, address, happening=lambda name: None):
        super().__init__(address)
        self.written, self._happening = [], happening

    def write(self, name, content):
        self._happening(name)
        super().write(name, content)
        self.written.append(name)


def test_a_model_is_copied_once_over_all_drivers_and_again_when_it_is_another(here, address):
    here.begin()
    rounds = []
    for weights in (b"one", b"one", b"two"):
        told = Told(address)
        with Mirror(here.run_dir, told, resume=True, say=print, pace=QUICK) as mirror:
            with Store(here.run_dir) as store:
                store.keep_weights("conv-000-7", weights, {})
            mirror.finish()
        rounds.append(told.written.count("models/conv-000-7.safetensors"))

    assert rounds == [1, 0, 1]
    assert here.remote.read("models/conv-000-7.safetensors") == b"two"


def test_a_model_is_at_the_address_before_the_journal_tells_of_it(here, address):
    here.begin()
    with Store(here.run_dir) as store:
        store.keep_weights("conv-000-7", b"weights", {})
        store.note("there is a model")
    told = Told(address)

    with Mirror(here.run_dir, told, resume=True, say=print, pace=QUICK) as mirror:
        mirror.finish()

    assert told.written.index("models/conv-000-7.safetensors") < told.written.index("journal/000002.jsonl")


def test_a_checkpoint_at_the_address_is_never_newer_than_the_journal(here, there, address):
    here.begin()
    here.checkpoints().keep("conv-000", 1, b"epoch 1")

    def meanwhile(name):
        if name.startswith("journal/"):
            here.checkpoints().keep("conv-000", 2, b"epoch 2")

    with Mirror(here.run_dir, Told(address, meanwhile), resume=True, say=print, pace=QUICK) as mirror:
        mirror.finish()
    with there.mirror():
        pass

    assert there.checkpoints().load("conv-000") == b"epoch 1"


def test_checkpoints_of_trials_that_ended_are_taken_away(here, there, away):
    here.begin()
    with here.mirror() as mirror:
        here.checkpoints().keep("conv-000", 1, b"epoch 1")
        mirror.finish()
    with there.mirror() as mirror:
        copied = there.checkpoints().load("conv-000")
        there.checkpoints().drop("conv-000")
        mirror.finish()

    assert copied == b"epoch 1"
    assert list((away / "checkpoints").iterdir()) == []


def test_many_checkpoints_are_copied_a_hundred_at_a_time(here, there):
    here.begin()
    with here.mirror() as mirror:
        for number in range(130):
            here.checkpoints().keep(f"conv-{number:03d}", 1, b"epoch 1")
        mirror.finish()
    with there.mirror():
        pass

    assert all(there.checkpoints().load(f"conv-{number:03d}") == b"epoch 1" for number in range(130))


def test_an_address_that_fails_is_said_once_and_tried_again(here, away):
    with here.mirror(resume=False) as mirror, begin(here.runs) as store:
        away.rename(away.with_name("gone"))
        away.write_text("in the way")
        mirror.follow()
        store.note("one")
        told = wait_for(lambda: len(here.said) == 1)
        wait_for(lambda: False, 0.3)
        away.unlink()
        away.with_name("gone").rename(away)
        healed = wait_for(lambda: len(here.said) == 2)
        problem = mirror.finish()

    assert (told, healed, problem) == (True, True, None)
    assert "tried again every 0.05 s" in here.said[0]
    assert here.said[1] == f"copies to {here.remote} again"


def test_a_last_copy_that_fails_is_said_with_the_place_where_everything_is(here, away):
    with here.mirror(resume=False) as mirror, begin(here.runs):
        away.rename(away.with_name("gone"))
        away.write_text("in the way")

        problem = mirror.finish()

    assert problem is not None
    assert problem.startswith(f"the study is whole in {here.run_dir}")
    assert problem.endswith(f"copy it with --resume {here.remote}")
    assert "\n" not in problem


def test_a_last_copy_that_takes_long_says_how_far_it_is(tmp_path, address):
    machine = Machine(tmp_path / "here", address, Pace(settle=0.01, silence=0))

    machine.begin()

    assert machine.said[0] == f"copying to {machine.remote}: 0 of 5 files are there"


def test_nothing_is_copied_any_more_once_another_driver_has_the_study(here, away):
    with here.mirror(resume=False) as mirror, begin(here.runs) as store:
        mirror.follow()
        wait_for(lambda: (away / "study.json").exists())
        (away / "driver.json").write_text('{"token": "another"}')
        lost = wait_for(lambda: mirror.lost)
        store.note("mine alone")
        problem = mirror.finish()

    assert lost
    assert "taken" in here.said[0]
    assert "took" in problem
    assert b"mine alone" not in (away / "journal" / "000001.jsonl").read_bytes()
    assert json.loads((away / "driver.json").read_text()) == {"token": "another"}


def test_a_driver_that_slept_looks_who_has_the_study_before_it_copies(tmp_path, address, away):
    machine = Machine(tmp_path / "here", address, Pace(settle=0.01, silence=60))  # too slow a heartbeat to notice
    with machine.mirror(resume=False) as mirror, begin(machine.runs):
        (away / "driver.json").write_text('{"token": "another"}')

        problem = mirror.finish()

    assert "took" in problem
    assert {path.name for path in away.iterdir()} == {"driver.json"}


def test_a_copy_that_cannot_be_stored_here_is_refused(here, there):
    here.begin()
    there.runs.write_text("in the way")

    with pytest.raises(Refused), there.mirror():
        pass
    assert not os.path.exists(there.run_dir)

import fcntl
import shutil
import threading

import pytest

from analysis.presence import held
from study.errors import JournalDamaged
from study.storage.follow import Follower
from study.storage.journal import Journal


def news(follower):
    return [(entry.driver, entry.event["text"]) for entry in follower.news()]


def note(journal, text):
    journal.append({"kind": "note", "text": text})


def test_a_journal_is_read_as_it_grows_and_nothing_twice(tmp_path):
    follower = Follower(tmp_path)
    assert news(follower) == []

    with Journal(tmp_path) as journal:
        note(journal, "one")
        assert news(follower) == [(1, "one")]
        note(journal, "two")
        note(journal, "three")
        assert news(follower) == [(1, "two"), (1, "three")]
        assert news(follower) == []
    with Journal(tmp_path) as journal:
        journal.append({"kind": "driver", "text": "another"})
        note(journal, "four")

    assert news(follower) == [(2, "another"), (2, "four")]


def test_a_line_that_is_being_written_is_waited_for(tmp_path):
    with Journal(tmp_path / "whole") as journal:
        note(journal, "one")
        note(journal, "two")
    text = (tmp_path / "whole" / "000001.jsonl").read_bytes()
    path, follower = tmp_path / "000001.jsonl", Follower(tmp_path)

    seen = []
    for length in range(len(text) + 1):
        path.write_bytes(text[:length])
        seen += news(follower)

    assert seen == [(1, "one"), (1, "two")]


def test_a_line_that_a_crash_has_torn_is_passed_over_once_there_is_a_later_segment(tmp_path):
    with Journal(tmp_path) as journal:
        note(journal, "one")
        note(journal, "torn")
    follower = Follower(tmp_path)
    for path in (tmp_path / "000001.jsonl", tmp_path / "copy" / "000001.jsonl"):
        path.write_bytes(path.read_bytes()[:-5])
    assert news(follower) == [(1, "one")]

    with Journal(tmp_path) as journal:
        note(journal, "two")

    assert news(follower) == [(1, "two")]


def damage(path):
    path.write_bytes(path.read_bytes().replace(b"two", b"tow"))


def shorten(path):
    path.write_bytes(path.read_bytes()[:20])


@pytest.mark.parametrize("harm", [damage, shorten, lambda path: path.unlink()])
def test_a_journal_that_does_not_just_grow_is_refused_on_one_line(tmp_path, harm):
    follower = Follower(tmp_path)
    with Journal(tmp_path) as journal:
        note(journal, "one")
        assert news(follower) == [(1, "one")]
        note(journal, "two")

    harm(tmp_path / "000001.jsonl")

    with pytest.raises(JournalDamaged, match=r"000001\.jsonl") as refused:
        news(follower)
    assert "\n" not in str(refused.value)


def test_a_line_that_looked_damaged_is_read_when_it_is_whole(tmp_path):
    follower = Follower(tmp_path)
    with Journal(tmp_path) as journal:
        note(journal, "one")
        note(journal, "two")
    path = tmp_path / "000001.jsonl"
    whole = path.read_bytes()
    damage(path)
    with pytest.raises(JournalDamaged):
        list(follower.news())

    path.write_bytes(whole)

    assert news(follower) == [(1, "two")]


def test_following_changes_no_byte_and_makes_no_file(tmp_path):
    with Journal(tmp_path) as journal:
        note(journal, "one")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*.jsonl")}

    list(Follower(tmp_path).news())
    held(tmp_path)

    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.rglob("*.jsonl")} == before


def test_a_journal_is_held_while_its_driver_lives(tmp_path):
    assert not held(tmp_path)
    with Journal(tmp_path):
        assert held(tmp_path)
        assert held(tmp_path)
    assert not held(tmp_path)


def test_watches_are_not_in_each_others_way(tmp_path):
    Journal(tmp_path).close()

    with (tmp_path / "lock").open("rb") as asker:
        fcntl.flock(asker, fcntl.LOCK_SH)

        assert not held(tmp_path)


def test_asking_whether_a_journal_is_held_does_not_keep_a_driver_from_taking_it(tmp_path):
    Journal(tmp_path).close()
    asker = (tmp_path / "lock").open("rb")
    fcntl.flock(asker, fcntl.LOCK_SH)  # caught in the act of asking, for much longer than it takes

    threading.Timer(0.15, asker.close).start()

    Journal(tmp_path).close()


def test_a_driver_gives_up_where_another_holds_the_journal(tmp_path):
    with Journal(tmp_path), pytest.raises(Exception, match="one driver"):
        Journal(tmp_path)
    shutil.rmtree(tmp_path)

import json
import multiprocessing
import os
import signal

import pytest

from study.errors import JournalDamaged, StudyBusy
from study.storage.journal import Journal, read


def filled(folder, *texts):
    with Journal(folder) as journal:
        for text in texts:
            journal.append({"kind": "note", "text": text})
    return folder


def texts(folder):
    return [event["text"] for event in read(folder)]


def segment(folder, number=1):
    return folder / f"{number:06d}.jsonl"


def test_what_was_appended_is_read_back_over_all_segments(tmp_path):
    filled(tmp_path, "one", "two\nlines")

    with Journal(tmp_path) as again:
        past = again.past()
        again.append({"kind": "note", "text": "three"})

    assert [event["text"] for event in past] == ["one", "two\nlines"]
    assert texts(tmp_path) == ["one", "two\nlines", "three"]


def test_numbers_come_back_to_the_last_bit(tmp_path):
    values = [0.1, 1 / 3, 5e-324, 1e308, -0.0, 2**53 + 1]

    with Journal(tmp_path) as journal:
        journal.append({"values": values})

    assert [repr(value) for value in next(read(tmp_path))["values"]] == [repr(value) for value in values]


@pytest.mark.parametrize("kept", [0, 1, 10, -1])
def test_a_torn_last_line_is_dropped_and_its_number_used_again(tmp_path, kept):
    path = segment(filled(tmp_path, "one", "torn"))
    whole, torn, _ = path.read_bytes().split(b"\n")

    path.write_bytes(whole + b"\n" + torn[:kept])
    filled(tmp_path, "two")

    assert texts(tmp_path) == ["one", "two"]


def damage_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def drop_first_line(path):
    path.write_bytes(path.read_bytes().split(b"\n", 1)[1])


def swap_lines(path):
    first, second, *rest = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([second, first, *rest]))


def forge(path):
    first, *rest = path.read_text().split("\n")
    path.write_text("\n".join([json.dumps(json.loads(first) | {"event": {"kind": "note", "text": "won"}}), *rest]))


def add_noise(path):
    path.write_bytes(path.read_bytes() + b"\x00\x00\n")


@pytest.mark.parametrize("harm", [damage_middle, drop_first_line, swap_lines, forge, add_noise])
def test_any_other_damage_is_refused(tmp_path, harm):
    harm(segment(filled(tmp_path, "one", "two", "three")))

    with pytest.raises(JournalDamaged, match=r"000001\.jsonl") as refused:
        Journal(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_missing_segment_is_refused(tmp_path):
    filled(filled(tmp_path, "one"), "two")
    segment(tmp_path).unlink()

    with pytest.raises(JournalDamaged):
        Journal(tmp_path)


def test_a_refused_journal_is_let_go(tmp_path):
    damage_middle(segment(filled(tmp_path, "one")))

    for _ in range(2):
        with pytest.raises(JournalDamaged):
            Journal(tmp_path)


def test_a_second_driver_is_refused_while_the_first_lives(tmp_path):
    with Journal(tmp_path), pytest.raises(StudyBusy, match="one driver"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def hold_and_die(folder):
    Journal(folder).append({"kind": "note", "text": "last words"})
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_driver_leaves_its_words_and_no_lock(tmp_path):
    victim = multiprocessing.get_context("spawn").Process(target=hold_and_die, args=(tmp_path,))
    victim.start()
    victim.join()

    with Journal(tmp_path) as journal:
        assert [event["text"] for event in journal.past()] == ["last words"]


def test_what_json_cannot_hold_is_never_written(tmp_path):
    with Journal(tmp_path) as journal, pytest.raises(ValueError, match="Out of range"):
        journal.append({"value": float("nan")})

    assert list(read(tmp_path)) == []

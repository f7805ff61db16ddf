import json
import multiprocessing
import os
import signal

import pytest

from study.errors import JournalDamaged, StudyBusy
from study.storage.journal import SEGMENT_EVENTS, Journal, read
from study.storage.segments import paths


def filled(folder, *texts):
    with Journal(folder) as journal:
        for text in texts:
            journal.append({"kind": "note", "text": text})
    return folder


def texts(folder):
    return [event["text"] for event in read(folder)]


def copies(folder, number=1):
    return paths(folder, number)


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
    for path in copies(filled(tmp_path, "one", "torn")):
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


HARMS = [damage_middle, drop_first_line, swap_lines, forge, add_noise]


@pytest.mark.parametrize("harm", HARMS)
def test_the_same_damage_to_both_copies_is_refused(tmp_path, harm):
    for path in copies(filled(tmp_path, "one", "two", "three")):
        harm(path)

    with pytest.raises(JournalDamaged, match=r"000001\.jsonl") as refused:
        Journal(tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("harm", [*HARMS, os.remove])
@pytest.mark.parametrize("which", [0, 1])
def test_damage_to_one_copy_loses_nothing_and_the_next_driver_mends_it(tmp_path, harm, which):
    before = [path.read_bytes() for path in copies(filled(tmp_path, "one", "two", "three"))]
    harm(copies(tmp_path)[which])

    read_only = texts(tmp_path)
    filled(tmp_path, "four")

    assert read_only == ["one", "two", "three"]
    assert texts(tmp_path) == ["one", "two", "three", "four"]
    assert [path.read_bytes() for path in copies(tmp_path)] == before


@pytest.mark.parametrize("which", [0, 1])
def test_one_copy_may_be_truncated_or_corrupted_at_any_byte(tmp_path, which):
    before = [path.read_bytes() for path in copies(filled(tmp_path, "one", "two"))]
    whole = before[which]
    cut = [whole[:length] for length in range(len(whole))]
    corrupt = [whole[:place] + bytes([whole[place] ^ bits]) + whole[place + 1 :] for place in range(len(whole))
               for bits in (1, whole[place] ^ ord("\n") or 255)]  # fmt: skip

    for content in [*cut, *corrupt]:
        copies(tmp_path)[which].write_bytes(content)

        assert texts(tmp_path) == ["one", "two"]


def test_different_lines_may_be_damaged_in_the_two_copies(tmp_path):
    first, second = copies(filled(tmp_path, "one", "two", "three"))
    first.write_bytes(first.read_bytes().replace(b"one", b"won").replace(b"\n", b"\r", 1))
    second.write_bytes(second.read_bytes().replace(b"three", b"there"))

    assert texts(tmp_path) == ["one", "two", "three"]


def test_the_same_line_damaged_differently_in_both_copies_is_refused(tmp_path):
    first, second = copies(filled(tmp_path, "one", "two", "three"))
    first.write_bytes(first.read_bytes().replace(b"three", b"there"))
    second.write_bytes(second.read_bytes()[:-3])

    with pytest.raises(JournalDamaged, match="line 3"):
        texts(tmp_path)


def test_a_journal_of_one_copy_is_read_and_doubled(tmp_path):
    first, second = copies(filled(tmp_path, "one"))
    second.unlink()
    second.parent.rmdir()

    filled(tmp_path, "two")

    assert texts(tmp_path) == ["one", "two"]
    assert first.read_bytes() == second.read_bytes()


def test_a_missing_segment_is_refused(tmp_path):
    filled(filled(tmp_path, "one"), "two")
    for path in copies(tmp_path):
        path.unlink()

    with pytest.raises(JournalDamaged):
        Journal(tmp_path)


def test_a_refused_journal_is_let_go(tmp_path):
    for path in copies(filled(tmp_path, "one")):
        damage_middle(path)

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


def test_several_events_are_appended_at_once(tmp_path):
    with Journal(tmp_path) as journal:
        written = journal.append_all({"kind": "note", "text": text} for text in ("one", "two"))
        journal.append({"kind": "note", "text": "three"})

    assert [event["text"] for event in written] == ["one", "two"]
    assert texts(tmp_path) == ["one", "two", "three"]


def test_a_segment_is_closed_when_asked_unless_it_is_empty_short_or_young(tmp_path):
    with Journal(tmp_path) as journal:
        empty = journal.rotate()
        journal.append({"kind": "note", "text": "one"})
        short, young = journal.rotate(events=2), journal.rotate(seconds=60)
        closed = journal.rotate()
        journal.append({"kind": "note", "text": "two"})

    assert [empty, short, young, closed] == [False, False, False, True]
    assert b"one" in copies(tmp_path, 1)[0].read_bytes()
    assert b"two" in copies(tmp_path, 2)[0].read_bytes()
    assert texts(tmp_path) == ["one", "two"]


def test_segments_stay_short_by_themselves(tmp_path):
    with Journal(tmp_path) as journal:
        for _ in range(3):
            journal.append_all({"kind": "note"} for _ in range(SEGMENT_EVENTS - 1))

    assert [path.name for path in sorted(tmp_path.glob("*.jsonl"))] == ["000001.jsonl", "000002.jsonl"]
    assert sum(1 for _ in read(tmp_path)) == 3 * (SEGMENT_EVENTS - 1)

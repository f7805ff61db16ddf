from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from trainables.files import Files, is_address, redacted


@pytest.fixture
def files(tmp_path):
    return Files(f"file://{tmp_path}/away")


def test_what_is_written_is_read_back_and_listed(files):
    files.write("a/b", b"one")
    files.write("a/b", b"two!")
    files.write("c.gz", b"not compressed")

    assert files.read("a/b") == b"two!"
    assert files.read("c.gz") == b"not compressed"
    assert files.sizes() == {"a/b": 4, "c.gz": 14}


def test_what_is_not_there_is_nothing(files):
    files.delete("a")

    assert (files.read("a"), files.sizes(), files.written_at("a")) == (None, {}, None)


def test_a_file_knows_when_it_was_written(files):
    files.write("a", b"")

    assert files.written_at("a") == pytest.approx(files.written_at("a"))


@pytest.mark.parametrize(
    ("text", "address"), [("runs", False), ("/runs/x", False), ("s3://b", True), ("moon://", True)]
)
def test_an_address_is_told_from_a_folder(text, address):
    assert is_address(text) == address


def test_keys_in_an_address_are_not_shown():
    assert redacted("--runs s3://key:sec/ret@bucket/x?a=b:c@d") == "--runs s3://bucket/x?a=b:c@d"
    assert redacted("s3://bucket/a@b file:///a:b") == "s3://bucket/a@b file:///a:b"


@pytest.mark.parametrize("address", ["folder", "file:///folder"])
def test_a_folder_is_as_good_as_an_address(tmp_path, address):
    files = Files(address.replace("folder", f"{tmp_path}/away").replace("////", "///"))
    files.write("a/b", b"one")
    files.move("a/b", "c/d")

    assert (files.read("a/b"), files.read("c/d"), files.sizes()) == (None, b"one", {"c/d": 3})
    files.delete_folder("c")
    files.delete_folder("c")
    assert not (tmp_path / "away" / "c").exists()


def test_of_many_who_write_at_once_everyone_can_and_one_is_read(files):
    contents = [str(i).encode() * 1000 for i in range(8)]

    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(partial(files.write, "same"), contents * 5))

    assert files.read("same") in contents
    assert list(files.sizes()) == ["same"]

import pytest

from study.errors import Refused
from study.storage.remote import Remote, child, is_address, name_of, redacted


@pytest.fixture
def remote(tmp_path):
    return Remote(f"file://{tmp_path}/away")


def test_what_is_written_is_read_back_and_listed(remote):
    remote.write("a/b", b"one")
    remote.write("a/b", b"two!")
    remote.write("c.gz", b"not compressed")

    assert remote.read("a/b") == b"two!"
    assert remote.read("c.gz") == b"not compressed"
    assert remote.sizes() == {"a/b": 4, "c.gz": 14}


def test_what_is_not_there_is_nothing(remote):
    remote.delete("a")

    assert (remote.read("a"), remote.sizes(), remote.written_at("a")) == (None, {}, None)


def test_a_file_knows_when_it_was_written(remote):
    remote.write("a", b"")

    assert remote.written_at("a") == pytest.approx(remote.written_at("a"))


def test_an_addresses_child_keeps_what_stands_behind_the_question_mark():
    address = child("s3://bucket/studies/?endpoint_override=127.0.0.1:9&scheme=http", "a b")

    assert address == "s3://bucket/studies/a%20b?endpoint_override=127.0.0.1:9&scheme=http"
    assert name_of(address) == "a b"
    assert child("file:///runs", "x") == "file:///runs/x"
    assert child("s3://bucket", "x") == "s3://bucket/x"


@pytest.mark.parametrize(
    ("text", "address"), [("runs", False), ("/runs/x", False), ("s3://b", True), ("moon://", True)]
)
def test_an_address_is_told_from_a_folder(text, address):
    assert is_address(text) == address


def test_keys_in_an_address_are_not_shown():
    assert redacted("--runs s3://key:sec/ret@bucket/x?a=b:c@d") == "--runs s3://bucket/x?a=b:c@d"
    assert redacted("s3://bucket/a@b file:///a:b") == "s3://bucket/a@b file:///a:b"


@pytest.mark.parametrize("address", ["moon://x", "s3://", "file://host/x", "s3://key:secret@bucket/a b", "file:///"])
def test_an_address_that_makes_no_sense_is_refused_without_its_keys(address):
    with pytest.raises(Refused) as refused:
        Remote(address)

    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)

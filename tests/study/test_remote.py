import pytest

from study.errors import Refused
from study.storage.remote import child, files_at, name_of


def test_an_addresses_child_keeps_what_stands_behind_the_question_mark():
    address = child("s3://bucket/studies/?endpoint_override=127.0.0.1:9&scheme=http", "a b")

    assert address == "s3://bucket/studies/a%20b?endpoint_override=127.0.0.1:9&scheme=http"
    assert name_of(address) == "a b"
    assert child("file:///runs", "x") == "file:///runs/x"
    assert child("s3://bucket", "x") == "s3://bucket/x"


@pytest.mark.parametrize("address", ["moon://x", "s3://", "file://host/x", "s3://key:secret@bucket/a b", "file:///"])
def test_an_address_that_makes_no_sense_is_refused_without_its_keys(address):
    with pytest.raises(Refused) as refused:
        files_at(address)

    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)

import os

import pytest

from study.authentication import prepare_joining, token_file
from study.errors import Refused


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that what is set in a test is undone
        monkeypatch.delenv(name)
    return tmp_path


def leave_token(home):
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("abc\n")


def test_a_cluster_that_is_joined_without_a_token_is_warned_of_on_one_line(capsys):
    prepare_joining("10.0.0.1:6379")

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("study.launch: joining 10.0.0.1:6379 without a token")
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


@pytest.mark.parametrize("way", ["file", "variable", "named file"])
def test_a_token_is_used_without_a_word(home, monkeypatch, capsys, way):
    leave_token(home)
    if way == "variable":
        (home / ".ray" / "auth_token").unlink()
        monkeypatch.setenv("RAY_AUTH_TOKEN", "abc")
    if way == "named file":
        (home / ".ray" / "auth_token").rename(home / "token")
        monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))

    prepare_joining("10.0.0.1:6379")

    assert capsys.readouterr().err == ""
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_who_wants_no_token_is_warned_though_there_is_one(home, monkeypatch, capsys):
    leave_token(home)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")

    prepare_joining("10.0.0.1:6379")

    assert "without a token" in capsys.readouterr().err


def test_who_demands_a_token_needs_one(monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    with pytest.raises(Refused, match="needs the cluster's token"):
        prepare_joining("10.0.0.1:6379")


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_named_file_without_a_token_is_refused(home, monkeypatch, content):
    if content is not None:
        (home / "token").write_text(content)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "token"))

    with pytest.raises(Refused, match="names a file that holds a token"):
        token_file()

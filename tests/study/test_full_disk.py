"""What a study's files are after a disk took no more; each test writes in a process that may not write on."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from study.errors import DiskFull
from study.storage.atomic import write_bytes
from study.storage.journal import Journal, read

ROOT = Path(__file__).parents[2]
EVENT = {"kind": "note", "text": "x" * 200}
UNTIL_FULL = f"""
import sys
from pathlib import Path
from study.storage.journal import Journal
from study.errors import DiskFull

with Journal(Path(sys.argv[1])) as journal:
    done = 0
    try:
        while done < 10_000:
            journal.append({EVENT})
            done += 1
    except DiskFull as error:
        print(done)
        print(error)
    try:
        journal.append({{"kind": "note", "text": ""}})
    except DiskFull as error:
        print(error)
"""


def fill(folder, *, before="", wrap=(), preexec=None):
    """Appends until the disk takes no more; returns how many were appended, and what was said of the next two."""
    done = subprocess.run(
        [*wrap, sys.executable, "-c", before + UNTIL_FULL, str(folder)],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, preexec_fn=preexec,
        capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    appended, first, second = done.stdout.splitlines()
    return int(appended), first, second


def test_a_journal_at_the_files_limit_keeps_every_event_and_goes_on_in_another_process(tmp_path):
    limit = (2000, resource.getrlimit(resource.RLIMIT_FSIZE)[1])

    appended, first, second = fill(tmp_path, preexec=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    left = [path.read_bytes() for path in tmp_path.rglob("*.jsonl")]
    with Journal(tmp_path) as journal:
        journal.append(EVENT)

    assert appended > 2
    assert "File too large" in first
    assert "free some space" in first
    assert "--resume" in first
    assert second == first
    assert all(content.endswith(b"\n") for content in left)
    assert len(list(read(tmp_path))) == appended + 1


def namespace_works():
    try:
        command = ["unshare", "--mount", "mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", "/mnt"]
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not namespace_works(), reason="a disk of its own needs root and a mount namespace (unshare -m)")
def test_a_journal_on_a_full_disk_keeps_every_event(tmp_path):
    # The disk vanishes with its namespace: it is looked at from inside, after the journal has failed.
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=64k tmpfs {disk}; "$@"; status=$?; cp -r {disk} {copy}; exit $status'

    appended, first, _ = fill(disk / "journal", wrap=["unshare", "--mount", "sh", "-c", script, "sh"])
    with Journal(copy / "journal") as journal:
        journal.append(EVENT)

    assert appended > 2
    assert "No space left on device" in first
    assert len(list(read(copy / "journal"))) == appended + 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path):
    (tmp_path / "table").write_bytes(b"old")
    (tmp_path / f".table.{os.getpid()}").symlink_to("/dev/full")

    with pytest.raises(DiskFull, match="No space left") as refused:
        write_bytes(tmp_path / "table", b"new")

    assert "\n" not in str(refused.value)
    assert [path.name for path in tmp_path.iterdir()] == ["table"]
    assert (tmp_path / "table").read_bytes() == b"old"


def test_space_that_comes_free_again_does_not_let_the_same_process_go_on(tmp_path):
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(tmp_path) as journal:
        journal.append(EVENT)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, limit[1]))
        try:
            with pytest.raises(DiskFull):
                journal.append_all([EVENT, EVENT])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        with pytest.raises(DiskFull):
            journal.append(EVENT)
        assert not journal.rotate()

    assert list(read(tmp_path)) == [EVENT]

"""From an address to this machine: what the local folder of a study lacks."""

import tempfile
from contextlib import closing
from pathlib import Path

from study.errors import JournalDamaged, Refused
from study.storage.atomic import write_bytes
from study.storage.journal import hold, read
from study.storage.segments import numbers, paths
from trainables.files import Files

ACCESSES = "test_access.jsonl"


def pull(remote: Files, folder: Path) -> None:
    """Makes a local folder know everything that an address knows of a study.

    A driver on another machine may have gone on: then the local journal is the beginning of the remote one, and the
    rest is fetched. Or this machine knows more, since its last seconds were never copied: then nothing is taken away.

    Raises:
        Refused: if there is no study at the address, or if both have gone on since they last agreed.
        JournalDamaged: if one of the journals cannot be read.
        StudyBusy: if a driver on this machine works in the folder.
    """
    sizes = remote.sizes()
    if not any(_is_segment(name) for name in sizes):
        raise _nothing_begun(remote)
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    with closing(hold(folder / "journal")), tempfile.TemporaryDirectory(dir=folder, prefix=".pulled-") as temporary:
        fetched = Path(temporary)
        for name in filter(_is_segment, sizes):
            (fetched / Path(name).name).write_bytes(remote.read(name) or b"")
        behind = _behind(fetched, folder, remote)
        if behind:
            _replace_journal(fetched, folder / "journal")
        _fetch(remote, folder, sizes, everything=behind)
        _unite_accesses(remote, folder)


def pull_beginning(remote: Files, folder: Path) -> None:
    """Fetches the first lines of a study's journal into a folder of any kind, to see what study it is.

    Raises:
        Refused: if there is no study at the address.
    """
    first = min(filter(_is_segment, remote.sizes()), default=None)
    content = None if first is None else remote.read(first)
    if not content:
        raise _nothing_begun(remote)
    write_bytes(folder / "journal" / "000001.jsonl", content)


def refuse_existing(remote: Files) -> None:
    """Makes sure that a new study has the address for itself.

    Raises:
        Refused: if a study is there.
    """
    if any(_is_segment(name) or name == "study.json" for name in remote.sizes()):
        raise Refused(
            f"a new study needs a name of its own; {remote} holds one; "
            "give another --name, or continue it with --resume"
        )


def _nothing_begun(remote: Files) -> Refused:
    return Refused(
        f"--resume takes the address of a study that has begun, such as s3://bucket/studies/NAME; {remote} has no "
        "journal; check the address, or start a study with --space"
    )


def _behind(fetched: Path, folder: Path, remote: Files) -> bool:
    """Tells whether the local journal is the beginning of the remote one."""
    here = list(read(folder / "journal"))
    try:
        there = list(read(fetched))
    except JournalDamaged as damage:
        raise JournalDamaged(
            f"the journal at {remote} must be as it was written, and is not ({damage}); resume {folder} alone, "
            "or restore the address from a backup"
        ) from damage
    common = min(len(there), len(here))
    if there[:common] == here[:common]:
        return len(here) < len(there)
    apart = next(n for n in range(common) if there[n] != here[n])
    raise Refused(
        f"a study has one story; {folder} and {remote} tell two, from event {apart + 1} on ({len(here) - apart} here, "
        f"{len(there) - apart} there); move the folder away to go on with the address's, "
        f"or resume the folder itself to go on with its own"
    )


def _replace_journal(fetched: Path, journal: Path) -> None:
    # In order: a crash in between leaves the beginning of the remote journal, never a mixture.
    for number in numbers(fetched):
        for path in paths(journal, number):
            write_bytes(path, (fetched / path.name).read_bytes())
    for number in set(numbers(journal)) - set(numbers(fetched)):
        for path in paths(journal, number):
            path.unlink(missing_ok=True)


def _fetch(remote: Files, folder: Path, sizes: dict[str, int], *, everything: bool) -> None:
    for name, size in sizes.items():
        path = folder / name
        if "/" not in name or _is_segment(name) or not _inside(folder, path):
            continue
        if not path.exists() or (everything and (path.stat().st_size != size or not name.startswith("models/"))):
            content = remote.read(name)
            if content is not None:
                write_bytes(path, content)


def _unite_accesses(remote: Files, folder: Path) -> None:
    """Keeps every look at the test split, wherever it was written down."""
    path = folder / ACCESSES
    here = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    there = (remote.read(ACCESSES) or b"").splitlines(keepends=True)
    united = list(dict.fromkeys([*there, *here]))
    if united != here:
        write_bytes(path, b"".join(united))


def _inside(folder: Path, path: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _is_segment(name: str) -> bool:
    return name.startswith("journal/") and name.count("/") == 1 and name.endswith(".jsonl")

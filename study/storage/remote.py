"""A study's folder on an address that `pyarrow.fs` understands, such as `s3://bucket/studies/NAME`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from study.errors import Refused
from trainables.checks import must
from trainables.files import UNREACHABLE, Files, is_address, one_line, redacted


def files_at(address: str) -> Files:
    """Opens a study's own folder at an address.

    Raises:
        Refused: if no file system answers to it.
    """
    try:
        must(is_address(address), f"an address has a place, such as s3://bucket/studies; got {redacted(address)}")
        return Files(address)
    except ValueError as error:
        raise Refused(str(error)) from error


@contextmanager
def reachable(address: str) -> Iterator[None]:
    """Refuses to go on where an address does not answer.

    Raises:
        Refused: instead of what pyarrow raises.
    """
    try:
        yield
    except UNREACHABLE as error:
        raise Refused(
            f"a study at an address needs it to answer; {redacted(address)}: {redacted(one_line(error))}; "
            "check the address and AWS_ENDPOINT_URL or its like, or resume this machine's copy, such as runs/NAME"
        ) from error


def child(address: str, name: str) -> str:
    """Returns the address of something below another address."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))


def parent(address: str) -> str:
    """Returns the address of what something at another address lies in."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=str(PurePosixPath(parts.path).parent)))


def name_of(address: str) -> str:
    """Returns the last part of an address, which is a study's name; empty where it has none."""
    return unquote(PurePosixPath(urlsplit(address).path).name)


def is_folder(address: str, folder: Path) -> bool:
    """Tells whether an address is that of the very folder on this machine."""
    parts = urlsplit(address)
    return parts.scheme == "file" and Path(unquote(parts.path)).resolve() == folder.resolve()

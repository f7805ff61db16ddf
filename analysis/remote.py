"""A study that lies at an address: read through a folder that is thrown away, its report written back."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

import pyarrow as pa
from pyarrow import fs

from analysis.load import StudyUnreadable

READ: Final = ("study.json", "test_access.jsonl")  # and the tables; a model is large and says nothing more
FAILURES: Final = (OSError, pa.ArrowException, ValueError)


@contextmanager
def fetched(address: str) -> Iterator[Path]:
    """Yields a folder with what an address such as `s3://bucket/studies/NAME` holds, of a study's tables and texts.

    Raises:
        StudyUnreadable: where the address does not answer or holds no study.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / (unquote(PurePosixPath(urlsplit(address).path).name) or "study")
        folder.mkdir()
        try:
            files, path = fs.FileSystem.from_uri(address)
            found = files.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
            for info in found:
                name = PurePosixPath(info.path).relative_to(path)
                if info.is_file and (str(name) in READ or str(name.parent) == "results"):
                    (folder / name).parent.mkdir(exist_ok=True)
                    (folder / name).write_bytes(_content(files, info.path))
        except FAILURES as reason:
            raise StudyUnreadable(
                f"an address must answer and hold a study, such as s3://bucket/studies/NAME; {shown(address)}: "
                f"{shown(' '.join(str(reason).split()))}; check it"
            ) from None
        if not (folder / "study.json").exists():
            raise StudyUnreadable(f"a study has a study.json; there is none at {shown(address)}; check the address")
        yield folder


def write_back(page: Path, address: str) -> str:
    """Copies a report's folder to a study's address, its pages last, and returns the address of one of them.

    Args:
        page: that one, in the folder.
        address: the study's.

    Raises:
        OSError: where the address does not take it.
    """
    files, path = fs.FileSystem.from_uri(address)
    for file in sorted(page.parent.iterdir(), key=lambda file: file.suffix == ".html"):
        target = f"{path.rstrip('/')}/report/{file.name}"
        if files.type_name == "local":  # elsewhere folders are a part of a file's name
            files.create_dir(str(PurePosixPath(target).parent), recursive=True)
        with files.open_output_stream(target, compression=None) as stream:
            stream.write(file.read_bytes())
    parts = urlsplit(shown(address))
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/report/{page.name}"))


def is_address(text: str) -> bool:
    """Tells whether somebody means an address and not a folder."""
    return "://" in text


def shown(text: str) -> str:
    """Returns a text that may be printed: addresses in it without their keys."""
    return re.sub(r"://[^@?\s]*:[^@?\s]*@", "://", text)  # a secret may hold slashes


def _content(files: fs.FileSystem, path: str) -> bytes:
    with files.open_input_stream(path, compression=None) as stream:
        content: bytes = stream.readall()
        return content

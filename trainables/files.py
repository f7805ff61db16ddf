"""Files below a folder, or at an address that `pyarrow.fs` understands, such as `s3://bucket/studies`.

How S3 is reached is said as everywhere: AWS_ACCESS_KEY_ID and its like, AWS_ENDPOINT_URL for another server than
Amazon's, or in the address: `s3://bucket/studies?endpoint_override=HOST:PORT&scheme=http&region=R`.
"""

import re
import uuid
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pyarrow as pa
from pyarrow import fs

UNREACHABLE = (OSError, pa.ArrowException)  # whatever goes wrong with an address; pyarrow has tried three times by then
WHOLE_OR_NOT = ("s3", "gcs", "abfs")  # file systems whose files appear when they are whole


class Files:
    """Reads and replaces files, each as a whole.

    Args:
        address: of the place, or a folder's path.

    Raises:
        ValueError: if no file system answers to it.
    """

    def __init__(self, address: str) -> None:
        self.address, self.shown = address, redacted(address)
        try:
            self._files, path = fs.FileSystem.from_uri(
                address if is_address(address) else Path(address).absolute().as_uri()
            )
        except (*UNREACHABLE, ValueError, TypeError) as error:
            raise ValueError(
                f"files lie in a folder or at an address such as s3://bucket/studies; got {self.shown}: "
                f"{redacted(one_line(error))}"
            ) from error
        self._path = path.rstrip("/")
        if not self._path:
            raise ValueError(f"an address names a place to write to, such as s3://bucket/studies; got {self.shown}")

    def __str__(self) -> str:
        return self.shown

    def read(self, name: str) -> bytes | None:
        """Returns a file's content, or None where there is none."""
        try:
            with self._files.open_input_stream(self._at(name), compression=None) as stream:
                content: bytes = stream.readall()
                return content
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Replaces a file; a reader sees the old content or the new."""
        target = self._at(name)
        if self._files.type_name in WHOLE_OR_NOT:
            return self._put(target, content)
        folder = str(PurePosixPath(target).parent)
        beside = f"{folder}/.{PurePosixPath(target).name}.{uuid.uuid4().hex}"
        self._files.create_dir(folder, recursive=True)
        self._put(beside, content)
        return self._files.move(beside, target)  # type: ignore[no-any-return]  # pyarrow is not typed

    def _put(self, path: str, content: bytes) -> None:
        with self._files.open_output_stream(path, compression=None) as stream:
            stream.write(content)

    def delete(self, name: str) -> None:
        """Takes a file away, if it is there."""
        try:
            self._files.delete_file(self._at(name))
        except FileNotFoundError:
            return

    def sizes(self) -> dict[str, int]:
        """Returns the files that are there, with their lengths in bytes."""
        selector = fs.FileSelector(self._path, recursive=True, allow_not_found=True)
        found = [info for info in self._files.get_file_info(selector) if info.type == fs.FileType.File]
        return {info.path[len(self._path) + 1 :]: info.size for info in found}

    def delete_folder(self, name: str) -> None:
        """Takes a folder and all that is in it away, where the place knows folders and this one is there."""
        if self._files.type_name not in WHOLE_OR_NOT:
            self._files.delete_dir_contents(self._at(name), missing_dir_ok=True)
            with suppress(FileNotFoundError):
                self._files.delete_dir(self._at(name))

    def move(self, name: str, other: str) -> None:
        """Gives a file another name, in place of what has that name."""
        source, target = self._at(name), self._at(other)
        if self._files.type_name not in WHOLE_OR_NOT:
            self._files.create_dir(str(PurePosixPath(target).parent), recursive=True)
        self._files.move(source, target)

    def written_at(self, name: str) -> float | None:
        """Returns when a file was last written, by the clock of whoever keeps it, in seconds, or None."""
        moment = self._files.get_file_info(self._at(name)).mtime
        return None if moment is None else float(moment.timestamp())

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"


def _opened(address: str) -> tuple[fs.FileSystem, str]:
    if is_address(address):
        files, path = fs.FileSystem.from_uri(address)
        return files, str(path)
    return fs.LocalFileSystem(), str(Path(address).absolute())


def is_address(text: str) -> bool:
    """Tells whether somebody means an address and not a folder."""
    return "://" in text


def redacted(text: str) -> str:
    """Returns a text that may be shown: addresses in it without their keys."""
    return re.sub(r"://[^@?\s]*:[^@?\s]*@", "://", text)  # a secret may hold slashes


def one_line(error: BaseException) -> str:
    """Returns an error as it may stand in a sentence."""
    return " ".join(str(error).split()) or type(error).__name__

"""Where learned manifolds lie: each under the hash of everything that determines it, trained once, shared by all.

An entry is a file of weights, named by its SHA-256, and a description that names it, written last: what has no
description is not there. Nothing that a description names is ever overwritten, so a reader needs no lock.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from safetensors import SafetensorError
from safetensors.torch import load

from trainables.config import digest
from trainables.differentiation import Tensors
from trainables.files import Files, is_address
from trainables.packing import pack_weights

DESCRIPTION = "manifold.json"
ASIDE = "damaged-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the store holds under a name.

    Attributes:
        name: 64 hexadecimal digits.
        description: what it was made from, and how; `recipe` names it.
        size: of the weights, in bytes.
    """

    name: str
    description: Mapping[str, Any]
    size: int


class ManifoldStore:
    """Learned manifolds below a folder or an address.

    Args:
        root: a folder, or an address of `pyarrow.fs`.

    Raises:
        ValueError: if the root is neither.
    """

    def __init__(self, root: str) -> None:
        self._root, self._files = root, Files(root)

    def __str__(self) -> str:
        return self._files.shown

    def entries(self) -> list[Entry]:
        """Returns all that is whole as far as one can see without reading the weights, by name."""
        sizes = self._files.sizes()
        names = sorted(path.partition("/")[0] for path in sizes if path.endswith(f"/{DESCRIPTION}"))
        described = [(name, self._description(name)) for name in names if not name.startswith(ASIDE)]
        return [
            Entry(name=name, description=known, size=sizes.get(f"{name}/{_file(known)}", 0))
            for name, known in described
            if known and digest(known.get("recipe")) == name
        ]

    def damaged(self) -> list[str]:
        """Names what was set aside."""
        return sorted({path.partition("/")[0] for path in self._files.sizes() if path.startswith(ASIDE)})

    def has(self, name: str) -> bool:
        """Tells whether there is a whole entry of this name."""
        return self.load(name)[0] is not None

    def load(self, name: str) -> tuple[Tensors | None, str | None]:
        """Returns an entry's weights, and what is wrong with it; both are None where there is no entry."""
        written = self._files.read(f"{name}/{DESCRIPTION}")
        if written is None:
            return None, None
        known = _parsed(written)
        content = self._files.read(f"{name}/{_file(known)}") if known else None
        fault = _fault(name, known, content)
        if fault or content is None:
            return None, fault
        try:
            return load(content), None
        except SafetensorError as error:
            return None, f"its weights cannot be read: {error}"

    def keep(self, name: str, weights: Tensors, description: Mapping[str, Any]) -> None:
        """Writes an entry, whole or not at all."""
        content = pack_weights(weights)
        told = {**description, "sha256": hashlib.sha256(content).hexdigest()}
        self._files.write(f"{name}/{_file(told)}", content)
        self._files.write(f"{name}/{DESCRIPTION}", (json.dumps(told, indent=2) + "\n").encode())

    def set_aside(self, name: str, fault: str) -> str:
        """Moves a damaged entry away, and returns a sentence that says so."""
        begin, taken = f"{ASIDE}{name[:12]}", self.damaged()
        aside = next(f"{begin}-{n}" for n in range(len(taken) + 1) if f"{begin}-{n}" not in taken)
        for path in self._own(name):
            with suppress(FileNotFoundError):  # another was quicker
                self._files.move(path, f"{aside}/{path.partition('/')[2]}")
        return f"the manifold {name[:12]} in {self} is damaged: {fault}; it is set aside as {aside} and learned again"

    def delete(self, name: str) -> None:
        """Takes an entry away, or something set aside; the description first."""
        for path in self._own(name):
            self._files.delete(path)
        self._files.delete_folder(name)

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Keeps other processes that see the same folder from making the same entry; a holder that dies lets go.

        At an address nobody is kept away: two may then make the same entry, and the last description stays.
        """
        if is_address(self._root):
            yield
            return
        Path(self._root).mkdir(parents=True, exist_ok=True)
        with FileLock(Path(self._root) / f".{name}.lock"):
            yield

    def obtain(self, recipe: Mapping[str, Any], make: Callable[[], tuple[Tensors, Mapping[str, Any]]]) -> Tensors:
        """Returns the weights that a recipe gives, and makes them only if nobody has.

        Args:
            recipe: everything that determines them, as plain values.
            make: returns them, and what else is worth knowing.
        """
        name = digest(recipe)
        weights, _ = self.load(name)
        if weights is not None:
            return weights
        with self.alone(name):
            weights, fault = self.load(name)
            if fault:
                self.set_aside(name, fault)
            if weights is None:
                weights, more = make()
                self.keep(name, weights, {"recipe": recipe, **more})
        return weights

    def _own(self, name: str) -> list[str]:
        """Returns the files of an entry, the description first."""
        own = [path for path in self._files.sizes() if path.startswith(f"{name}/")]
        return sorted(own, key=lambda path: not path.endswith(DESCRIPTION))

    def _description(self, name: str) -> dict[str, Any] | None:
        return _parsed(self._files.read(f"{name}/{DESCRIPTION}") or b"")


def _parsed(content: bytes) -> dict[str, Any] | None:
    try:
        known = json.loads(content)
    except ValueError:
        return None
    return known if isinstance(known, dict) else None


def _file(description: Mapping[str, Any]) -> str:
    return f"{str(description.get('sha256'))[:16]}.safetensors"


def _fault(name: str, description: Mapping[str, Any] | None, content: bytes | None) -> str | None:
    """Returns what is wrong with an entry, or None."""
    if description is None:
        return "its description cannot be read"
    if digest(description.get("recipe")) != name:
        return "its description is that of another manifold"
    if content is None:
        return "its weights are missing"
    if hashlib.sha256(content).hexdigest() != description.get("sha256"):
        return "its weights are not those that were written"
    return None

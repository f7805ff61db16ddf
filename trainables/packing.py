"""Tensors with some JSON beside them, as bytes in the safetensors format: nothing is unpickled."""

import json
from collections.abc import Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from trainables.differentiation import Tensors


def pack(tensors: Tensors, said: Mapping[str, Any], form: str) -> bytes:
    """Packs copies of the tensors, and what is said beside them under the name of the form."""
    return save({name: values.clone() for name, values in tensors.items()}, metadata={form: json.dumps(said)})


def unpack(packed: bytes, form: str) -> tuple[Tensors, dict[str, Any]]:
    """Returns what was packed.

    Raises:
        ValueError: if the bytes are not of this form.
    """
    try:
        # A header of JSON, after eight bytes of its length.
        length = int.from_bytes(packed[:8], "little")
        said = json.loads(json.loads(packed[8 : 8 + length])["__metadata__"][form])
        if not isinstance(said, dict):
            raise TypeError("what is said beside the tensors is no object")
        return load(packed), said
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"a checkpoint is {form} in the safetensors format; got {error}") from error


def pack_weights(weights: Tensors) -> bytes:
    """Packs weights alone, which may be views of others."""
    return save({name: values.contiguous() for name, values in weights.items()})


def part(tensors: Tensors, name: str) -> Tensors:
    """Returns the tensors called `name/...`, without that."""
    return {key.removeprefix(f"{name}/"): values for key, values in tensors.items() if key.startswith(f"{name}/")}

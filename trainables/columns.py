"""A trial's config as columns of a table."""

import json
from collections.abc import Mapping
from typing import Any


def flat(plain: Mapping[str, Any], prefix: str = "config") -> dict[str, Any]:
    """Flattens nested dictionaries into dotted columns; lists of roles become `config.roles.<threat>.*`."""
    columns: dict[str, Any] = {}
    for key, value in plain.items():
        name = f"{prefix}.{key}"
        if key == "roles":
            for role in value:
                rest = {k: v for k, v in role.items() if k != "threat"}
                columns |= flat(rest, f"{name}.{role['threat']}")
        elif isinstance(value, Mapping):
            columns |= flat(value, name)
        elif isinstance(value, list | tuple):
            columns[name] = json.dumps(value)
        else:
            columns[name] = value
    return columns

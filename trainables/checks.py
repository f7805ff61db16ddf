"""How a config refuses: what must hold, then what was given."""

from typing import Literal, get_args, get_origin, get_type_hints


def must(condition: bool, message: str) -> None:
    """Raises a ValueError with the message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def must_choose(config: object) -> None:
    """Checks every field that is one of a few words or numbers against those."""
    for name, hint in get_type_hints(type(config)).items():
        if get_origin(hint) is Literal:
            value, choices = getattr(config, name), get_args(hint)
            must(value in choices, f"{name} is one of {', '.join(map(str, choices))}; got {value!r}")

"""Numbers that follow from a study's seed, and from nothing else."""

import hashlib

FIRST_FRESH_SEED = 1_000_000  # seeds of the search lie below, those of the confirmation from here on


def derived(seed: int, *names: str | int) -> int:
    """Returns a number in [0, 2^32) that depends on the seed and the names, and on nothing else."""
    words = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(words[:4], "big")


def fresh(seed: int, place: int) -> int:
    """Returns a study's fresh seed at a place, counted from 0; none occurs in its search."""
    return FIRST_FRESH_SEED + derived(seed, "confirmation") % FIRST_FRESH_SEED + place

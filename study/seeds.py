"""Numbers that follow from a study's seed, and from nothing else."""

import hashlib

FIRST_FRESH_SEED = 1_000_000  # seeds of the search lie below, those of the confirmation from here on


def derived(seed: int, *names: str | int) -> int:
    """Returns a number in [0, 2^32) that depends on the seed and the names, and on nothing else."""
    words = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(words[:4], "big")

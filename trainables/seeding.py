"""One seed, many independent named streams; nothing here touches a global generator."""

import hashlib

import torch


def stream(seed: int, *names: str | int) -> torch.Generator:
    """Returns a CPU generator that depends on the seed and on the names, and on nothing else.

    Streams of other names or seeds are independent: the state is drawn from a hash of all of them.
    """
    words = hashlib.sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(words[:8], "big") >> 1)

import torch

WORDS = ("can't allocate memory", "out of memory")  # the first is what torch says of a host's


def ran_out(error: BaseException) -> bool:
    """Tells whether an error says that memory has ended, the device's or the host's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)

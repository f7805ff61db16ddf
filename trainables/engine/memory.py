import torch

# Of a host; of a device; of the libraries that compute on it.
WORDS = ("can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED")


def ran_out(error: BaseException) -> bool:
    """Tells whether an error says that memory has ended, the device's or the host's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in WORDS)

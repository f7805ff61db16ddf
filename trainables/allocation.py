"""Where this process computes, how exactly, and what becomes of its memory."""

import ctypes
from contextlib import suppress

import torch

HOST = torch.device("cpu")

MIB = 2**20
# The numbers by which glibc's <malloc.h> calls them.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
# That memory has ended: of a host; of a device; of the libraries that compute on it.
ENDED = ("can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED", "CUBLAS_STATUS_NOT_INITIALIZED")


def own_device() -> torch.device:
    """Returns the GPU that this process was given, or the host where it was given none."""
    return torch.device("cuda") if torch.cuda.is_available() else HOST


def ready_to_compute() -> None:
    """Makes this process one that computes: it keeps its memory, and a GPU gives the same bits every time.

    As they come, convolutions on a GPU round float32 to ten bits of mantissa, and add in any order.
    """
    keep_memory()
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True


def keep_memory() -> None:
    """Keeps freed memory for the next tensors of this process, where the C library is glibc.

    As it comes, glibc hands megabytes back to the kernel and asks for them again in every step: a seventh of the time
    of small convolutions is spent in page faults.
    """
    with suppress(OSError, AttributeError):  # another system, or another C library
        libc = ctypes.CDLL("libc.so.6")
        for name, size in ((MMAP_THRESHOLD, 32 * MIB), (TRIM_THRESHOLD, 1024 * MIB), (TOP_PAD, 64 * MIB)):
            libc.mallopt(name, size)


def ran_out(error: BaseException) -> bool:
    """Tells whether an error says that memory has ended, the device's or the host's."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in ENDED)

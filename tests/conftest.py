import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

REPOSITORY = Path(__file__).parents[1]

# Tensors are small here: more threads would wait for each other, for minutes where another process has a core. Set
# before torch is imported, and handed down to the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # where there are more after all, waiting takes no processor

# A shell that starts the tests in its background has them, and all that they start, ignore what Ctrl-C sends.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline for an example: a machine that is shared stands still now and then.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


SLOW = pytest.mark.timeout(1500)  # seconds for several studies in a row


def pytest_collection_modifyitems(items):
    """Gives tests that take long the time for it on a slow machine, too, where they do not say themselves."""
    for item in items:
        marked = {mark.name for mark in item.iter_markers()}
        if marked & {"slow", "ray"} and "timeout" not in marked:
            item.add_marker(SLOW)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with FONTS/prototypes.npz; tests that ask for it carry the marker `data`."""
    root = Path(os.environ.get("DISENTANGLE_DATA") or REPOSITORY.parent / "shared" / "data")
    if not (root / "FONTS" / "prototypes.npz").is_file():
        pytest.skip(f"no FONTS/prototypes.npz in {root}: set DISENTANGLE_DATA to the folder that has it")
    return root

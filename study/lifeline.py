"""Notices that the local cluster has died under a driver, which would otherwise wait for it for ever.

A driver whose raylet is killed hangs in Ray 2.60 as often as it ends: nobody is left to answer.
"""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

import psutil

VITAL: Final = ("raylet", "gcs_server")
LOOK_EVERY = 2.0  # seconds


class Lifeline:
    """While entered, looks after the daemons that this process has started.

    Args:
        cut: is called once, from another thread, with the name of the daemon that is gone.
    """

    def __init__(self, cut: Callable[[str], None]) -> None:
        self._cut, self._over = cut, threading.Event()
        children = psutil.Process().children()
        self._daemons = {name: process for process in children if (name := process.name()) in VITAL}
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            for name, process in self._daemons.items():
                if not _lives(process) and not self._over.is_set():
                    self._cut(name)
                    return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

"""Ctrl-C, made safe: the first is a request that is met between two steps, the second ends at once."""

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """While entered, remembers the first Ctrl-C or SIGTERM instead of raising in the middle of a write.

    Args:
        also: says whether there is another reason to stop.
    """

    def __init__(self, also: Callable[[], bool] = lambda: False) -> None:
        self.requested, self._also = False, also
        self._before: dict[signal.Signals, Any] = {}

    def check(self) -> None:
        """Raises the interrupt that was requested, if one was.

        Raises:
            KeyboardInterrupt: after a Ctrl-C or SIGTERM.
        """
        if self.requested or self._also():
            raise KeyboardInterrupt

    def _request(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._request) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

"""What benchmarks of steps share: processes that make a contender's steps, and how their times are told."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context

import torch

Run = Callable[[], None]
"""Makes a step."""


class Contender:
    """The contender of this process.

    Attributes:
        run: makes a step.
    """

    run: Run

    @classmethod
    def begin(cls, make: Callable[[], Run]) -> None:
        """Makes this process the contender's."""
        torch.set_num_threads(1)
        cls.run = staticmethod(make())

    @classmethod
    def seconds(cls, steps: int) -> float:
        """Makes steps and returns the time that they took."""
        started = time.perf_counter()
        for _ in range(steps):
            cls.run()
        return time.perf_counter() - started


def process(stack: ExitStack, make: Callable[[], Run]) -> Executor:
    """Starts a process for a contender; `make` can be pickled."""
    return stack.enter_context(
        ProcessPoolExecutor(1, get_context("spawn"), initializer=Contender.begin, initargs=(make,))
    )


def wall(processes: list[Executor], steps: int) -> float:
    """Returns the seconds in which processes, all at once, make so many steps each."""
    started = time.perf_counter()
    for future in [one.submit(Contender.seconds, steps) for one in processes]:
        future.result()
    return time.perf_counter() - started


def quartiles(values: list[float]) -> str:
    """Says the median and, in brackets, the quartiles."""
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:.2f} [{low:.2f}, {high:.2f}]"

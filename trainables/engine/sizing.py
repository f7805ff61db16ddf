"""How many models a fused step should have: found by measuring."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from trainables.allocation import ran_out
from trainables.engine.cohort import Cohort
from trainables.training.examples import Resident
from trainables.training.training import Training, begin

PAYS = 1.1  # a doubling that makes less of the device is left
PATIENCE = 2  # doublings in a row that do not pay: the first one changes which kernels there are
REPEATS = 3


class Sizing(NamedTuple):
    """What measuring has found.

    Attributes:
        slots: models in a fused step.
        rates: steps of one model a second, by the number of models that were tried.
        ended: why no more were: "it pays no more", "memory ends" or "no more are asked for".
    """

    slots: int
    rates: dict[int, float]
    ended: str


def measured(seconds: Callable[[int], float], largest: int) -> Sizing:
    """Doubles the number of models in a step while that pays and memory lasts.

    Args:
        seconds: does fused steps of so many models, and returns how long one takes.
        largest: that is asked for.
    """
    rates = {1: 1 / seconds(1)}
    best, slots = 1, 2
    while slots <= largest and slots < best * 2 ** (PATIENCE + 1):
        try:
            rates[slots] = slots / seconds(slots)
        except Exception as error:
            if not ran_out(error):
                raise
            return Sizing(best, rates, "memory ends")
        if rates[slots] >= PAYS * rates[best]:
            best = slots
        slots *= 2
    return Sizing(best, rates, "no more are asked for" if 2 * best > largest else "it pays no more")


def stopwatch(training: Training, data: Resident, device: torch.device) -> Callable[[int], float]:
    """Returns what times fused steps of so many untrained models that are like a training, which stays as it is."""

    def seconds(slots: int) -> float:
        cohort = Cohort(training, slots, device)
        for _ in range(slots):
            cohort.join(_double(training), data)
        taken = []
        for _ in range(1 + REPEATS):
            for slot in cohort.seated:
                slot.training.progress.losses.clear()  # an epoch may have fewer steps, and has no more after them
            started = time.perf_counter()
            cohort.step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            taken.append(time.perf_counter() - started)
        return min(taken[1:])  # the first one warms up

    return seconds


def _double(training: Training) -> Training:
    same = (training.config, training.classifier, training.splits, training.manifolds, training.moved)
    return begin(*same, dtype=training.dtype)

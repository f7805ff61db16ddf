"""How many models a fused step should have: found by measuring."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch

from trainables.engine.cohort import Cohort
from trainables.engine.memory import ran_out
from trainables.training.examples import Resident
from trainables.training.training import Training, begin

PAYS = 1.1  # a doubling that makes less of the device is left
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
    slots = 1
    while 2 * slots <= largest:
        try:
            rate = 2 * slots / seconds(2 * slots)
        except Exception as error:
            if not ran_out(error):
                raise
            return Sizing(slots, rates, "memory ends")
        rates[2 * slots] = rate
        if rate < PAYS * rates[slots]:
            return Sizing(slots, rates, "it pays no more")
        slots *= 2
    return Sizing(slots, rates, "no more are asked for")


def stopwatch(training: Training, data: Resident, device: torch.device) -> Callable[[int], float]:
    """Returns what times fused steps of so many untrained models that are like a training, which stays as it is."""

    def seconds(slots: int) -> float:
        cohort = Cohort(training, slots, device)
        for _ in range(slots):
            cohort.join(_double(training), data)
        cohort.step()
        taken = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            cohort.step()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            taken.append(time.perf_counter() - started)
        return min(taken)

    return seconds


def _double(training: Training) -> Training:
    same = (training.config, training.classifier, training.splits, training.manifolds, training.moved)
    return begin(*same, dtype=training.dtype)

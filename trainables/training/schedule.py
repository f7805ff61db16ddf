"""The learning rate before every update."""

import math

from trainables.config import OptimiserConfig

LOWEST = 1e-7


def learning_rate(config: OptimiserConfig, epoch: int, batch: int, *, epochs: int, batches: int) -> float:
    """Returns the rate for a batch; epoch and batch are counted from 0.

    For Adam the paper's schedule: it decays by a constant factor an epoch and starts one epoch in. For SGD half a
    cosine over the whole training.
    """
    progress = epoch + batch / batches
    if config.kind == "adam":
        return max(config.learning_rate * math.pow(config.decay, progress + 1), LOWEST)
    return max(config.learning_rate * (1 + math.cos(math.pi * progress / epochs)) / 2, LOWEST)

"""Batch normalisations without a count of batches, which nothing here reads and a pure step would have to carry."""

from typing import final

from torch import nn


@final
class Norm1d(nn.BatchNorm1d):
    """Normalises units."""

    def __init__(self, units: int) -> None:
        super().__init__(units, device="meta")
        self.num_batches_tracked = None


@final
class Norm2d(nn.BatchNorm2d):
    """Normalises channels."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, device="meta")
        self.num_batches_tracked = None

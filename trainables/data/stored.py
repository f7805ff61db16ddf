"""Images that lie in memory as bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

from jaxtyping import Float, Int, UInt8
from torch import Tensor

from trainables.data.split import Split


@final
class StoredSplit(Split):
    """Images kept as bytes, a quarter of the memory of floats, and converted when they are asked for.

    Attributes:
        pixels: channels first; 255 is white. They may lie on any device, which then converts.
        labels: class indices, on the same device.
    """

    def __init__(self, pixels: UInt8[Tensor, "n channel height width"], labels: Int[Tensor, "n"]) -> None:
        self.pixels, self.labels = pixels, labels

    @property
    def shape(self) -> tuple[int, int, int]:
        """Returns channels, height and width."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def images(self, indices: Int[Tensor, "batch"]) -> Float[Tensor, "batch channel height width"]:
        return self.pixels[indices].float() / 255


@dataclass(frozen=True, slots=True)
class Stock:
    """All examples of one file or folder, of which a trial takes some.

    Attributes:
        labels: of all of them, in the order of the file.
        pixels: reads the images of some rows, as bytes, channels first.
    """

    labels: Int[Tensor, "rows"]
    pixels: Callable[[Int[Tensor, "some"]], UInt8[Tensor, "some channel height width"]]

    def take(self, rows: Int[Tensor, "some"]) -> StoredSplit:
        """Keeps some rows in memory, in the order given."""
        return StoredSplit(self.pixels(rows), self.labels[rows])


@dataclass(frozen=True, slots=True, kw_only=True)
class Stocks:
    """What a data set has for training and for testing."""

    training: Stock
    test: Stock
    classes: int

"""What every data set offers, whether its images are stored or made on the fly."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor


class Split(ABC):
    """Examples of one purpose: training, validation or test. Their order is balanced over classes."""

    labels: Int[Tensor, "examples"]

    @abstractmethod
    def images(self, indices: Int[Tensor, "batch"]) -> Float[Tensor, "batch channel height width"]:
        """Returns images in [0, 1]."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """Three disjoint splits; the search sees train and validation only.

    Attributes:
        pool: reads all images that anything may be learned from, or the first so many: those of training and all
            others but validation and test; of typefaces, which have no end, as many as a data set, drawn by themselves.
        pool_fingerprint: names them without reading them all.
    """

    train: Split
    validation: Split
    test: Split
    classes: int
    image_shape: tuple[int, int, int]
    pool: Callable[..., Split]
    pool_fingerprint: str

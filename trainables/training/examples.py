"""Examples as a training step takes them: with their codes, made when they are taken or all at once."""

from abc import ABC, abstractmethod
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.data.split import Split
from trainables.manifolds.manifold import Manifolds
from trainables.training.step import Batch
from trainables.training.training import DTYPE

CHUNK = 500


class Examples(ABC):
    """Examples that may be taken any number of times."""

    @abstractmethod
    def take(self, indices: Int[Tensor, "*models batch"]) -> Batch:
        """Returns some of the examples, in the shape of their indices."""


@final
class Made(Examples):
    """Examples of the host, each made anew whenever it is taken.

    Args:
        split: of the examples.
        manifolds: whose codes are wanted.
        dtype: of images and codes.
    """

    def __init__(self, split: Split, manifolds: Manifolds, dtype: torch.dtype = DTYPE) -> None:
        self._split, self._manifolds, self._dtype = split, manifolds, dtype

    def take(self, indices: Int[Tensor, "batch"]) -> Batch:
        """Returns some of the examples with their images, and their codes on all manifolds."""
        codes = {name: manifold.codes(self._split, indices) for name, manifold in self._manifolds.items()}
        batch = Batch(self._split.images(indices), self._split.labels[indices], codes)
        precise: Batch = tree_map(lambda part: part.to(self._dtype) if part.is_floating_point() else part, batch)
        return precise


@final
class Resident(Examples):
    """Examples that lie on a device, with their codes: made once, and taken from in every step.

    Args:
        split: of the examples.
        manifolds: whose codes are wanted.
        dtype: of images and codes.
        device: that computes.
    """

    def __init__(self, split: Split, manifolds: Manifolds, dtype: torch.dtype, device: torch.device) -> None:
        made, rows = Made(split, manifolds, dtype), torch.split(torch.arange(len(split)), CHUNK)
        self._everything: Batch = tree_map(lambda *some: torch.cat(some).to(device), *map(made.take, rows))
        self._device = device

    def take(self, indices: Int[Tensor, "*models batch"]) -> Batch:
        """Returns some of the examples, in the shape of their indices."""
        rows = indices.to(self._device, non_blocking=True)
        taken: Batch = tree_map(lambda values: values[rows], self._everything)
        return taken

from typing import final

import torch
from jaxtyping import Int
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.data.split import Split
from trainables.manifolds.manifold import Manifolds
from trainables.training.loop import make_batch
from trainables.training.step import Batch

CHUNK = 500


@final
class Resident:
    """Training examples that lie on a device, with their codes: made once, and taken from in every step.

    Args:
        split: of the examples.
        manifolds: whose codes are wanted.
        dtype: of images and codes.
        device: that computes.
    """

    def __init__(self, split: Split, manifolds: Manifolds, dtype: torch.dtype, device: torch.device) -> None:
        rows = torch.split(torch.arange(len(split)), CHUNK)
        parts = [make_batch(split, manifolds, some, dtype) for some in rows]
        self._everything: Batch = tree_map(lambda *some: torch.cat(some).to(device), *parts)

    def take(self, indices: Int[Tensor, "*models batch"]) -> Batch:
        """Returns some of the examples, in the shape of their indices."""
        taken: Batch = tree_map(lambda values: values[indices], self._everything)
        return taken

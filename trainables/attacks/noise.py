from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class Noise(NamedTuple):
    """What a random attack draws from, as a part of its state.

    It is drawn for everyone who was there at the start, and those who are left take their own: nobody's noise depends
    on who has left.

    Attributes:
        rows: where those who are left stood in the first batch; several may have stood in one place, and draw the same.
        everyone: how many these were.
        rng: is drawn from.
    """

    rows: Int[Tensor, "running"]
    everyone: int
    rng: torch.Generator

    @staticmethod
    def of(start: Float[Tensor, "batch *shape"], rng: torch.Generator | None) -> "Noise":
        """Returns the noise of a first batch.

        Raises:
            ValueError: if there is no generator.
        """
        if rng is None:
            raise ValueError("a random attack needs a generator; got rng=None")
        return Noise(torch.arange(len(start), device=start.device), len(start), rng)

    def uniform(self, *shape: int) -> Float[Tensor, "running ..."]:
        """Returns numbers in [0, 1), of this shape for each example."""
        return self._own(torch.rand(self.everyone, *shape, generator=self.rng))

    def normal(self, *shape: int) -> Float[Tensor, "running ..."]:
        """Returns standard normal numbers, of this shape for each example."""
        return self._own(torch.randn(self.everyone, *shape, generator=self.rng))

    def signs(self, *shape: int) -> Float[Tensor, "running ..."]:
        """Returns -1 or 1, either as often as the other."""
        return 1 - 2 * (self.uniform(*shape) < 0.5).float()

    def _own(self, drawn: Tensor) -> Tensor:
        return drawn.to(self.rows.device)[self.rows]

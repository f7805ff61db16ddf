"""Random search without gradients: the Square Attack of Andriushchenko et al. 2020 (arXiv 1912.00049).

Algorithm 1 there: part of the perturbation is drawn anew, and stays as it was drawn where that raises the loss. The
part shrinks by a schedule. What is drawn is the threat's matter, see `proposals`; for codes it is ours. The paper
raises the margin: a probe of it takes the objective `margin`.

Unlike there, the first proposal must be better than the random start to replace it, as every other must.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor

from trainables.attacks.attack import Attack, Seen
from trainables.attacks.noise import Noise
from trainables.attacks.proposals import proposals
from trainables.checks import must
from trainables.geometry import per_example
from trainables.threats.threat import Threat

HALVED_AT, OF = (10, 50, 200, 1000, 2000, 4000, 6000, 8000), 10_000  # steps, of so many


class _Best(NamedTuple):
    delta: Float[Tensor, "batch *shape"]
    loss: Float[Tensor, "batch"]
    noise: Noise
    step: int
    steps: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Square(Attack):
    """Every step is one query: a forward pass. Steps have no size: proposals lie on the ball's surface.

    Attributes:
        part: of the perturbation that is drawn anew at first (p in the paper).
    """

    climbs: ClassVar[bool] = False
    random: ClassVar[bool] = True

    part: float = 0.8

    def __post_init__(self) -> None:
        must(0 < self.part <= 1, f"part is a fraction in (0, 1]; got {self.part}")

    def begin(self, start: Tensor, *, steps: int, noise: Noise | None = None) -> _Best:
        if noise is None:
            raise ValueError("a random attack needs noise; got noise=None")
        return _Best(start, torch.full_like(start.flatten(1)[:, 0], -torch.inf), noise, 0, steps)

    def move(self, seen: Seen, state: _Best, threat: Threat, step_size: Tensor) -> tuple[Tensor, _Best]:
        better = seen.loss > state.loss
        best = torch.where(per_example(better, seen.delta), seen.delta, state.delta)
        propose = proposals(threat)
        if state.step:
            proposed = propose.next(best, threat, self.part / 2 ** halvings(state.step, state.steps), state.noise)
        else:
            proposed = propose.first(best, threat, state.noise)
        loss = torch.where(better, seen.loss, state.loss)
        return proposed, state._replace(delta=best, loss=loss, step=state.step + 1)


def halvings(step: int, steps: int) -> int:
    """Returns how often the part has been halved by a step: the paper's schedule for 10,000 steps, rescaled."""
    return sum(step * OF >= mark * steps for mark in HALVED_AT)

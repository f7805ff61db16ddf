"""How an adversary looks for the worst: the loop that every gradient attack shares.

The loop and what it keeps are those of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), supplementary material,
with the bookkeeping of examples as masks; the slack is that of Zhang et al. 2020 (arXiv 2002.11242). All functions are
pure and may run under `torch.vmap`: noise is passed in, nothing branches on a tensor's values.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainables.differentiation import grad_and_aux
from trainables.geometry import per_example
from trainables.threats.threat import Threat

NO_SLACK = -1
CHECK_EVERY = 5

Objective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Maps images to every example's loss and to whether it is misclassified; attacks raise the loss."""


class Found(NamedTuple):
    """What an attack keeps of its search.

    Attributes:
        delta: inside the threat's ball and range.
        loss: at that perturbation.
        success: whether any iterate was misclassified.
        iterations: gradient steps that were taken, for the whole batch.
        last: the perturbation after the last step, and the attack's state, for a search that goes on.
    """

    delta: Float[Tensor, "batch *shape"]
    loss: Float[Tensor, "batch"]
    success: Bool[Tensor, "batch"]
    iterations: int
    last: tuple[Tensor, Any]


class _Kept(NamedTuple):
    delta: Tensor
    loss: Tensor
    success: Tensor
    since: Int[Tensor, "batch"]  # iterates since the first success

    def updated(self, delta: Tensor, loss: Tensor, wrong: Tensor, slack: Tensor, live: Tensor) -> "_Kept":
        """Without slack: whatever comes until the first success, then the highest loss.

        With slack: whatever comes until that many iterates after the first success.
        """
        highest = ~self.success | (loss > self.loss)
        take = torch.where(slack < 0, highest, self.since <= slack) & live
        success = self.success | (wrong & live)
        return _Kept(
            torch.where(per_example(take, delta), delta, self.delta),
            torch.where(take, loss, self.loss),
            success,
            self.since + success,
        )


class Attack(ABC):
    """A rule for the next step; the loop around it is `search`."""

    @abstractmethod
    def begin(self, delta: Tensor) -> Any:
        """Returns the state that the first step starts from."""

    @abstractmethod
    def move(
        self, delta: Tensor, gradient: Tensor, state: Any, threat: Threat, step_size: Tensor
    ) -> tuple[Tensor, Any]:
        """Returns the perturbation after a step uphill, not yet projected, and the new state.

        The step size is a fraction of the threat's radius.
        """


def search(
    attack: Attack,
    objective: Objective,
    threat: Threat,
    start: Float[Tensor, "batch *shape"],
    *,
    step_size: Tensor,
    steps: Tensor,
    slack: Tensor,
    longest: int,
    alone: bool,
    state: Any = None,
) -> Found:
    """Looks for a perturbation that raises the objective.

    Args:
        attack: takes the steps.
        objective: is raised.
        threat: says what may change.
        start: the first perturbation, inside the ball.
        step_size: a fraction of the threat's radius.
        steps: gradient steps of this search, at most `longest`; what comes after them changes nothing.
        slack: `NO_SLACK` to keep the highest loss, or the number of iterates to go on after the first success.
        longest: steps of the loop.
        alone: not under `torch.vmap`: the search may then look at values, and ends when no example can change any more.
        state: of the attack, to go on from an earlier search's last perturbation.
    """

    def rise(delta: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        loss, wrong = objective(threat.render(delta))
        return loss.sum(), (loss, wrong)

    delta = start
    state = attack.begin(start) if state is None else state
    infinity = torch.full_like(start.flatten(1)[:, 0], -torch.inf)
    never = torch.zeros_like(infinity, dtype=torch.bool)
    kept = _Kept(start, infinity, never, never.to(torch.int32))
    for iteration in range(longest):
        if alone and iteration % CHECK_EVERY == 0 and bool(_finished(kept, slack).all()):
            return Found(kept.delta, kept.loss, kept.success, iteration, (delta, state))
        gradient, (loss, wrong) = grad_and_aux(rise, delta, alone=alone)
        live = iteration <= steps
        kept = kept.updated(delta, loss, wrong, slack, live)
        moved, state = attack.move(delta, gradient, state, threat, step_size)
        delta = threat.project(moved)
    loss, wrong = objective(threat.render(delta))
    kept = kept.updated(delta, loss, wrong, slack, longest <= steps)
    return Found(kept.delta, kept.loss, kept.success, longest, (delta, state))


def _finished(kept: _Kept, slack: Tensor) -> Bool[Tensor, "batch"]:
    return (slack >= 0) & (kept.since > slack)

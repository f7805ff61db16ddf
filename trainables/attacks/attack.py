"""How an adversary looks for the worst: the loop that every gradient attack shares.

The loop and what it keeps are those of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), supplementary material,
with the bookkeeping of examples as masks; the slack is that of Zhang et al. 2020 (arXiv 2002.11242). All functions are
pure and may run under `torch.vmap`: noise is passed in, nothing branches on a tensor's values.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils._pytree import tree_map_only

from trainables.differentiation import grad_and_aux
from trainables.geometry import per_example
from trainables.threats.threat import Threat

NO_SLACK = -1
CHECK_EVERY = 5  # iterations, on a device that would have to be waited for
PARTS = 8  # examples that have finished leave by eighths of a batch: kernels are made anew for every size of it

Nested = TypeVar("Nested")


def taken(tensors: Nested, rows: Tensor) -> Nested:
    """Returns some examples (a mask or indices) of all tensors, however they are nested."""

    def take(values: Tensor) -> Tensor:
        return values[rows]

    some: Nested = tree_map_only(Tensor, take, tensors)
    return some


@dataclass(frozen=True, slots=True)
class Objective:
    """What an attack raises.

    Attributes:
        function: maps images, and what belongs to each example, to each one's loss and whether it is misclassified.
        belongings: what belongs to each example, such as its label.
    """

    function: Callable[..., tuple[Tensor, Tensor]]
    belongings: tuple[Tensor, ...] = ()

    def __call__(self, images: Float[Tensor, "batch channel height width"]) -> tuple[Tensor, Tensor]:
        return self.function(images, *self.belongings)

    def at(self, rows: Tensor) -> "Objective":
        """Returns the objective of some of the examples."""
        return Objective(self.function, taken(self.belongings, rows))


class Found(NamedTuple):
    """What an attack keeps of its search.

    Attributes:
        delta: inside the threat's ball and range.
        loss: at that perturbation.
        success: whether any iterate was misclassified.
        looks: iterates that were looked at, each a forward pass; all but that after the last step a gradient too.
    """

    delta: Float[Tensor, "batch *shape"]
    loss: Float[Tensor, "batch"]
    success: Bool[Tensor, "batch"]
    looks: Int[Tensor, "batch"]


class _Kept(NamedTuple):
    delta: Tensor
    loss: Tensor
    success: Tensor
    since: Int[Tensor, "batch"]  # iterates since the first success
    looks: Int[Tensor, "batch"]

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
            self.looks + 1,
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


class _Running(NamedTuple):
    """The examples that are still attacked."""

    rows: Int[Tensor, "running"]  # where they stand in the whole batch
    objective: Objective
    threat: Threat
    delta: Tensor
    state: Any
    kept: _Kept

    def at(self, rows: Tensor) -> "_Running":
        """Returns some of them."""
        return _Running(
            self.rows[rows],
            self.objective.at(rows),
            self.threat.at(rows),
            self.delta[rows],
            taken(self.state, rows),
            taken(self.kept, rows),
        )

    def stepped(self, attack: Attack, slack: Tensor, live: Tensor, step_size: Tensor, alone: bool) -> "_Running":
        """Returns them a step uphill, with what was seen before it."""

        def rise(delta: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
            loss, wrong = self.objective(self.threat.render(delta))
            return loss.sum(), (loss, wrong)

        gradient, (loss, wrong) = grad_and_aux(rise, self.delta, alone=alone)
        moved, state = attack.move(self.delta, gradient, self.state, self.threat, step_size)
        kept = self.kept.updated(self.delta, loss, wrong, slack, live)
        return self._replace(delta=self.threat.project(moved), state=state, kept=kept)

    def looked(self, slack: Tensor, live: Tensor) -> "_Running":
        """Returns them with what is seen where they stand."""
        loss, wrong = self.objective(self.threat.render(self.delta))
        return self._replace(kept=self.kept.updated(self.delta, loss, wrong, slack, live))

    def parted(self, slack: Tensor, part: int) -> tuple["_Running", "_Running"] | None:
        """Returns who goes on and who leaves, or None where too few have finished to make a smaller batch."""
        finished = (slack >= 0) & (self.kept.since > slack)
        going = math.ceil(int((~finished).sum()) / part) * part
        if going >= len(finished):
            return None
        order = finished.to(torch.int8).argsort(stable=True)
        return self.at(order[:going]), self.at(order[going:])


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
        alone: not under `torch.vmap`: the search may then look at values, and examples that have finished leave the
            batch.
    """
    infinity = torch.full_like(start.flatten(1)[:, 0], -torch.inf)
    never = torch.zeros_like(infinity, dtype=torch.bool)
    none = never.to(torch.int32)
    everyone = torch.arange(len(start), device=start.device)
    kept = _Kept(start, infinity, never, none, none)
    running, left = _Running(everyone, objective, threat, start, attack.begin(start), kept), []
    every, part = 1 if start.device.type == "cpu" else CHECK_EVERY, max(1, len(start) // PARTS)
    for iteration in range(longest + 1):
        if alone and iteration % every == 0 and (parts := running.parted(slack, part)):
            running = parts[0]
            left.append(parts[1])
            if not len(running.rows):
                break
        live = iteration <= steps
        if iteration < longest:
            running = running.stepped(attack, slack, live, step_size, alone)
        else:
            running = running.looked(slack, live)
    return _found([*left, running])


def _found(parts: list[_Running]) -> Found:
    """Returns what was kept of all examples, in the order of the whole batch."""
    kept = parts[0].kept
    if len(parts) > 1:
        places = torch.cat([part.rows for part in parts]).argsort()
        kept = _Kept(*(torch.cat(values)[places] for values in zip(*(part.kept for part in parts), strict=True)))
    return Found(kept.delta, kept.loss, kept.success, kept.looks)

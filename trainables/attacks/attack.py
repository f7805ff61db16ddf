"""How an adversary looks for the worst: what every attack is, and the loop that training shares.

The loop and what it keeps are those of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), supplementary material,
with the bookkeeping of examples as masks; the slack is that of Zhang et al. 2020 (arXiv 2002.11242). All functions are
pure and may run under `torch.vmap`: noise is passed in, nothing branches on a tensor's values. Random attacks alone are
not pure: they draw from a generator as they go, and are not for training.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils._pytree import tree_map_only

from trainables.attacks.noise import Noise
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


class Seen(NamedTuple):
    """What was seen where examples stand.

    Attributes:
        delta: where they stand, inside the threat's ball and range.
        loss: there.
        gradient: of the loss; None for who does not climb on from there.
        wrong: whether the image is misclassified.
    """

    delta: Float[Tensor, "batch *shape"]
    loss: Float[Tensor, "batch"]
    gradient: Float[Tensor, "batch *shape"] | None
    wrong: Bool[Tensor, "batch"]

    @property
    def slope(self) -> Float[Tensor, "batch *shape"]:
        """The gradient, for who needs one."""
        if self.gradient is None:
            raise ValueError("an attack that climbs must be shown gradients; got None")
        return self.gradient


def look(objective: Objective, threat: Threat, delta: Tensor, *, climbs: bool, alone: bool) -> Seen:
    """Returns what is seen at perturbations.

    Args:
        objective: of the images.
        threat: renders them.
        delta: where to look.
        climbs: whether gradients are wanted; without, there is no backward pass.
        alone: not under `torch.vmap`.
    """

    def rise(at: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        loss, wrong = objective(threat.render(at))
        return loss.sum(), (loss, wrong)

    if climbs:
        gradient, (loss, wrong) = grad_and_aux(rise, delta, alone=alone)
        return Seen(delta, loss, gradient, wrong)
    with torch.no_grad():
        _, (loss, wrong) = rise(delta)
    return Seen(delta, loss, None, wrong)


class Attack(ABC):
    """A rule for the next step; the loops around it are `search` and `trainables.evaluation.errors.Probe`.

    Attributes:
        climbs: whether it needs gradients; a black box makes do with forward passes.
        random: whether its steps are drawn; `begin` then needs noise.
    """

    climbs: ClassVar[bool] = True
    random: ClassVar[bool] = False

    @abstractmethod
    def begin(self, start: Float[Tensor, "batch *shape"], *, steps: int, noise: Noise | None = None) -> Any:
        """Returns the state that the first step starts from.

        Tensors in a state have the batch as their first axis, so that who leaves takes his rows with him (`taken`).

        Args:
            start: the first perturbations.
            steps: that will be made at most.
            noise: of attacks that draw.
        """

    @abstractmethod
    def move(self, seen: Seen, state: Any, threat: Threat, step_size: Tensor) -> tuple[Tensor, Any]:
        """Returns the perturbation to look at next, not yet projected, and the new state.

        The step size is a fraction of the threat's radius.
        """


class Found(NamedTuple):
    """What an attack keeps of its search.

    Attributes:
        delta: inside the threat's ball and range.
        loss: at that perturbation.
        success: whether any iterate was misclassified.
        looks: iterates that were looked at until the example had finished, each a forward pass; of an attack that
            climbs, all but that after the last step a gradient too. What is computed beyond that, while examples wait
            for others to leave or models for others with more steps, is nobody's.
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

    def updated(self, seen: Seen, slack: Tensor, live: Tensor) -> "_Kept":
        """Without slack: whatever comes until the first success, then the highest loss.

        With slack: whatever comes until that many iterates after the first success.
        """
        highest = ~self.success | (seen.loss > self.loss)
        looks = self.looks + (live & ~self.finished(slack))
        take = torch.where(slack < 0, highest, self.since <= slack) & live
        success = self.success | (seen.wrong & live)
        chosen = per_example(take.to(seen.delta.dtype), seen.delta)
        return _Kept(
            torch.lerp(self.delta, seen.delta, chosen),  # one or the other, in a fifth of the time of `where`
            torch.where(take, seen.loss, self.loss),
            success,
            self.since + success,
            looks,
        )

    def finished(self, slack: Tensor) -> Tensor:
        """Tells whose search nothing can change any more."""
        return (slack >= 0) & (self.since > slack)


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
        """Returns them a step further, with what was seen before it."""
        seen = look(self.objective, self.threat, self.delta, climbs=attack.climbs, alone=alone)
        moved, state = attack.move(seen, self.state, self.threat, step_size)
        kept = self.kept.updated(seen, slack, live)
        return self._replace(delta=self.threat.project(moved), state=state, kept=kept)

    def looked(self, slack: Tensor, live: Tensor) -> "_Running":
        """Returns them with what is seen where they stand."""
        seen = look(self.objective, self.threat, self.delta, climbs=False, alone=False)
        return self._replace(kept=self.kept.updated(seen, slack, live))

    def parted(self, slack: Tensor, part: int) -> tuple["_Running", "_Running"] | None:
        """Returns who goes on and who leaves, or None where too few have finished to make a smaller batch."""
        finished = self.kept.finished(slack)
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
    rng: torch.Generator | None = None,
) -> Found:
    """Looks for a perturbation that raises the objective.

    Args:
        attack: takes the steps.
        objective: is raised.
        threat: says what may change.
        start: the first perturbation, inside the ball.
        step_size: a fraction of the threat's radius.
        steps: steps of this search, at most `longest`; what comes after them changes nothing.
        slack: `NO_SLACK` to keep the highest loss, or the number of iterates to go on after the first success.
        longest: steps of the loop.
        alone: not under `torch.vmap`: the search may then look at values, and examples that have finished leave the
            batch.
        rng: of a random attack, which must be alone.
    """
    infinity = torch.full_like(start.flatten(1)[:, 0], -torch.inf)
    never = torch.zeros_like(infinity, dtype=torch.bool)
    none = never.to(torch.int32)
    everyone = torch.arange(len(start), device=start.device)
    kept = _Kept(start, infinity, never, none, none)
    noise = Noise.of(start, rng) if attack.random else None
    state = attack.begin(start, steps=longest, noise=noise)
    running, left = _Running(everyone, objective, threat, start, state, kept), []
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

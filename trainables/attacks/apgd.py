"""The attack whose step finds its own length: APGD of Croce and Hein 2020 (arXiv 2003.01690), section 3, algorithm 1.

Steps of two radii at first, with momentum. At checkpoints, ever closer to each other, the step is halved and the search
goes on from the best point so far, for every example on its own: where the loss rose in fewer than three quarters of
the steps since the last checkpoint, or where nothing better was found and the step had not just been halved.

Unlike there, a checkpoint decides as soon as its point is seen, which is all that its conditions speak of: the step
that the algorithm makes first, and throws away where it restarts, is not made. Any norm and any threat will do.
"""

from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainables.attacks.attack import Attack, Seen
from trainables.attacks.noise import Noise
from trainables.geometry import per_example
from trainables.threats.threat import Threat

FIRST_STEP = 2.0  # radii
MOMENTUM = 0.75  # how much of a step is the gradient's; the rest goes on as before (alpha in the paper)
ENOUGH = 0.75  # of the steps between checkpoints must raise the loss (rho)
PERIOD, SHORTER, SHORTEST = 22, 3, 6  # the first one, what each loses, the last ones; in per cent of all steps


class _Course(NamedTuple):
    before: Seen  # where the step to here was made from
    best: Seen
    scale: Float[Tensor, "batch"]  # of the step: 1 before it is halved
    rises: Int[Tensor, "batch"]  # steps since the last checkpoint that raised the loss
    halved: Bool[Tensor, "batch"]  # at the last checkpoint
    best_then: Float[Tensor, "batch"]  # the best loss at the last checkpoint
    step: int
    checkpoints: tuple[int, ...]

    def seeing(self, seen: Seen) -> "_Course":
        """Returns it with what is seen now."""
        best = _either(seen.loss > self.best.loss, seen, self.best)
        return self._replace(best=best, rises=self.rises + (seen.loss > self.before.loss))

    def checked(self, seen: Seen) -> tuple["_Course", Seen]:
        """Returns it after a checkpoint, and where to go on from."""
        period = self.step - max((past for past in self.checkpoints if past < self.step), default=0)
        rarely = self.rises < ENOUGH * period
        stuck = ~self.halved & (self.best.loss == self.best_then)
        halved = rarely | stuck
        scale = torch.where(halved, self.scale / 2, self.scale)
        passed = self._replace(scale=scale, rises=self.rises * 0, halved=halved, best_then=self.best.loss)
        return passed, _either(halved, self.best, seen)


@final
class APGD(Attack):
    """Projected steps with momentum; the step size is that of the first steps, `FIRST_STEP` in the paper."""

    def begin(self, start: Tensor, *, steps: int, noise: Noise | None = None) -> _Course:
        lowest = torch.full_like(start.flatten(1)[:, 0], -torch.inf)
        never = torch.zeros_like(lowest, dtype=torch.bool)
        nothing = Seen(start, lowest, torch.zeros_like(start), never)
        return _Course(
            nothing, nothing, torch.ones_like(lowest), never.to(torch.int32), never, lowest, 0, checkpoints(steps)
        )

    def move(self, seen: Seen, state: _Course, threat: Threat, step_size: Tensor) -> tuple[Tensor, _Course]:
        state, here = state.seeing(seen), seen
        if state.step in state.checkpoints:
            state, here = state.checked(here)
        length = per_example(state.scale * step_size * threat.radius, here.delta)
        uphill = threat.project(here.delta + length * threat.norm.steepest(here.slope))
        alpha = MOMENTUM if state.step else 1.0  # nothing came before the first step
        moved = here.delta + alpha * (uphill - here.delta) + (1 - alpha) * (here.delta - state.before.delta)
        return moved, state._replace(before=here, step=state.step + 1)


def checkpoints(steps: int) -> tuple[int, ...]:
    """Returns the steps at which the step size is looked at; the one before the first step only begins to count."""
    percent, period = 0, PERIOD
    marks = []
    while percent <= 100:
        marks.append(-(-percent * steps // 100))  # rounded up
        percent, period = percent + period, max(period - SHORTER, SHORTEST)
    return tuple(dict.fromkeys(marks))


def _either(which: Bool[Tensor, "batch"], one: Seen, other: Seen) -> Seen:
    """Returns one where it says so, the other elsewhere."""
    far = per_example(which, one.delta)
    return Seen(
        torch.where(far, one.delta, other.delta),
        torch.where(which, one.loss, other.loss),
        torch.where(far, one.slope, other.slope),
        torch.where(which, one.wrong, other.wrong),
    )

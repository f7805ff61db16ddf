"""Two ways up: the paper's projected Adam, and projected gradient steps.

`AdamPGD` is the attack of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), section 3.3 and supplementary
material: raw gradients through Adam with its usual constants. With the paper's numbers (40 steps of .005 in a ball of
.3) it cannot travel through its ball. `PGD` is that of Madry et al. 2018 (arXiv 1706.06083): steps of one length each.
"""

from typing import NamedTuple, final

import torch
from torch import Tensor

from trainables.attacks.attack import Attack, Seen
from trainables.attacks.noise import Noise
from trainables.geometry import per_example
from trainables.threats.threat import Threat

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class Moments(NamedTuple):
    """What Adam remembers of the gradients."""

    first: Tensor
    second: Tensor
    step: int

    @staticmethod
    def none(like: Tensor) -> "Moments":
        """Returns those before the first step."""
        return Moments(torch.zeros_like(like), torch.zeros_like(like), 0)


def climbed(delta: Tensor, gradient: Tensor, state: Moments, length: Tensor) -> tuple[Tensor, Moments]:
    """Returns delta after a step of Adam uphill, in which a coordinate moves by about the length."""
    first = torch.lerp(state.first, gradient, 1 - BETA_1)
    second = torch.addcmul(BETA_2 * state.second, gradient, gradient, value=1 - BETA_2)
    step = state.step + 1
    scale = (second / (1 - BETA_2**step)).sqrt() + EPSILON
    length = per_example(length / (1 - BETA_1**step), delta)
    return torch.addcdiv(delta, length * first, scale), Moments(first, second, step)


@final
class AdamPGD(Attack):
    """Adam on the perturbation; a coordinate moves by about one step size a step, whatever the norm."""

    def begin(self, start: Tensor, *, steps: int, noise: Noise | None = None) -> Moments:
        return Moments.none(start)

    def move(self, seen: Seen, state: Moments, threat: Threat, step_size: Tensor) -> tuple[Tensor, Moments]:
        return climbed(seen.delta, seen.slope, state, step_size * threat.radius)


@final
class PGD(Attack):
    """Steps in the norm's steepest direction: signed for L-inf, normalised for L2."""

    def begin(self, start: Tensor, *, steps: int, noise: Noise | None = None) -> None:
        return None

    def move(self, seen: Seen, state: None, threat: Threat, step_size: Tensor) -> tuple[Tensor, None]:
        length = per_example(step_size * threat.radius, seen.delta)
        return seen.delta + length * threat.norm.steepest(seen.slope), None


ATTACKS: dict[str, Attack] = {"adam_pgd": AdamPGD(), "pgd": PGD()}
"""Those that training chooses from."""

"""Two ways up: the paper's projected Adam, and projected gradient steps.

`AdamPGD` is the attack of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), section 3.3 and supplementary
material: raw gradients through Adam with its usual constants. With the paper's numbers (40 steps of .005 in a ball of
.3) it cannot travel through its ball. `PGD` is that of Madry et al. 2018 (arXiv 1706.06083): steps of one length each.
"""

from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from trainables.attacks.attack import Attack
from trainables.geometry import per_example
from trainables.threats.threat import Threat

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class _Moments(NamedTuple):
    first: Tensor
    second: Tensor
    step: int


@final
class AdamPGD(Attack):
    """Adam on the perturbation; a coordinate moves by about one step size a step, whatever the norm."""

    def begin(self, delta: Tensor) -> _Moments:
        return _Moments(torch.zeros_like(delta), torch.zeros_like(delta), 0)

    def move(
        self, delta: Tensor, gradient: Tensor, state: _Moments, threat: Threat, step_size: Tensor
    ) -> tuple[Tensor, _Moments]:
        first = BETA_1 * state.first + (1 - BETA_1) * gradient
        second = BETA_2 * state.second + (1 - BETA_2) * gradient.square()
        step = state.step + 1
        scale = (second / (1 - BETA_2**step)).sqrt() + EPSILON
        length = per_example(step_size * threat.radius / (1 - BETA_1**step), delta)
        return delta + length * first / scale, _Moments(first, second, step)


@final
class PGD(Attack):
    """Steps in the norm's steepest direction: signed for L-inf, normalised for L2."""

    def begin(self, delta: Tensor) -> None:
        return None

    def move(
        self, delta: Tensor, gradient: Tensor, state: Any, threat: Threat, step_size: Tensor
    ) -> tuple[Tensor, None]:
        length = per_example(step_size * threat.radius, delta)
        return delta + length * threat.norm.steepest(gradient), None


ATTACKS: dict[str, Attack] = {"adam_pgd": AdamPGD(), "pgd": PGD()}

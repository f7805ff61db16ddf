"""Optimisers as pure functions: parameters, gradients and state in, parameters and state out.

Adam has the paper's betas (Stutz, Hein and Schiele 2019, arXiv 1812.00740: its code; not PyTorch's defaults) and
coupled weight decay on all parameters, normalisations included.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from trainables.differentiation import Tensors

BETA_1, BETA_2, EPSILON, MOMENTUM = 0.5, 0.9, 1e-8, 0.9


class OptimiserState(NamedTuple):
    """Moments of the gradients; SGD leaves the second at zero.

    Attributes:
        updates: done so far, a number.
    """

    first: Tensors
    second: Tensors
    updates: Tensor


Optimiser = Callable[[Tensors, Tensors, OptimiserState, Tensor, Tensor], tuple[Tensors, OptimiserState]]


def begin(params: Tensors) -> OptimiserState:
    """Returns the state before the first update."""
    zeros = {name: torch.zeros_like(value) for name, value in params.items()}
    some = next(iter(params.values()))
    return OptimiserState(zeros, dict(zeros), torch.zeros((), dtype=some.dtype, device=some.device))


def adam(
    params: Tensors, gradients: Tensors, state: OptimiserState, learning_rate: Tensor, weight_decay: Tensor
) -> tuple[Tensors, OptimiserState]:
    """Moves by Adam."""
    updates = state.updates + 1
    correction_1, correction_2 = 1 - BETA_1**updates, 1 - BETA_2**updates
    moved, first, second = {}, {}, {}
    for name, value in params.items():
        gradient = gradients[name] + weight_decay * value
        first[name] = BETA_1 * state.first[name] + (1 - BETA_1) * gradient
        second[name] = BETA_2 * state.second[name] + (1 - BETA_2) * gradient.square()
        scale = (second[name] / correction_2).sqrt() + EPSILON
        moved[name] = value - learning_rate / correction_1 * first[name] / scale
    return moved, OptimiserState(first, second, updates)


def sgd(
    params: Tensors, gradients: Tensors, state: OptimiserState, learning_rate: Tensor, weight_decay: Tensor
) -> tuple[Tensors, OptimiserState]:
    """Moves by gradient descent with momentum 0.9."""
    first = {n: MOMENTUM * state.first[n] + gradients[n] + weight_decay * value for n, value in params.items()}
    moved = {name: value - learning_rate * first[name] for name, value in params.items()}
    return moved, OptimiserState(first, state.second, state.updates + 1)


OPTIMISERS: dict[str, Optimiser] = {"adam": adam, "sgd": sgd}

"""Gradients of pure functions, alone or under `torch.vmap`."""

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

Tensors = dict[str, Tensor]
"""Of a network: parameters, statistics, gradients."""

At = TypeVar("At")
Aux = TypeVar("Aux")


def clamp_through(values: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """Returns values clamped to a range, with the gradient of the values themselves.

    The gradient of `clamp` is zero at the bounds. Where most pixels are black, half of a random perturbation ends at a
    bound, and an attack that differentiated through `clamp` could never move it again.
    """
    if isinstance(low, Tensor) or isinstance(high, Tensor):
        least, most = (torch.as_tensor(bound, dtype=values.dtype) for bound in (low, high))
        clamped = torch.clamp(values, least, most)
    else:
        clamped = torch.clamp(values, low, high)  # ten times as fast
    return values + (clamped - values).detach() if torch.is_grad_enabled() else clamped


def grad_and_aux(function: Callable[[At], tuple[Tensor, Aux]], at: At, *, alone: bool) -> tuple[At, Aux]:
    """Returns the gradient of a function's first, scalar result, and its second.

    Args:
        function: pure.
        at: a tensor, or a dictionary of them.
        alone: not under `vmap`. `torch.func.grad` always makes a graph of the backward pass too, in case someone wants
            second derivatives; nobody does here, and alone the plain engine saves a third of the time.
    """
    if not alone:
        gradient, aux = torch.func.grad(function, has_aux=True)(at)
        return gradient, aux
    leaves: Any = tree_map_only(Tensor, lambda values: values.detach().requires_grad_(), at)
    value, aux = function(leaves)
    flat, structure = tree_flatten(leaves)
    gradients = tree_unflatten(torch.autograd.grad(value, flat), structure)
    return gradients, tree_map_only(Tensor, lambda values: values.detach(), aux)

"""A classifier as pure functions of its parameters, in two forms.

In training it normalises by batch statistics. In evaluation, and inside every attack, the running statistics are
constants, so normalisation is folded into the neighbouring weights, and linear layers in a row are one: fewer
operations, the same function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch._C._functorch import is_batchedtensor
from torch.func import functional_call

from trainables.differentiation import Tensors


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """A normalisation that an affine layer can absorb.

    Attributes:
        norm: name of the batch normalisation.
        layer: name of the convolution or linear layer that takes it in.
        layer_first: whether the layer comes before the normalisation (or after it).
    """

    norm: str
    layer: str
    layer_first: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """An architecture.

    Attributes:
        network: as it trains; it lives on the meta device, with shapes and no values.
        folded: maps parameters without normalisations, and images, to logits, in the parameters' precision.
        folds: how the normalisations go into the other parameters.
        chains: pairs of linear layers, one right after the other, that are the second alone in evaluation.
    """

    network: nn.Module
    folded: Callable[[Tensors, Tensor], Tensor]
    folds: tuple[Fold, ...]
    chains: tuple[tuple[str, str], ...] = ()


@final
class Classifier:
    """Maps images to logits.

    Args:
        blueprint: of the architecture.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        self._network = blueprint.network.train()
        self._folded = blueprint.folded
        self._folds, self._chains = blueprint.folds, blueprint.chains

    @property
    def size(self) -> int:
        """Counts the trained parameters."""
        return sum(p.numel() for p in self._network.parameters())

    def initialise(self, rng: torch.Generator, dtype: torch.dtype = torch.float32) -> tuple[Tensors, Tensors]:
        """Draws parameters, and buffers for the running statistics.

        Weights are normal with standard deviation sqrt(2/3) / sqrt(fan in), biases 0, as in the paper's code.
        """
        params = {}
        for name, shape in self._network.named_parameters():
            if shape.ndim > 1:
                fan_in = shape[0].numel()
                params[name] = torch.randn(shape.shape, generator=rng, dtype=dtype) * (2 / 3 / fan_in) ** 0.5
            else:
                params[name] = torch.full(shape.shape, 1.0 if name.endswith("weight") else 0.0, dtype=dtype)
        buffers = {
            name: torch.full(shape.shape, 1.0 if name.endswith("running_var") else 0.0, dtype=dtype)
            for name, shape in self._network.named_buffers()
        }
        return params, buffers

    @property
    def _norms(self) -> set[str]:
        return {fold.norm for fold in self._folds}

    def train_logits(
        self, params: Tensors, buffers: Tensors, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch classes"], Tensors]:
        """Returns logits under batch statistics, and the buffers after this batch; the given ones stay."""
        moving = {name: value.clone() for name, value in buffers.items()}
        return functional_call(self._network, (params, moving), (images,)), moving

    def fold(self, params: Tensors, buffers: Tensors) -> Tensors:
        """Returns the parameters of the same function without normalisations and chains, for `logits`."""
        folded = {name: value for name, value in params.items() if name.rpartition(".")[0] not in self._norms}
        for fold in self._folds:
            scale, shift = _affine(params, buffers, fold.norm)
            weight = folded[f"{fold.layer}.weight"]
            bias = folded.get(f"{fold.layer}.bias", torch.zeros_like(weight.flatten(1)[:, 0]))
            if fold.layer_first:
                folded[f"{fold.layer}.weight"] = weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))
                folded[f"{fold.layer}.bias"] = bias * scale + shift
            else:
                folded[f"{fold.layer}.weight"] = weight * scale
                folded[f"{fold.layer}.bias"] = bias + weight @ shift
        for first, second in self._chains:
            weight = folded[f"{second}.weight"]
            folded[f"{second}.weight"] = weight @ folded.pop(f"{first}.weight")
            folded[f"{second}.bias"] = folded[f"{second}.bias"] + weight @ folded.pop(f"{first}.bias")
        return {name: _lying(value) for name, value in folded.items()}

    def logits(
        self, folded: Tensors, images: Float[Tensor, "batch channel height width"]
    ) -> Float[Tensor, "batch classes"]:
        """Returns logits in evaluation, every example on its own; they have the images' precision."""
        return self._folded(folded, images).to(images.dtype)


def in_precision(folded: Tensors, dtype: torch.dtype) -> Tensors:
    """Returns the parameters in another precision."""
    return {name: value.to(dtype) for name, value in folded.items()}


def _lying(values: Tensor) -> Tensor:
    """Returns a convolution's weight with channels last, as its kernels want it: otherwise every call turns it."""
    if values.ndim != 4 or is_batchedtensor(values):
        return values
    return values.contiguous(memory_format=torch.channels_last)


def _affine(params: Tensors, buffers: Tensors, norm: str) -> tuple[Tensor, Tensor]:
    """Returns scale and shift of a normalisation whose statistics are constants."""
    variance, mean = buffers[f"{norm}.running_var"], buffers[f"{norm}.running_mean"]
    scale = params[f"{norm}.weight"] / (variance + 1e-5).sqrt()
    return scale, params[f"{norm}.bias"] - mean * scale

"""A decoder as it is used once it is trained: fewer and faster operations, the same images.

With statistics that no longer move, a normalisation is part of the convolution before it, as in Jacob et al. (2018,
arXiv 1712.05877, section 3.2). Nothing nonlinear stands between the linear layer and the first transposed convolution:
both are one affine map of the code.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.differentiation import Tensors
from trainables.manifolds.vaegan.networks import EPSILON, Networks, interleaved, upsampled

Parts = tuple[Tensor, Tensor, list[tuple[Tensor, Tensor]]]
"""What a decoder computes with: of its first affine map and of every layer after it, weight and bias."""


@final
class FoldedDecoder:
    """One model's decoder.

    Args:
        networks: the functions.
        params: of one model, with normalisations.
        stats: these normalisations' statistics.
        dtype: of codes and images; the folding itself is done in double precision.
    """

    def __init__(self, networks: Networks, params: Tensors, stats: Tensors, dtype: torch.dtype) -> None:
        self._networks = networks
        self._last = len(networks.sizes()) - 2  # the convolution that comes first
        doubles = {name: values.double() for name, values in {**params, **stats}.items() if "decoder" in name}
        layers = [_layer(doubles, i) for i in range(self._last + 1)]
        weight, bias = layers.pop()
        first, shift = networks.first(doubles, weight)
        shift = shift + bias[:, None, None]
        kernels = [(interleaved(own).to(dtype), bias.repeat_interleave(4).to(dtype)) for own, bias in layers]
        self.parts: Parts = (first.flatten(1).to(dtype), shift.flatten().to(dtype), kernels)

    def __call__(self, codes: Float[Tensor, "batch code"]) -> Float[Tensor, "batch c h w"]:
        """Returns images in [0, 1]."""
        return self.made(self.parts, codes)

    def made(self, parts: Parts, codes: Float[Tensor, "batch code"]) -> Float[Tensor, "batch c h w"]:
        """Returns the images of a decoder with these parts."""
        sizes, channels = self._networks.sizes(), self._networks.channels()
        first, shift, layers = parts
        hidden = torch.addmm(shift, codes, first)
        hidden = hidden.reshape(len(codes), channels[self._last], *sizes[self._last])
        for i in reversed(range(self._last)):
            hidden = upsampled(hidden.relu(), *layers[i], sizes[i])
        return hidden.sigmoid()


def together(decoders: Sequence[FoldedDecoder]) -> Callable[[Float[Tensor, "models each code"]], Tensor]:
    """Returns what decodes as many codes of each model: (models, each, c, h, w)."""
    parts = tree_map(lambda *own: torch.stack(own), *(decoder.parts for decoder in decoders))
    return partial(torch.vmap(decoders[0].made), parts)


def _layer(doubles: Tensors, i: int) -> tuple[Tensor, Tensor]:
    """Returns weight and bias of a transposed convolution that stand for it and the normalisation after it."""
    weight = doubles[f"decoder.conv{i}.weight"]
    if i == 0:
        return weight, doubles["decoder.conv0.bias"]
    norm = f"decoder.norm{i}"
    scale = doubles[f"{norm}.weight"] / (doubles[f"{norm}.variance"] + EPSILON).sqrt()
    return weight * scale[:, None, None], doubles[f"{norm}.bias"] - scale * doubles[f"{norm}.mean"]

"""Manifolds that VAE-GANs have learned: one for each class, or one for all.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3.2. The code of an image is the mean that the encoder of
its class gives; what an attack starts from, and is compared with, is that code's image and not the image itself. A
decoder of one class is told the label: its images of a class say nothing about whether a classifier would know it.
Unlike in the paper's code, codes are moved into the latent box before anything starts from them.
"""

import hashlib
import math
from collections.abc import Callable
from copy import copy
from typing import final
from weakref import WeakKeyDictionary

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trainables.config import LatentBox
from trainables.data.split import Split
from trainables.differentiation import Tensors, clamp_through
from trainables.manifolds.manifold import Code, Manifold
from trainables.manifolds.vaegan.folded import FoldedDecoder, together
from trainables.manifolds.vaegan.networks import Networks

CHUNK = 500
EXTREMES = ("box.low", "box.high")


@final
class LearnedManifold(Manifold):
    """Trained encoders and decoders, and the latent box.

    Args:
        networks: the functions.
        weights: of all models, stacked, with the extremes of the codes of what they were trained on.
        agnostic: whether there is one model for all classes.
        box: the extremes, a number for each dimension, or 2 in all of them.
    """

    rowwise = False

    def __init__(self, networks: Networks, weights: Tensors, *, agnostic: bool, box: LatentBox) -> None:
        self.code_length, self._networks, self.agnostic = networks.latent, networks, agnostic
        self.by_label, self._calls = not agnostic, 0
        self._weights = {name: values for name, values in weights.items() if name not in EXTREMES}
        self._decoders: dict[torch.dtype, list[FoldedDecoder]] = {}
        self._stacks: dict[torch.dtype, Callable[[Tensor], Tensor]] = {}
        self.low, self.high = (
            (weights[EXTREMES[0]], weights[EXTREMES[1]])
            if box == "minmax"
            else (torch.full((networks.latent,), -2.0), torch.full((networks.latent,), 2.0))
        )
        self._means: WeakKeyDictionary[Split, Tensor] = WeakKeyDictionary()

    def codes(self, split: Split, indices: Int[Tensor, "batch"]) -> Code:
        if split not in self._means:
            everything = torch.split(torch.arange(len(split)), CHUNK)
            parts = [self.encode(split.images(rows), split.labels[rows]) for rows in everything]
            self._means[split] = torch.cat(parts).clamp(self.low, self.high)
        return Code(self._means[split][indices], self.models(split.labels[indices]))

    def models(self, labels: Int[Tensor, "batch"]) -> Int[Tensor, "batch"]:
        """Returns which model makes the images of a class."""
        return torch.zeros_like(labels) if self.agnostic else labels

    @torch.no_grad()
    def encode(
        self, images: Float[Tensor, "batch channel height width"], labels: Int[Tensor, "batch"]
    ) -> Float[Tensor, "batch code"]:
        """Returns the means of the images' codes, wherever they lie."""

        def means(model: int, some: Tensor) -> Tensor:
            own = {name: values.to(some.dtype) for name, values in self._own(model).items()}
            return self._networks.encode(own, own, some, training=False)[0]

        return _by_model(self.models(labels), images, means)

    def decode(self, code: Code) -> Float[Tensor, "batch channel height width"]:
        decoders = self._folded(code.free.dtype)
        if self.agnostic:
            return decoders[0](code.free)
        if self._calls:
            if code.free.dtype not in self._stacks:
                self._stacks[code.free.dtype] = together(decoders)
            return _in_calls(code.fixed, code.free, self._stacks[code.free.dtype], len(decoders), self._calls)
        return _by_model(code.fixed, code.free, lambda model, some: decoders[model](some))

    def calls(self, labels: Int[Tensor, "batch"]) -> int:
        return math.ceil(int(labels.bincount().max()) / _places(len(labels), self._models))

    def stacked(self, calls: int) -> "LearnedManifold":
        same = copy(self)
        same._calls = calls
        return same

    @property
    def _models(self) -> int:
        return len(self._weights["decoder.linear.weight"])

    def _folded(self, dtype: torch.dtype) -> list[FoldedDecoder]:
        if dtype not in self._decoders:
            every = map(self._own, range(self._models))
            self._decoders[dtype] = [FoldedDecoder(self._networks, own, own, dtype) for own in every]
        return self._decoders[dtype]

    def _own(self, model: int) -> Tensors:
        return {name: values[model] for name, values in self._weights.items()}

    def clamp(self, free: Float[Tensor, "batch code"]) -> Float[Tensor, "batch code"]:
        return clamp_through(free, self.low, self.high)

    def to(self, device: torch.device) -> "LearnedManifold":
        there = copy(self)
        there._weights = {name: values.to(device) for name, values in self._weights.items()}
        there.low, there.high = self.low.to(device), self.high.to(device)
        there._decoders, there._stacks, there._means = {}, {}, WeakKeyDictionary()
        return there

    def digest(self) -> str:
        hashed = hashlib.sha256(f"{self.agnostic}".encode())
        everything = self._weights | dict(zip(EXTREMES, (self.low, self.high), strict=True))
        for name in sorted(everything):
            hashed.update(name.encode() + everything[name].cpu().numpy().tobytes())
        return hashed.hexdigest()


def bounded(networks: Networks, weights: Tensors, split: Split, *, agnostic: bool) -> Tensors:
    """Returns the weights of models with the extremes of the codes that they give to the images of a split."""
    unbounded = torch.full((networks.latent,), torch.inf)
    endless = dict(zip(EXTREMES, (-unbounded, unbounded), strict=True))
    manifold = LearnedManifold(networks, weights | endless, agnostic=agnostic, box="minmax")
    codes = manifold.codes(split, torch.arange(len(split))).free
    return weights | dict(zip(EXTREMES, (codes.amin(0), codes.amax(0)), strict=True))


def _by_model(models: Int[Tensor, "batch"], inputs: Tensor, function: Callable[[int, Tensor], Tensor]) -> Tensor:
    """Calls a function with each model and its rows, and puts the results in the rows' order."""
    order = models.argsort(stable=True)
    counts = models.bincount().tolist()
    by_model = torch.split(inputs[order], counts)
    parts = [function(model, rows) for model, rows in enumerate(by_model) if len(rows)]
    return torch.cat(parts)[order.argsort()]


def _places(rows: int, models: int) -> int:
    """Returns how many of so many rows each model has room for in one call: three deviations more than its share."""
    return math.ceil(rows / models + 3 * math.sqrt(rows / models))


def _in_calls(
    models: Int[Tensor, "batch"],
    codes: Float[Tensor, "batch code"],
    decode: Callable[[Tensor], Tensor],
    of: int,
    calls: int,
) -> Float[Tensor, "batch c h w"]:
    """Decodes as `_by_model` would, without a look at values: each call has as many places for each of the models."""
    each = _places(len(models), of)
    rank = (models[:, None] == models).tril().sum(1) - 1  # among the rows of its model
    images = codes.new_zeros(())
    for call in range(calls):
        here = rank // each == call
        place = torch.where(here, models * each + rank % each, of * each)  # who is not here shares one place more
        seats = codes.new_zeros(of * each + 1, codes.shape[1]).index_put((place,), codes)
        made = decode(seats[:-1].reshape(of, each, -1)).flatten(0, 1)
        images = torch.where(here[:, None, None, None], made[place.clamp(max=of * each - 1)], images)
    return images

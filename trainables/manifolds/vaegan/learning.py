"""Learning a manifold: VAE-GANs of all classes in one step.

Every class's model has images, weights, order and noise of its own, so it is the same model with or without the others
beside it. Unlike in the paper's code the length is counted in updates: smaller classes come round more often.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.checks import must
from trainables.config import VaeGanConfig
from trainables.data.split import Split
from trainables.differentiation import Tensors
from trainables.manifolds.vaegan.networks import Networks
from trainables.manifolds.vaegan.step import Losses, State, start, update
from trainables.seeding import stream

Trees = TypeVar("Trees", State, Losses)

EVERY = 20  # updates between two reports
ALL = -1  # stands for all classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the models are.

    Attributes:
        done: updates of every model, of `updates`.
        losses: means over models and over the updates since the last report.
        seconds: since the beginning.
    """

    done: int
    updates: int
    losses: Losses
    seconds: float


@dataclass(slots=True)
class _Order:
    """The order in which one model sees its images: a permutation after the other."""

    rows: Tensor
    rng: torch.Generator
    left: Tensor

    def take(self, count: int) -> Tensor:
        while len(self.left) < count:
            self.left = torch.cat([self.left, self.rows[torch.randperm(len(self.rows), generator=self.rng)]])
        taken, self.left = self.left[:count], self.left[count:]
        return taken


class Learner:
    """Models on their way.

    Args:
        config: of the manifold.
        split: the images.
        classes: the model of each of which to train; (ALL,) trains one for all.
        of: how many classes the data has.
        image_shape: channels, height and width.
        dtype: of everything.

    Raises:
        ValueError: if a class has too few images.
    """

    def __init__(
        self,
        config: VaeGanConfig,
        split: Split,
        classes: Sequence[int],
        *,
        of: int,
        image_shape: tuple[int, int, int],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.networks = Networks(image_shape=image_shape, latent=config.latent, width=config.width)
        self._config, self._split, self._dtype = config, split, dtype
        self._updates = config.updates * (of if config.agnostic else 1)
        rows = [_rows(split, each) for each in classes]
        least = min(map(len, rows))
        must(least >= 2, f"a manifold is learned from at least 2 images of every class; got {least}")
        self._orders = [
            _Order(own, stream(config.seed, "vaegan", "order", each), own[:0])
            for own, each in zip(rows, classes, strict=True)
        ]
        self._noise = [stream(config.seed, "vaegan", "noise", each) for each in classes]
        weights = (stream(config.seed, "vaegan", "weights", each) for each in classes)
        self._state = _stacked([start(self.networks, config, rng, dtype) for rng in weights])

    def learn(self) -> Iterator[Progress]:
        """Trains all models to their last update and reports now and then."""
        begun, losses = time.perf_counter(), []
        one = partial(update, self.networks, self._config, alone=False)
        # On a processor one model at a time is the fastest.
        together = torch.vmap(one, in_dims=(0, 0, 0, None), chunk_size=1)
        for number in range(self._updates):
            images, noise = self._batch()
            self._state, terms = together(self._state, images, noise, self._rate(number))
            losses.append(terms)
            if (number + 1) % EVERY == 0 or number + 1 == self._updates:
                yield Progress(
                    done=number + 1,
                    updates=self._updates,
                    losses=tree_map(torch.mean, _stacked(losses)),
                    seconds=time.perf_counter() - begun,
                )
                losses = []

    def _rate(self, number: int) -> Tensor:
        config = self._config
        return torch.tensor(config.learning_rate * math.pow(config.decay, number / self._updates), dtype=self._dtype)

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Returns a batch of images for every model, and noise for its codes."""
        size, latent = self._config.batch_size, self._config.latent
        images = [self._split.images(order.take(size)).to(self._dtype) for order in self._orders]
        noise = [torch.randn(size, latent, generator=rng, dtype=self._dtype) for rng in self._noise]
        return torch.stack(images), torch.stack(noise)

    def weights(self) -> Tensors:
        """Returns what is needed of all models from now on: encoders and decoders, stacked, with their statistics."""
        kept = {name: value for name, value in self._state.params.items() if not name.startswith("discriminator")}
        return {**kept, **self._state.stats}


def _rows(split: Split, label: int) -> Tensor:
    everything = torch.arange(len(split))
    return everything if label == ALL else everything[split.labels == label]


def _stacked(models: Sequence[Trees]) -> Trees:
    stacked: Trees = tree_map(lambda *values: torch.stack(values), *models)
    return stacked

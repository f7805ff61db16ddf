"""Learning a manifold: VAE-GANs of all classes at once.

Every class's model has images, weights, order and noise of its own, so it is the same model with or without the others
beside it. Unlike in the paper's code the length is counted in updates: smaller classes come round more often.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.allocation import HOST
from trainables.checks import must
from trainables.config import VaeGanConfig
from trainables.data.split import Split
from trainables.differentiation import Tensors
from trainables.manifolds.vaegan.networks import Networks
from trainables.manifolds.vaegan.step import Losses, State, start, update
from trainables.optimisers import OptimiserState
from trainables.packing import part
from trainables.seeding import stream

Trees = TypeVar("Trees", State, Losses)
Tree = TypeVar("Tree")

EVERY = 20  # updates between two reports
CHUNK = 500  # images that are made at a time
ALL = -1  # stands for all classes
PARTS = ("params", "stats", "first", "second")


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

    Attributes:
        updates: that every model will have made in the end; `done` of them it has made.

    Args:
        config: of the manifold.
        split: the images.
        classes: the model of each of which to train; (ALL,) trains one for all.
        of: how many classes the data has.
        image_shape: channels, height and width.
        dtype: of everything.
        device: that computes; it is given all images before the first update.
        together: updates all models in one vectorised step, as is done elsewhere than on the host; on processors it is
            faster to update every model by itself, as many at a time as PyTorch has threads.

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
        device: torch.device = HOST,
        together: bool = False,
    ) -> None:
        self.networks = Networks(image_shape=image_shape, latent=config.latent, width=config.width)
        self._config, self._split, self._dtype, self._device = config, split, dtype, device
        self._shown = None if device == HOST else _everything(split).to(device, dtype)
        together = together or device != HOST
        self.updates, self.done = config.updates * (of if config.agnostic else 1), 0
        rows = [_rows(split, each) for each in classes]
        least = min(map(len, rows))
        must(least >= 2, f"a manifold is learned from at least 2 images of every class; got {least}")
        self._orders = [
            _Order(own, stream(config.seed, "vaegan", "order", each), own[:0])
            for own, each in zip(rows, classes, strict=True)
        ]
        self._noise = [stream(config.seed, "vaegan", "noise", each) for each in classes]
        weights = (stream(config.seed, "vaegan", "weights", each) for each in classes)
        self._state = _on(device, _stacked([start(self.networks, config, rng, dtype) for rng in weights]))
        one = partial(update, self.networks, config, alone=not together)
        pool = ThreadPoolExecutor(min(torch.get_num_threads(), len(classes)))
        self._every = torch.vmap(one, in_dims=(0, 0, 0, None)) if together else partial(_apart, pool, one)

    def learn(self) -> Iterator[Progress]:
        """Trains all models to their last update and reports now and then."""
        begun, losses = time.perf_counter(), []
        while self.done < self.updates:
            losses.append(self.update())
            if self.done % EVERY == 0 or self.done == self.updates:
                yield Progress(
                    done=self.done,
                    updates=self.updates,
                    losses=_on(HOST, tree_map(torch.mean, _stacked(losses))),
                    seconds=time.perf_counter() - begun,
                )
                losses = []

    def update(self) -> Losses:
        """Moves all models once, and returns their losses, one number a model."""
        images, noise = self._batch()
        losses: Losses
        self._state, losses = self._every(self._state, images, noise, self._rate(self.done))
        self.done += 1
        return losses

    def _rate(self, number: int) -> Tensor:
        config = self._config
        return torch.tensor(config.learning_rate * math.pow(config.decay, number / self.updates), dtype=self._dtype)

    def _batch(self) -> tuple[Tensor, Tensor]:
        """Returns a batch of images for every model, and noise for its codes."""
        size, latent = self._config.batch_size, self._config.latent
        rows = torch.stack([order.take(size) for order in self._orders])
        noise = torch.stack([torch.randn(size, latent, generator=rng, dtype=self._dtype) for rng in self._noise])
        if self._shown is None:
            return torch.stack([self._split.images(own).to(self._dtype) for own in rows]), noise
        return self._shown[rows.to(self._device)], noise.to(self._device)

    def weights(self) -> Tensors:
        """Returns what is needed of all models from now on: encoders and decoders, stacked, with their statistics."""
        kept = {name: value for name, value in self._state.params.items() if not name.startswith("discriminator")}
        return _on(HOST, {**kept, **self._state.stats})

    @property
    def size(self) -> int:
        """Counts the parameters of all encoders and decoders."""
        named = self._state.params.items()
        return sum(values.numel() for name, values in named if not name.startswith("discriminator"))

    def progress(self) -> Tensors:
        """Returns all that has changed since the beginning, for `go_on`."""
        state = _on(HOST, self._state)
        parts = dict(zip(PARTS, (state.params, state.stats, *state.moments[:2]), strict=True))
        tensors = {f"{kind}/{name}": values for kind, own in parts.items() for name, values in own.items()}
        tensors |= {"updates": state.moments.updates, "done": torch.tensor(self.done)}
        tensors |= {f"noise/{place}": rng.get_state() for place, rng in enumerate(self._noise)}
        for place, order in enumerate(self._orders):
            tensors |= {f"order/{place}": order.rng.get_state(), f"left/{place}": order.left}
        return tensors

    def go_on(self, progress: Tensors) -> None:
        """Continues where `progress` was taken of a learner with the same arguments: the same numbers follow."""
        params, stats, first, second = (part(progress, name) for name in PARTS)
        self._state = _on(self._device, State(params, stats, OptimiserState(first, second, progress["updates"])))
        self.done = int(progress["done"])
        for place, rng in enumerate(self._noise):
            rng.set_state(progress[f"noise/{place}"])
        for place, order in enumerate(self._orders):
            order.rng.set_state(progress[f"order/{place}"])
            order.left = progress[f"left/{place}"]


def _rows(split: Split, label: int) -> Tensor:
    everything = torch.arange(len(split))
    return everything if label == ALL else everything[split.labels == label]


def _apart(
    pool: ThreadPoolExecutor,
    one: Callable[..., tuple[State, Losses]],
    state: State,
    images: Tensor,
    noise: Tensor,
    rate: Tensor,
) -> tuple[State, Losses]:
    """Updates every model by itself, some at a time; what `torch.vmap` would return."""

    def updated(model: int) -> tuple[State, Losses]:
        return one(tree_map(itemgetter(model), state), images[model], noise[model], rate)

    with _single_threaded():
        done = list(pool.map(updated, range(len(images))))
    return _stacked([after for after, _ in done]), _stacked([losses for _, losses in done])


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Keeps operations to one thread each: networks so small gain nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _everything(split: Split) -> Tensor:
    return torch.cat([split.images(rows) for rows in torch.split(torch.arange(len(split)), CHUNK)])


def _on(device: torch.device, tree: Tree) -> Tree:
    moved: Tree = tree_map(lambda values: values.to(device), tree)
    return moved


def _stacked(models: Sequence[Trees]) -> Trees:
    stacked: Trees = tree_map(lambda *values: torch.stack(values), *models)
    return stacked

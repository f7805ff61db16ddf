"""What random search draws anew, on which threat: squares of pixels, windows of pixels, or numbers of a code.

Squares (algorithm 2) and windows (algorithm 3) are those of Andriushchenko et al. 2020 (arXiv 1912.00049), section 3;
the numbers of a code, which has no neighbourhoods, are ours.
"""

import math
from abc import ABC, abstractmethod
from functools import cache
from typing import final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from trainables.attacks.noise import Noise
from trainables.geometry import L2, TINY, per_example
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

TILES = 5  # along the shorter side of an image
SMALLEST = 3  # pixels along a window's side
NO_CHANGE = 1e-3  # radii: what moves a pixel no further is rounding


class Proposals(ABC):
    """Perturbations on the surface of the ball, not yet moved into the range."""

    @abstractmethod
    def first(self, delta: Tensor, threat: Threat, noise: Noise) -> Tensor:
        """Returns perturbations to begin with."""

    @abstractmethod
    def next(self, delta: Tensor, threat: Threat, part: float, noise: Noise) -> Tensor:
        """Returns perturbations of which a part differs from the given ones."""


def proposals(threat: Threat) -> Proposals:
    """Returns those for a threat."""
    if not isinstance(threat, PixelThreat):
        return Numbers()
    return Windows() if isinstance(threat.norm, L2) else Squares()


@final
class Squares(Proposals):
    """L-inf on pixels: a square in which every channel goes to one end of its ball; at first, columns do.

    Where that would change nothing, channels go to the other end: late in a search, squares are small and most pixels
    stand where they were sent, so that half of what is drawn would be a query for what is known already.
    """

    def first(self, delta: Tensor, threat: Threat, noise: Noise) -> Tensor:
        _, channels, _, width = delta.shape
        return (per_example(threat.radius, delta) * noise.signs(channels, 1, width).to(delta)).expand_as(delta)

    def next(self, delta: Tensor, threat: Threat, part: float, noise: Noise) -> Tensor:
        channels, *extent = delta.shape[1:]
        side = _side(part, extent)
        places = _places(_corners(side, extent, noise), side, delta)
        drawn = per_example(threat.radius, delta[..., 0]) * noise.signs(channels, 1).to(delta)
        before, there = (images.flatten(2).gather(2, places) for images in (threat.anchor, delta))
        change = (before + drawn).clamp(*threat.box) - before - there
        changes = change.flatten(1).abs().amax(1) > NO_CHANGE * threat.radius
        drawn = torch.where(per_example(changes, drawn), drawn, -drawn).expand_as(places)
        return delta.flatten(2).scatter(2, places, drawn).reshape(delta.shape)


@final
class Windows(Proposals):
    """L2 on pixels: one window's budget, and what is unspent, goes to a bump in another; at first, bumps are tiles."""

    def first(self, delta: Tensor, threat: Threat, noise: Noise) -> Tensor:
        channels, height, width = delta.shape[1:]
        side = max(1, min(height, width) // TILES)
        rows, columns = height // side, width // side
        signs = noise.signs(channels, rows, columns).repeat_interleave(side, 2).repeat_interleave(side, 3)
        tiles = signs.to(delta) * bump(side).to(delta).repeat(rows, columns)
        filled = F.pad(tiles, (0, width - columns * side, 0, height - rows * side))
        return per_example(threat.radius, delta) * threat.norm.steepest(filled)

    def next(self, delta: Tensor, threat: Threat, part: float, noise: Noise) -> Tensor:
        channels, *extent = delta.shape[1:]
        side = min(max(_side(part, extent), SMALLEST) | 1, *extent)  # odd
        here, there = (_places(_corners(side, extent, noise), side, delta) for _ in range(2))
        square, turned = bump(side).to(delta), noise.uniform(1, 1) < 0.5
        unspent = per_example(threat.norm.room(delta, threat.radius) ** 2, here) / channels
        window, rest = delta.flatten(2).gather(2, here), delta.flatten(2).scatter(2, here, 0)
        room = (_lengths(window) ** 2 + _lengths(rest.gather(2, there)) ** 2 + unspent).sqrt()
        shape = torch.where(turned, square.T.flatten(), square.flatten())
        fresh = noise.signs(channels, 1).to(delta) * shape + _direction(window)
        return rest.scatter_(2, there, 0).scatter_(2, here, room * _direction(fresh)).reshape(delta.shape)


@final
class Numbers(Proposals):
    """Codes: some numbers in a random direction, as far as the ball lets them; at first, all are drawn."""

    def first(self, delta: Tensor, threat: Threat, noise: Noise) -> Tensor:
        return self.next(delta, threat, 1.0, noise)

    def next(self, delta: Tensor, threat: Threat, part: float, noise: Noise) -> Tensor:
        shape, length = delta.shape, delta[0].numel()
        order = noise.uniform(length).argsort(dim=1)
        chosen = (order < max(1, round(part * length))).reshape(shape)
        drawn = torch.where(chosen, noise.normal(length).to(delta).reshape(shape), 0)
        direction = drawn / per_example(threat.norm.length(drawn).clamp_min(TINY), delta)
        rest = torch.where(chosen, 0, delta)
        return rest + per_example(threat.norm.room(rest, threat.radius), delta) * direction


@cache
def bump(side: int) -> Float[Tensor, "side side"]:
    """Returns a square of length one: two neighbouring hills of opposite signs (there, equation 2)."""
    half = side // 2
    hills = torch.cat([_hill(side, half), -_hill(side, side - half)], dim=1)
    return hills / hills.square().sum().sqrt()


def _hill(height: int, width: int) -> Tensor:
    """Returns rectangles one upon another, ever smaller: the k-th, from 0 to n, is 1/(n + 1 - k)^2 high."""
    n = height // 2
    rows = (torch.arange(height) - n).abs()
    columns = (torch.arange(width) - width // 2).abs()
    terms = 1 / torch.arange(n + 1, 0, -1, dtype=torch.float64) ** 2
    return terms.cumsum(0)[n - torch.maximum(rows[:, None], columns[None, :])]


def _side(part: float, extent: list[int]) -> int:
    """Returns the side of a square that is such a part of an image."""
    height, width = extent
    return min(max(1, round(math.sqrt(part * height * width))), *extent)


def _corners(side: int, extent: list[int], noise: Noise) -> Int[Tensor, "batch 2"]:
    """Draws the upper left corner of a square inside the image for each example."""
    free = torch.tensor([length - side + 1 for length in extent], device=noise.rows.device)
    return (noise.uniform(2) * free).long()


def _places(
    corners: Int[Tensor, "batch 2"], side: int, delta: Float[Tensor, "batch channel height width"]
) -> Int[Tensor, "batch channel square"]:
    """Returns where the pixels of each example's square lie in every channel, row after row."""
    channels, _, width = delta.shape[1:]
    steps = torch.arange(side, device=corners.device)
    down, right = corners.unbind(1)
    square = (width * steps[:, None] + steps).flatten()
    return ((width * down + right)[:, None] + square)[:, None].expand(-1, channels, -1)


def _lengths(pixels: Float[Tensor, "batch channel square"]) -> Float[Tensor, "batch channel 1"]:
    """Returns the L2 norm of every channel."""
    return pixels.square().sum(2, keepdim=True).sqrt()


def _direction(pixels: Float[Tensor, "batch channel square"]) -> Float[Tensor, "batch channel square"]:
    """Returns every channel at length one, or zero."""
    return pixels / _lengths(pixels).clamp_min(TINY)

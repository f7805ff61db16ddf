"""Models whose losses are known, every attack, and a search of each: what the suites of attacks share."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.contracts.conftest import BATCH, starting_point
from trainables.attacks.apgd import APGD
from trainables.attacks.attack import NO_SLACK, Attack, Found, Objective, Seen, search
from trainables.attacks.gradient import ATTACKS
from trainables.attacks.noise import Noise
from trainables.attacks.square import Square
from trainables.geometry import L2
from trainables.seeding import stream
from trainables.threats.threat import Threat

STEPS = 8
LABELS = torch.arange(BATCH) % 3
CLIMBERS: dict[str, Attack] = {**ATTACKS, "apgd": APGD()}
EVERY: dict[str, Attack] = {**CLIMBERS, "square": Square()}
Model = Callable[[Tensor], Tensor]

PIXELS = 3 * 56 * 48  # of the largest images; smaller ones use the first weights
WEIGHTS = [torch.randn(PIXELS, 3, generator=stream(k, "model"), dtype=torch.float64) / 10 for k in range(3)]


def weights(k: int, images: Tensor) -> Tensor:
    """As many as there are pixels, and the smaller the more there are, so that nothing saturates."""
    pixels = images[0].numel()
    return WEIGHTS[k][:pixels] * 784 / pixels


def linear(images: Tensor) -> Tensor:
    return images.flatten(1) @ weights(0, images)


def curved(images: Tensor) -> Tensor:
    return torch.tanh(4 * images.flatten(1) @ weights(1, images)) @ WEIGHTS[2][:3] * 20


def cross_entropy(model: Model, labels: Tensor = LABELS) -> Objective:
    def function(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(images)
        return F.cross_entropy(logits, labels, reduction="none"), logits.argmax(1) != labels

    return Objective(function, (labels,))


def draws(seed: int = 0) -> torch.Generator:
    return stream(seed, "steps")


def find(
    attack: Attack,
    threat: Threat,
    model: Model = curved,
    *,
    start: Tensor | None = None,
    steps: int = STEPS,
    step_size: float = 0.2,
    slack: int = NO_SLACK,
    longest: int | None = None,
    alone: bool = False,
    labels: Tensor = LABELS,
    seed: int = 0,
) -> Found:
    return search(
        attack,
        cross_entropy(model, labels),
        threat,
        starting_point(threat) if start is None else start,
        step_size=torch.tensor(step_size, dtype=torch.float64),
        steps=torch.tensor(steps),
        slack=torch.tensor(slack),
        longest=steps if longest is None else longest,
        alone=alone,
        rng=draws(seed),
    )


def iterates(
    attack: Attack, threat: Threat, model: Model = curved, steps: int = STEPS, step_size: float = 0.2
) -> list[Seen]:
    """The slow twin: every iterate and what is seen there, by a plain loop with `autograd`."""
    delta, every = starting_point(threat), []
    state = attack.begin(delta, steps=steps, noise=Noise.of(delta, draws()))
    for _ in range(steps + 1):
        leaf = delta.clone().requires_grad_()
        loss, wrong = cross_entropy(model)(threat.render(leaf))
        (gradient,) = torch.autograd.grad(loss.sum(), leaf)
        every.append(Seen(delta, loss.detach(), gradient if attack.climbs else None, wrong))
        moved, state = attack.move(every[-1], state, threat, torch.tensor(step_size, dtype=torch.float64))
        delta = threat.project(moved)
    return every


def length(threat: Threat, delta: Tensor) -> np.ndarray:
    flat = delta.detach().numpy().reshape(len(delta), -1)
    return np.linalg.norm(flat, ord=2 if isinstance(threat.norm, L2) else np.inf, axis=1)

"""From a trial's config to what its step needs: a structure, numbers, and noise."""

from collections.abc import Mapping

import torch
from jaxtyping import Int
from torch import Tensor

from trainables.attacks.attack import NO_SLACK
from trainables.classifiers.classifier import Classifier
from trainables.config import ThreatName, TrialConfig
from trainables.geometry import NORMS
from trainables.manifolds.manifold import Manifolds
from trainables.optimisers import OPTIMISERS
from trainables.training.step import Hyper, RoleHyper, RoleNoise, RolePlan, Step

ATTACK_DTYPES = {"float32": None, "bfloat16": torch.bfloat16}


def dedicated_step(config: TrialConfig, classifier: Classifier, manifolds: Manifolds, dtype: torch.dtype) -> Step:
    """Plans the step of one model on its own: attacks have no empty places and no masked steps."""
    plans = tuple(
        RolePlan(config=role, window=count, capacity=capacity, longest=role.steps)
        for (role, count), capacity in zip(config.role_counts(), config.capacities(), strict=True)
    )
    return _step(config, classifier, manifolds, plans, dtype, alone=True)


def fused_step(config: TrialConfig, classifier: Classifier, manifolds: Manifolds, dtype: torch.dtype) -> Step:
    """Plans the step that all configs of this one's signature can share, under `torch.vmap`."""
    plans = tuple(
        RolePlan(config=role, window=capacity, capacity=capacity, longest=config.fused_steps)
        for role, capacity in zip(config.roles, config.capacities(), strict=True)
    )
    return _step(config, classifier, manifolds, plans, dtype, alone=False)


def _step(
    config: TrialConfig,
    classifier: Classifier,
    manifolds: Manifolds,
    plans: tuple[RolePlan, ...],
    dtype: torch.dtype,
    *,
    alone: bool,
) -> Step:
    return Step(
        classifier,
        {role.threat: manifolds[role.threat] for role in config.roles if role.threat != "pixel"},
        OPTIMISERS[config.optimiser.kind],
        NORMS[config.threat_model.norm],
        plans,
        ATTACK_DTYPES[config.attack_precision] or dtype,
        alone,
    )


def calls(config: TrialConfig, labels: Int[Tensor, "batch"], manifolds: Manifolds) -> int:
    """Returns how many calls of one shape decode the codes of a fused step, see `Manifold.calls`.

    Args:
        config: of the model.
        labels: of its examples, on the host.
        manifolds: that its roles move on.
    """
    most, first = 1, config.batch_size - sum(count for _, count in config.role_counts())
    for (role, count), capacity in zip(config.role_counts(), config.capacities(), strict=True):
        if role.threat != "pixel" and manifolds[role.threat].by_label:
            most = max(most, manifolds[role.threat].calls(labels[first + torch.arange(capacity) % count]))
        first += count
    return most


def hyper(config: TrialConfig, learning_rate: float, dtype: torch.dtype) -> Hyper:
    """Returns the numbers of a step as tensors without axes; weights are divided by their sum."""
    counts = [count for _, count in config.role_counts()]
    clean_count = config.batch_size - sum(counts)
    clean_weight = config.clean_weight if clean_count else 0.0
    total = clean_weight + sum(role.weight for role in config.roles)

    def real(value: float) -> Tensor:
        return torch.tensor(value, dtype=dtype)

    roles, first = [], clean_count
    for role, count in config.role_counts():
        roles.append(
            RoleHyper(
                weight=real(role.weight / total),
                radius=real(role.radius),
                step_size=real(role.step_size),
                steps=torch.tensor(role.steps),
                slack=torch.tensor(NO_SLACK if role.slack is None else role.slack),
                beta=real(role.beta),
                first=torch.tensor(first),
                size=torch.tensor(count),
            )
        )
        first += count
    return Hyper(
        learning_rate=real(learning_rate),
        weight_decay=real(config.optimiser.weight_decay),
        clean_weight=real(clean_weight / total),
        clean_count=torch.tensor(clean_count),
        roles=tuple(roles),
    )


def draw_noise(
    config: TrialConfig, shapes: Mapping[ThreatName, tuple[int, ...]], rng: torch.Generator, dtype: torch.dtype
) -> tuple[RoleNoise, ...]:
    """Draws the starting points of every role's attack, in the shape that its threat perturbs.

    They are drawn at capacity, so that they do not depend on who shares a step.
    """
    noise = []
    for role, capacity in zip(config.roles, config.capacities(), strict=True):
        gaussian = torch.randn(capacity, *shapes[role.threat], generator=rng, dtype=dtype)
        noise.append(RoleNoise(gaussian, torch.rand(capacity, generator=rng, dtype=dtype)))
    return tuple(noise)

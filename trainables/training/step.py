"""One training step, written for one model and fit for `torch.vmap` over stacked ones.

Every example of a batch plays one role: clean, or adversarial under one threat. The loss is
`w_clean CE(clean) + sum over roles of w_role CE(perturbed)`, each term a mean over its examples; with shares of a half,
a quarter and a quarter and equal weights it is the combined training of Stutz, Hein and Schiele (CVPR 2019,
arXiv 1812.00740), section 3.5. Attacks see the network in evaluation mode, the update sees the whole batch at once in
training mode, as there. Unlike there, random baselines update once a batch, as all others do.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from trainables.attacks.attack import Objective, search
from trainables.attacks.gradient import ATTACKS
from trainables.attacks.objectives import cross_entropy, divergence, kl
from trainables.classifiers.classifier import Classifier, in_precision
from trainables.config import RoleConfig, ThreatName
from trainables.differentiation import Tensors, grad_and_aux
from trainables.geometry import Norm
from trainables.manifolds.manifold import Code, Manifolds
from trainables.optimisers import Optimiser, OptimiserState
from trainables.threats.manifold import ManifoldThreat
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat


class State(NamedTuple):
    """Everything that training changes."""

    params: Tensors
    buffers: Tensors
    optimiser: OptimiserState


class Outcome(NamedTuple):
    """What happened in a step.

    Attributes:
        loss: before the update.
        passes: of every role's attack through the network, forward and backward, summed over its examples.
    """

    loss: Tensor
    passes: Int[Tensor, "roles 2"]


class Batch(NamedTuple):
    """Examples in random order, with their codes on every manifold that a role moves on."""

    images: Float[Tensor, "batch channel height width"]
    labels: Int[Tensor, "batch"]
    codes: dict[ThreatName, Code]


class RoleNoise(NamedTuple):
    """Random starting points of a role's attack, see `Norm.sample`."""

    gaussian: Tensor
    uniform: Float[Tensor, "capacity"]


class RoleHyper(NamedTuple):
    """A role's numbers, each without axes; `first` and `size` say which positions of a batch play it."""

    weight: Tensor
    radius: Tensor
    step_size: Tensor
    steps: Tensor
    slack: Tensor
    beta: Tensor
    first: Tensor
    size: Tensor


class Hyper(NamedTuple):
    """All numbers that may differ between models in one fused step."""

    learning_rate: Tensor
    weight_decay: Tensor
    clean_weight: Tensor
    clean_count: Tensor
    roles: tuple[RoleHyper, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolePlan:
    """What is fixed of a role in one fused step.

    Attributes:
        window: places that are attacked; at least the role's examples.
        capacity: places that its noise has, and the clean copies of TRADES, where examples repeat to fill them; batch
            statistics then count some twice, alone just as in a fused step.
        longest: steps of its attack's loop.
    """

    config: RoleConfig
    window: int
    capacity: int
    longest: int


class Step:
    """The step for one structure. Calling it is pure.

    Args:
        classifier: to train.
        manifolds: those that roles move on.
        optimiser: moves the parameters.
        norm: of the threats.
        roles: in the order of their positions in a batch, after the clean examples.
        attack_dtype: precision of the network inside the attacks.
        alone: not under `torch.vmap`.
    """

    def __init__(
        self,
        classifier: Classifier,
        manifolds: Manifolds,
        optimiser: Optimiser,
        norm: Norm,
        roles: tuple[RolePlan, ...],
        attack_dtype: torch.dtype,
        alone: bool,
    ) -> None:
        self.classifier, self.manifolds, self.optimiser, self.norm = classifier, manifolds, optimiser, norm
        self.roles, self.attack_dtype, self.alone = roles, attack_dtype, alone

    def __call__(self, state: State, batch: Batch, noise: tuple[RoleNoise, ...], hyper: Hyper) -> tuple[State, Outcome]:
        """Returns the state after the step, and what happened in it."""
        images, passes = batch.images, [torch.zeros(0, 2, dtype=torch.int64, device=batch.images.device)]
        folded = in_precision(self.classifier.fold(state.params, state.buffers), self.attack_dtype)
        for plan, role_noise, numbers in zip(self.roles, noise, hyper.roles, strict=True):
            images, spent = self._perturb(images, batch, folded, plan, role_noise, numbers)
            passes.append(spent[None])

        def loss_of(params: Tensors) -> tuple[Tensor, tuple[Tensor, Tensors]]:
            loss, buffers = self._loss(params, state.buffers, images, batch, hyper)
            return loss, (loss, buffers)

        gradients, (loss, buffers) = grad_and_aux(loss_of, state.params, alone=self.alone)
        params, optimiser = self.optimiser(
            state.params, gradients, state.optimiser, hyper.learning_rate, hyper.weight_decay
        )
        return State(params, buffers, optimiser), Outcome(loss, torch.cat(passes))

    def _perturb(
        self,
        images: Tensor,
        batch: Batch,
        folded: Tensors,
        plan: RolePlan,
        noise: RoleNoise,
        numbers: RoleHyper,
    ) -> tuple[Tensor, Tensor]:
        """Replaces the role's examples by what its attack finds; returns its passes too."""
        positions = numbers.first + torch.arange(plan.window, device=images.device) % numbers.size
        threat = self._threat(batch, positions, plan, numbers)
        objective = self._objective(batch, positions, folded, plan)
        found = search(
            ATTACKS[plan.config.attack],
            objective,
            threat,
            threat.start(noise.gaussian[: plan.window], noise.uniform[: plan.window]),
            step_size=numbers.step_size,
            steps=numbers.steps,
            slack=numbers.slack,
            longest=plan.longest,
            alone=self.alone,
        )
        place = torch.arange(len(images), device=images.device) - numbers.first
        perturbed = threat.render(found.delta)[place.clamp(0, plan.window - 1)]
        images = torch.where(_inside(place, numbers)[:, None, None, None], perturbed, images)
        return images, _passes(found.looks, numbers)

    def _threat(self, batch: Batch, positions: Tensor, plan: RolePlan, numbers: RoleHyper) -> Threat:
        if plan.config.threat == "pixel":
            return PixelThreat(batch.images[positions], self.norm, numbers.radius)
        free, fixed = (part[positions] for part in batch.codes[plan.config.threat])
        centre = free if plan.config.centred else torch.zeros_like(free)
        manifold, whole_box = self.manifolds[plan.config.threat], plan.config.whole_box
        return ManifoldThreat(manifold, Code(centre, fixed), self.norm, numbers.radius, whole_box=whole_box)

    def _objective(self, batch: Batch, positions: Tensor, folded: Tensors, plan: RolePlan) -> Objective:
        labels = batch.labels[positions]
        if plan.config.loss == "trades":
            return divergence(self.classifier, folded, labels, batch.images[positions])
        return cross_entropy(self.classifier, folded, labels)

    def _loss(
        self, params: Tensors, buffers: Tensors, images: Tensor, batch: Batch, hyper: Hyper
    ) -> tuple[Tensor, Tensors]:
        """Returns the weighted sum over roles, and the buffers after this batch."""
        copies = [
            numbers.first + torch.arange(plan.capacity, device=images.device) % numbers.size
            for plan, numbers in self._trades(hyper)
        ]
        everything = torch.cat([images, *(batch.images[positions] for positions in copies)])
        logits, moving = self.classifier.train_logits(params, buffers, everything)
        logits, *clean_logits = torch.split(logits, [len(images), *map(len, copies)])

        losses = F.cross_entropy(logits, batch.labels, reduction="none")
        index = torch.arange(len(images), device=images.device)
        loss = hyper.clean_weight * _mean(losses, index < hyper.clean_count)
        for plan, numbers in zip(self.roles, hyper.roles, strict=True):
            if plan.config.loss == "ce":
                loss = loss + numbers.weight * _mean(losses, _inside(index - numbers.first, numbers))
        for (_, numbers), positions, clean in zip(self._trades(hyper), copies, clean_logits, strict=True):
            terms = F.cross_entropy(clean, batch.labels[positions], reduction="none")
            terms = terms + numbers.beta * kl(clean.log_softmax(1), logits[positions])
            counted = torch.arange(len(positions), device=images.device) < numbers.size
            loss = loss + numbers.weight * _mean(terms, counted)
        return loss, moving

    def _trades(self, hyper: Hyper) -> list[tuple[RolePlan, RoleHyper]]:
        pairs = zip(self.roles, hyper.roles, strict=True)
        return [(plan, numbers) for plan, numbers in pairs if plan.config.loss == "trades"]


def _passes(looks: Int[Tensor, "window"], numbers: RoleHyper) -> Int[Tensor, "2"]:
    """Returns forward and backward passes of the role's examples; places that repeat them are not counted."""
    own = looks.long() * (torch.arange(len(looks), device=looks.device) < numbers.size)
    return torch.stack([own.sum(), torch.minimum(own, numbers.steps).sum()])


def _inside(place: Tensor, numbers: RoleHyper) -> Tensor:
    return (place >= 0) & (place < numbers.size)


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp_min(1)

"""All numbers of a model under a study's threat model."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from trainables.allocation import HOST
from trainables.attacks.gradient import PGD, AdamPGD
from trainables.config import EvaluationConfig, ThreatModel, ThreatName
from trainables.data.split import Split
from trainables.evaluation.asked import Asked, MakeThreat, Subject
from trainables.evaluation.errors import Probe, lost_under_attack, successes
from trainables.geometry import NORMS, Norm
from trainables.manifolds.manifold import Code, Manifold, Manifolds
from trainables.seeding import stream
from trainables.threats.manifold import ManifoldThreat
from trainables.threats.pixel import PixelThreat

PAPER_STEPS = 40
PAPER_STEP = 0.005  # in image range and in code units alike
TRAVEL = 2.5  # radii that the measuring attack can cross in all its steps
MANIFOLD_FIELDS: Mapping[ThreatName, tuple[str, str | None]] = MappingProxyType(
    {"manifold": ("on_manifold_error", "on_manifold_success_rate"), "affine": ("affine_error", None)}
)
"""What is measured of each: the error, and the rate of the paper's attack where the paper has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderAttack:
    """What attacks do to a model; fields as in `trainables.report.EpochReport`."""

    robust_error: float
    robust_error_at: dict[str, float]
    on_manifold_error: float | None = None
    affine_error: float | None = None
    success_rate: float | None = None
    on_manifold_success_rate: float | None = None


def pixel_threats(split: Split, norm: Norm, device: torch.device = HOST) -> MakeThreat:
    """Returns what makes pixel threats for examples of a split, to be searched on a device."""

    def make(indices: Tensor, radius: Tensor) -> PixelThreat:
        return PixelThreat(split.images(indices).to(device), norm, radius.to(device))

    return make


def manifold_threats(split: Split, norm: Norm, manifold: Manifold, device: torch.device = HOST) -> MakeThreat:
    """Returns what makes manifold threats for examples of a split, to be searched on a device."""
    there = manifold.to(device)

    def make(indices: Tensor, radius: Tensor) -> ManifoldThreat:
        code = Code(*(part.to(device) for part in manifold.codes(split, indices)))
        return ManifoldThreat(there, code, norm, radius.to(device))

    return make


def under_attack(
    subject: Subject,
    manifolds: Manifolds,
    threat_model: ThreatModel,
    config: EvaluationConfig,
    seed: int,
) -> UnderAttack:
    """Measures a model under all attacks of the evaluation; see `all_under_attack`."""
    return all_under_attack(subject, manifolds, threat_model, config, seed)[0]


def all_under_attack(
    subject: Asked, manifolds: Manifolds, threat_model: ThreatModel, config: EvaluationConfig, seed: int
) -> list[UnderAttack]:
    """Measures models under all attacks of the evaluation.

    Args:
        subject: the models and their data.
        manifolds: of the data.
        threat_model: norm and radii.
        config: how hard to look.
        seed: of the attacks' noise; equal seeds give every model the same starts on the same images.
    """
    norm, split, device = NORMS[threat_model.norm], subject.split, subject.device
    attempts = config.paper_attempts
    pixel = _measure(subject, pixel_threats(split, norm, device), threat_model.epsilon, config, attempts, seed)
    names = [f"{fraction * threat_model.epsilon:.3g}" for fraction in config.radii]
    found: list[dict[str, Any]] = [
        {
            "robust_error": one.mean,
            "robust_error_at": dict(zip(names, one.errors, strict=True)),
            "success_rate": one.success_rate,
        }
        for one in pixel
    ]
    for name, manifold in manifolds.items():
        error, rate = MANIFOLD_FIELDS[name]
        threats, tried = manifold_threats(split, norm, manifold, device), attempts if rate else 0
        measured = _measure(subject, threats, threat_model.eta, config, tried, seed)
        for fields, one in zip(found, measured, strict=True):
            fields |= {error: one.mean} | ({rate: one.success_rate} if rate else {})
    return [UnderAttack(**fields) for fields in found]


@dataclass(frozen=True, slots=True)
class _Measured:
    errors: list[float]
    success_rate: float | None

    @property
    def mean(self) -> float:
        return sum(self.errors) / len(self.errors)


def _measure(
    subject: Asked, threat: MakeThreat, radius: float, config: EvaluationConfig, attempts: int, seed: int
) -> list[_Measured]:
    """Measures models under one threat: errors at all radii, worst over both attacks, and the paper's success rate."""
    strong = Probe(attack=PGD(), threat=threat, steps=config.steps, step_size=TRAVEL / config.steps)
    paper = Probe(attack=AdamPGD(), threat=threat, steps=PAPER_STEPS, step_size=PAPER_STEP / radius)
    noise, everyone = partial(stream, seed, "evaluation", config.split), subject.first(config.n_attacked)
    clean = subject.unperturbed(threat, everyone)
    radii = [fraction * radius for fraction in config.radii]
    lost = lost_under_attack(subject, strong, radii, clean, restarts=config.restarts, rng=noise("worst"))
    broken = successes(subject, paper, radius, clean, attempts=attempts, rng=noise("paper"))
    rates: list[float | None] = [None] * subject.models
    if broken is not None:
        owners = subject.owners(everyone[~clean])
        own = [broken[:, owners == model].double() for model in range(subject.models)]
        rates = [tried.mean().item() if tried.numel() else None for tried in own]
        if config.radii[-1] >= 1:
            lost[-1] = lost[-1].masked_scatter(~clean, lost[-1][~clean] | broken.any(0))
    errors = zip(*(subject.means(everyone, mask) for mask in lost), strict=True)
    return [_Measured(list(own), rate) for own, rate in zip(errors, rates, strict=True)]

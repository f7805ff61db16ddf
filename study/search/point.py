"""What a point of a space means for a trial."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args, overload

from search_spaces.tradeoff import PAPER_TRAVEL
from study.manifold_kinds import learned_as
from study.search.cell import cell
from study.search.scaling import RATE_SCALES, STEP_SCALES
from trainables.config import (
    AnyTrialConfig,
    LearnedConfig,
    ManifoldTrialConfig,
    OptimiserConfig,
    RoleConfig,
    ThreatName,
    TrialConfig,
)


@overload
def to_config(point: Mapping[str, Any], base: TrialConfig, learned: LearnedConfig | None = None) -> TrialConfig: ...
@overload
def to_config(
    point: Mapping[str, Any], base: ManifoldTrialConfig, learned: LearnedConfig | None = None
) -> ManifoldTrialConfig: ...
@overload
def to_config(
    point: Mapping[str, Any], base: AnyTrialConfig, learned: LearnedConfig | None = None
) -> AnyTrialConfig: ...
def to_config(point: Mapping[str, Any], base: AnyTrialConfig, learned: LearnedConfig | None = None) -> AnyTrialConfig:
    """Returns the base trial with what the point of its space chooses; its data, measurement, epochs and seed stay.

    Args:
        point: of the space.
        base: what it is filled into.
        learned: what learned manifolds share that the point may choose to move on.

    Raises:
        ValueError: if the point moves on a learned manifold and nothing says how it is learned.
    """
    if isinstance(base, ManifoldTrialConfig):
        return _model(point, base)
    return cell(point, base) if "method" in point else _mixture(point, base, learned)


def _model(point: Mapping[str, Any], base: ManifoldTrialConfig) -> ManifoldTrialConfig:
    """Returns the base trial with the point's VAE-GANs, at a multiple of the base's width."""
    model = replace(
        base.manifold.model,
        agnostic=point["models"] == "all classes",
        latent=round(point["latent"]),
        width=base.width * point["width"],
        reconstruction=point["reconstruction"],
        gamma=point.get("gamma", 0.0),
        learning_rate=point["learning_rate"],
    )
    return replace(base, manifold=replace(base.manifold, model=model))


def _mixture(point: Mapping[str, Any], base: TrialConfig, learned: LearnedConfig | None) -> TrialConfig:
    """Returns the base trial with the point's mixture of losses, attacks and optimiser.

    Radii become absolute under the base's threat model.
    """
    roles = tuple(_role(name, point, base, learned) for name in _threats(point))
    optimiser = OptimiserConfig(
        learning_rate=point["learning_rate"] * RATE_SCALES.get(base.architecture, 1.0),
        weight_decay=point["weight_decay"],
        decay=point["decay"],
    )
    taken = sum(round(role.share * base.batch_size) for role in roles)
    # Where the roles take the whole batch no clean example is left, and a weight without examples would be lost.
    clean_weight = point["weights"]["clean"] if taken < base.batch_size else 0.0
    return replace(base, clean_weight=clean_weight, roles=roles, optimiser=optimiser)


def _threats(point: Mapping[str, Any]) -> list[ThreatName]:
    known: tuple[ThreatName, ...] = get_args(ThreatName)
    named = point["threats"].split("+")
    return [threat for threat in known if threat in named]


def _role(name: ThreatName, point: Mapping[str, Any], base: TrialConfig, learned: LearnedConfig | None) -> RoleConfig:
    radius = base.threat_model.epsilon if name == "pixel" else base.threat_model.eta
    own = {key.removeprefix(f"{name}."): value for key, value in point.items() if key.startswith(f"{name}.")}
    own.setdefault("share", point.get(f"mixed.{name}.share"))
    own.setdefault("step_size", PAPER_TRAVEL / base.fused_steps)  # of no effect: there are no steps
    own["radius"] *= radius
    own["step_size"] *= STEP_SCALES.get((base.threat_model.norm, name), 1.0)
    return RoleConfig(**_moved(name, point, learned), weight=point["weights"][name], attack="adam_pgd", **own)


def _moved(name: ThreatName, point: Mapping[str, Any], learned: LearnedConfig | None) -> dict[str, Any]:
    """Returns what a role perturbs, and the manifold where the point has a choice of several."""
    kind = point.get("kind")
    if kind is None or name == "pixel":
        return {"threat": name}
    if kind == "affine":
        return {"threat": "affine"}
    return {"threat": "manifold", "on": learned_as(learned, kind, point.get("box")) or "known"}

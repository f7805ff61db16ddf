"""What a study has shown, as plain values: for summary.json, for `analysis.exports` and for the page."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.attacks import attacks_summary
from analysis.attainment import vorobev
from analysis.choices import chances_of, choices_of, comparisons_of, knee_of
from analysis.claims.exports import plain_claims
from analysis.fidelity import by_epoch, search_and_confirmation
from analysis.front import Candidate, ConfirmedFront, confirmed_fronts
from analysis.load import Study
from analysis.objectives import Objective
from analysis.optimism import optimism
from analysis.schema import KINDS_OF_EPOCH, SCHEMA_VERSION
from analysis.statistics import Interval

SATURATED_ABOVE: Final = 0.98  # of an objective's worst value


def summary(study: Study) -> dict[str, Any]:
    """Returns what summary.json holds: per architecture the hypervolume, the confirmed front and what it offers."""
    # The cells of a grid were trained on sets of several sizes: they have no front.
    fronts, configs = () if study.is_grid else confirmed_fronts(study), trial_configs(study)
    return {
        "name": study.name,
        "schema_version": SCHEMA_VERSION,
        "objectives": [objective.on_test for objective in study.objectives],
        "threat_model": dict(study.config["threat_model"]),
        "measured_by": dict(study.evaluation),
        "checkpoint": study.config.get("checkpoint", KINDS_OF_EPOCH[0]),
        "architectures": {front.architecture: _architecture(study, front, configs) for front in fronts},
        "attacks": attacks_summary(study),
        "comparisons": [found.to_dict() for found in comparisons_of(fronts)],
        **({"claims": plain_claims(study)} if study.is_grid else {}),
    }


def trial_configs(study: Study) -> dict[str, dict[str, Any]]:
    """Returns every trial's configuration by its id, without the empty parts and the prefix `config.`."""
    columns = [column for column in study.trials.schema.names if column.startswith("config.")]
    return {
        row["trial_id"]: {
            column.removeprefix("config."): row[column] for column in columns if _is_something(row[column])
        }
        for row in study.trials.select(["trial_id", *columns]).to_pylist()
    }


def trained_threats(configs: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
    """Returns the threats that some trial trains on, and the image's own in any case."""
    used = ("manifold", "affine")
    return ("pixel", *(t for t in used if any(config.get(f"roles.{t}.share") for config in configs.values())))


def mixture(config: Mapping[str, Any], threats: Sequence[str]) -> dict[str, tuple[float | None, ...]]:
    """Returns weights and batch shares of (clean, *threats) and radii of the threats, None for an absent part.

    Weights are divided by their sum, as training does.
    """
    shares = [config.get(f"roles.{threat}.share") for threat in threats]
    weights = [config.get("clean_weight"), *(config.get(f"roles.{threat}.weight") for threat in threats)]
    clean = 1 - sum(share for share in shares if share)
    if clean <= 0:
        weights[0] = None
    total = sum(weight for weight in weights if weight) or 1.0
    return {
        "weights": tuple(weight / total if weight else None for weight in weights),
        "shares": (clean, *shares),
        "radii": tuple(config.get(f"roles.{threat}.radius") for threat in threats),
    }


def saturated(study: Study, front: ConfirmedFront) -> list[Objective]:
    """Returns the objectives in which every baseline of an architecture lies so high that they cannot be told apart.

    Baselines count by their confirmed means, or by validation where none is confirmed.
    """
    confirmed = [candidate.means for candidate in front.candidates if candidate.label]
    names = [objective.on_validation for objective in study.objectives]
    on_validation = [
        tuple(row[name] for name in names)
        for row in study.trials.select(["architecture", "label", *names]).to_pylist()
        if row["architecture"] == front.architecture and row["label"]
    ]
    points = confirmed or [point for point in on_validation if None not in point]
    return [
        objective
        for axis, objective in enumerate(study.objectives)
        if points and all(point[axis] > SATURATED_ABOVE * objective.worst for point in points)
    ]


def _architecture(study: Study, front: ConfirmedFront, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    chances, knee, flattered = chances_of(front), knee_of(front), optimism(study, front)
    return {
        "hypervolume": front.hypervolume.to_dict() if front.hypervolume else None,
        "reference_point": list(front.reference),
        "candidates": len(front.candidates),
        "flagged": [{"trial_id": each.trial_id, "flags": list(each.flags)} for each in front.flagged],
        "excluded": [{"trial_id": trial_id, "reason": reason} for trial_id, reason in front.excluded],
        "saturated": [objective.label for objective in saturated(study, front)],
        "optimism": flattered.to_dict() if flattered else None,
        "fidelity": _fidelity(study, front),
        "expectation": _expectation(front),
        "knee": knee.trial_id if knee else None,
        "choices": [choice.to_dict() for choice in choices_of(front)],
        "front": [_member(each, chances[each.trial_id], configs[each.trial_id]) for each in front.members],
    }


def _fidelity(study: Study, front: ConfirmedFront) -> dict[str, Any]:
    """Returns rank correlations of early epochs with the last, and of candidates' validation with test."""
    early = [
        {"epoch": found.epoch, "objective": found.objective.name} | found.correlation.to_dict()
        for found in by_epoch(study, front.architecture)
    ]
    beside = {name: found.to_dict() for name, found in search_and_confirmation(study, front).items()}
    return {"early_and_last": early, "validation_and_test": beside}


def _expectation(front: ConfirmedFront) -> dict[str, Any] | None:
    """Returns Vorob'ev's expectation of what a seed attains, as JSON can hold it."""
    if not front.candidates:
        return None
    found = vorobev(front.values, front.reference)
    return {"part": found.part, "deviation": found.deviation, "surface": found.surface.tolist()}


def _member(candidate: Candidate, chance: Interval, config: Mapping[str, Any]) -> dict[str, Any]:
    ordered = dict.fromkeys([*(objective.on_test for objective in candidate.objectives), *candidate.values])
    intervals = {metric: candidate.interval(metric) for metric in ordered}
    return {
        "trial_id": candidate.trial_id,
        "label": candidate.label,
        "width": candidate.width,
        "parameters": candidate.parameters,
        "seeds": list(candidate.seeds),
        **{metric: found.mean for metric, found in intervals.items()},
        "intervals": {metric: found.to_dict() for metric, found in intervals.items()},
        "nondominated": chance.to_dict(),
        "config": dict(config),
    }


def _is_something(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))

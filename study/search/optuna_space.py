"""A search space as Optuna sees it.

A simplex of k parts becomes k numbers u in (0, 1): parts are -log(u), divided by their sum, which makes uniform u
uniform over the simplex (Devroye, Non-Uniform Random Variate Generation, 1986, section V.2).
"""

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import Trial

from search_spaces.space import Choice, Domain, LogUniform, Point, Simplex, Space, normalised

SIMPLEX_EDGE = 1e-3  # u keeps this distance from 0 and 1, where a part would be everything or nothing


def suggest(space: Space, trial: Trial) -> Point:
    """Asks Optuna for a point of the space."""
    point: Point = {}
    for name, domain in space.parameters.items():
        if not space.active(name, point):
            continue
        if isinstance(domain, Simplex):
            point[name] = _suggest_parts(name, domain.active(point), trial)
        elif isinstance(domain, Choice):
            point[name] = trial.suggest_categorical(name, domain.values)
        else:
            point[name] = trial.suggest_float(name, domain.low, domain.high, log=isinstance(domain, LogUniform))
    return point


def _suggest_parts(name: str, active: tuple[str, ...], trial: Trial) -> dict[str, float]:
    if len(active) == 1:
        return {active[0]: 1.0}
    unit = _unit()
    chosen = {part: trial.suggest_float(f"{name}.{part}", unit.low, unit.high) for part in active}
    return normalised({part: -math.log(u) for part, u in chosen.items()})


def parameters(space: Space, point: Mapping[str, Any]) -> dict[str, Any]:
    """Returns numbers that Optuna would have had to choose for a point: the inverse of `suggest`."""
    chosen: dict[str, Any] = {}
    for name, domain in space.parameters.items():
        if not space.active(name, point):
            continue
        if isinstance(domain, Simplex):
            parts = point[name]
            # Any scale gives the same parts; the number of parts is what their -log(u) sum to on average.
            scaled = {part: math.exp(-len(parts) * share) for part, share in parts.items()} if len(parts) > 1 else {}
            chosen |= {f"{name}.{part}": _inside(u) for part, u in scaled.items()}
        else:
            chosen[name] = point[name]
    return chosen


def distributions(space: Space, point: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Returns what Optuna would have chosen from for a point."""
    found: dict[str, BaseDistribution] = {}
    for name, domain in space.parameters.items():
        if not space.active(name, point):
            continue
        if isinstance(domain, Simplex):
            active = domain.active(point)
            found |= {f"{name}.{part}": _unit() for part in active if len(active) > 1}
        else:
            found[name] = _distribution(domain)
    return found


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Simplex):
        raise TypeError("a simplex is several numbers to Optuna")
    return FloatDistribution(domain.low, domain.high, log=isinstance(domain, LogUniform))


def _unit() -> FloatDistribution:
    return FloatDistribution(SIMPLEX_EDGE, 1 - SIMPLEX_EDGE)


def _inside(u: float) -> float:
    return min(max(u, SIMPLEX_EDGE), 1 - SIMPLEX_EDGE)

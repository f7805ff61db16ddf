"""A search space as Optuna sees it.

A simplex of k parts becomes k numbers u in (0, 1): parts are -log(u), divided by their sum, which makes uniform u
uniform over the simplex (Devroye, Non-Uniform Random Variate Generation, 1986, section V.2).
"""

import math
from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import BaseTrial

from search_spaces.space import Choice, Domain, LogUniform, Point, Simplex, Space, normalised

SIMPLEX_EDGE = 1e-3  # u keeps this distance from 0 and 1, where a part would be everything or nothing


def suggest(space: Space, trial: BaseTrial) -> Point:
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


def _suggest_parts(name: str, active: tuple[str, ...], trial: BaseTrial) -> dict[str, float]:
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


def names(space: Space, point: Mapping[str, Any]) -> list[str]:
    """Returns the names that Optuna knows a point's parameters by; the point may lack those that come last."""
    found: list[str] = []
    for name, domain in space.parameters.items():
        if not space.active(name, point):
            continue
        if isinstance(domain, Simplex):
            active = domain.active(point)
            found += [f"{name}.{part}" for part in active if len(active) > 1]
        else:
            found.append(name)
    return found


def distributions(space: Space, point: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Returns what Optuna would have chosen from for a point."""
    known = every_distribution(space)
    return {name: known[name] for name in names(space, point)}


def every_distribution(space: Space) -> dict[str, BaseDistribution]:
    """Returns what Optuna chooses from for any point, whether or not all of it exists together."""
    found: dict[str, BaseDistribution] = {}
    for name, domain in space.parameters.items():
        if isinstance(domain, Simplex):
            found |= {f"{name}.{part}": _unit() for part in domain.names}
        else:
            found[name] = _distribution(domain)
    return found


def groups(space: Space) -> list[dict[str, BaseDistribution]]:
    """Returns the parameters that exist under one condition together; a condition's own parameter comes before."""
    known, found = every_distribution(space), dict[object, dict[str, BaseDistribution]]()
    for name, domain in space.parameters.items():
        if isinstance(domain, Simplex):
            conditions = dict(domain.only)
            for part in domain.names:
                # A part that is always there is one that Optuna is asked for only where it is not the only one.
                key = conditions.get(part, name)
                found.setdefault(key, {})[f"{name}.{part}"] = known[f"{name}.{part}"]
        else:
            found.setdefault(domain.when, {})[name] = known[name]
    return list(found.values())


def middles(space: Space) -> dict[str, Any]:
    """Returns a value amidst every distribution: what stands for parameters that a point does not have."""
    return {name: _middle(distribution) for name, distribution in every_distribution(space).items()}


def _middle(distribution: BaseDistribution) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[0]
    if not isinstance(distribution, FloatDistribution):
        raise TypeError(f"a space has choices and real numbers; got {distribution}")
    low, high = distribution.low, distribution.high
    return math.sqrt(low * high) if distribution.log else (low + high) / 2


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

"""A search space as a value: typed, compared, hashed, sampled. It knows no optimiser of hyperparameters."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, final

import numpy as np

Value = str | int | float | None
Point = dict[str, Any]
Condition = tuple[str, tuple[Value, ...]]
"""A parameter exists where another one has one of these values."""


def _check_bounds(low: float, high: float) -> None:
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"low lies below high and both are finite; got {low=} and {high=}")


@final
@dataclass(frozen=True, slots=True)
class Uniform:
    """Real numbers in [low, high]."""

    low: float
    high: float
    when: Condition | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)

    def contains(self, value: Any) -> bool:
        return _is_number(value) and self.low <= value <= self.high

    def sample(self, rng: np.random.Generator) -> float:
        return float(rng.uniform(self.low, self.high))


@final
@dataclass(frozen=True, slots=True)
class LogUniform:
    """Positive numbers in [low, high], every octave as likely as the next."""

    low: float
    high: float
    when: Condition | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        _check_bounds(self.low, self.high)
        if self.low <= 0:
            raise ValueError(f"a logarithm needs low above 0; got {self.low=}")

    def contains(self, value: Any) -> bool:
        return _is_number(value) and self.low <= value <= self.high

    def sample(self, rng: np.random.Generator) -> float:
        drawn = math.exp(rng.uniform(math.log(self.low), math.log(self.high)))
        return min(max(drawn, self.low), self.high)  # exp(log(x)) may miss x by a rounding


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """One of some values."""

    values: tuple[Value, ...]
    when: Condition | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.values, tuple) or not self.values or len(set(self.values)) < len(self.values):
            raise ValueError(f"a choice is a tuple of distinct values, at least one; got {self.values!r}")

    def contains(self, value: Any) -> bool:
        return any(value == known and type(value) is type(known) for known in self.values)

    def sample(self, rng: np.random.Generator) -> Value:
        return self.values[int(rng.integers(len(self.values)))]


@final
@dataclass(frozen=True, slots=True)
class Simplex:
    """Positive parts that sum to 1, uniform over all such parts.

    Attributes:
        names: of the parts.
        only: conditions of parts that are not always there; the parts that remain sum to 1 among themselves.
    """

    names: tuple[str, ...]
    only: tuple[tuple[str, Condition], ...] = ()
    when: Condition | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise ValueError(f"a simplex has distinct names, at least one; got {self.names!r}")
        if not {name for name, _ in self.only} < set(self.names):
            raise ValueError(f"some part of {self.names} is always there, and only these; got {self.only=}")

    def active(self, point: Mapping[str, Any]) -> tuple[str, ...]:
        """Returns the parts that exist beside the other parameters of a point."""
        conditions = dict(self.only)
        return tuple(name for name in self.names if _holds(conditions.get(name), point))

    def contains(self, value: Any, active: tuple[str, ...]) -> bool:
        """Tells whether the value gives exactly the active parts, all positive, with sum 1 up to rounding."""
        if not isinstance(value, Mapping) or set(value) != set(active):
            return False
        parts = list(value.values())
        return all(_is_number(part) and 0 < part <= 1 for part in parts) and abs(sum(parts) - 1) < 1e-9

    def sample(self, active: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
        return normalised(dict(zip(active, rng.exponential(size=len(active)).tolist(), strict=True)))


def normalised(parts: Mapping[str, float]) -> dict[str, float]:
    """Divides positive parts by their sum, so that each lies in (0, 1]."""
    total = math.fsum(parts.values())
    return {name: max(part, 1e-12) / max(total, 1e-12) if len(parts) > 1 else 1.0 for name, part in parts.items()}


Domain = Uniform | LogUniform | Choice | Simplex


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What a search over a space minimises.

    Attributes:
        name: of the metric, as a trial reports it.
        label: what people call it.
        unit: of its numbers.
        worst: from here on a value counts for nothing: its part of the hypervolume's reference point.
    """

    name: str
    label: str
    unit: str
    worst: float

    def __post_init__(self) -> None:
        if not 0 < self.worst < math.inf:
            raise ValueError(f"the worst value that counts is positive and finite; got {self.worst=}")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Named parameters, some of which exist only where another has certain values.

    A point is a dictionary; what does not exist in it is absent from it.

    Attributes:
        name: of the space.
        parameters: domains by name; a parameter comes after the one that its condition names.
        baselines: named points inside the space, tried first and in this order.
        objectives: what makes one point better than another; none where nothing is searched.
    """

    name: str
    parameters: Mapping[str, Domain]
    baselines: tuple[tuple[str, Point], ...] = ()
    objectives: tuple[Objective, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))
        known: set[str] = set()
        for name, domain in self.parameters.items():
            parents = {parent for parent, _ in _conditions(domain)}
            if not parents <= known:
                raise ValueError(f"{name} depends on parameters before it; got {sorted(parents - known)}")
            known.add(name)
        for label, point in self.baselines:
            if not self.contains(point):
                raise ValueError(f"baselines lie inside the space; {label} does not: {point}")
        names = [objective.name for objective in self.objectives]
        if len(set(names)) < len(names):
            raise ValueError(f"objectives have distinct names; got {names}")

    def __hash__(self) -> int:
        return hash(self.fingerprint())

    def __reduce__(self) -> tuple[Any, ...]:
        whole = self.name, dict(self.parameters), self.baselines, self.objectives
        return _rebuilt, whole  # a read-only view has no pickle

    def active(self, name: str, point: Mapping[str, Any]) -> bool:
        """Tells whether a parameter exists beside the ones before it in a point."""
        return _holds(self.parameters[name].when, point)

    def contains(self, point: Mapping[str, Any]) -> bool:
        """Tells whether a point has exactly the parameters that exist in it, each inside its domain."""
        expected = {name for name in self.parameters if self.active(name, point)}
        return set(point) == expected and all(self._inside(name, point) for name in expected)

    def _inside(self, name: str, point: Mapping[str, Any]) -> bool:
        domain = self.parameters[name]
        if isinstance(domain, Simplex):
            return domain.contains(point[name], domain.active(point))
        return domain.contains(point[name])

    def sample(self, rng: np.random.Generator) -> Point:
        """Draws a point, every parameter independently."""
        point: Point = {}
        for name, domain in self.parameters.items():
            if not self.active(name, point):
                continue
            if isinstance(domain, Simplex):
                point[name] = domain.sample(domain.active(point), rng)
            else:
                point[name] = domain.sample(rng)
        return point

    def fingerprint(self) -> str:
        """Returns the SHA-256 of all points that the space has, baselines included, as 64 hexadecimal digits."""
        plain = {
            "name": self.name,
            "parameters": [[name, type(domain).__name__, _plain(domain)] for name, domain in self.parameters.items()],
            "baselines": self.baselines,
        }
        return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _rebuilt(
    name: str,
    parameters: Mapping[str, Domain],
    baselines: tuple[tuple[str, Point], ...],
    objectives: tuple[Objective, ...],
) -> Space:
    return Space(name=name, parameters=parameters, baselines=baselines, objectives=objectives)


def _holds(condition: Condition | None, point: Mapping[str, Any]) -> bool:
    if condition is None:
        return True
    parent, values = condition
    return parent in point and point[parent] in values


def _conditions(domain: Domain) -> list[Condition]:
    own = [domain.when] if domain.when else []
    return own + ([condition for _, condition in domain.only] if isinstance(domain, Simplex) else [])


def _plain(domain: Domain) -> dict[str, Any]:
    return {name: getattr(domain, name) for name in domain.__slots__}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

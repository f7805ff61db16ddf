"""A study's grid as curves over training sizes, seed by seed."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from analysis.claims.measures import Curves, Pick, Statistic
from analysis.load import Study

ON_METHODS: Final = {"known": "OnTrue", "learned": "OnLearned", "learned-agnostic": "OnData", "affine": "AdvTrans"}
"""The strategy that trains against the on-manifold adversary, by the kind of the manifold."""
IN_IMAGE: Final = "RegAdv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What a network gave in all cells.

    Attributes:
        rows: a trial each, `analysis.schema.CLAIMS`.
        config: what study.json says of the study.
    """

    architecture: str
    rows: tuple[dict[str, Any], ...]
    config: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The kind of the manifold that the on-manifold adversary moves along."""
        return str((self.config.get("manifold") or {}).get("kind", "known"))

    @property
    def dataset(self) -> dict[str, Any]:
        """The data, as study.json has it."""
        return dict(self.config["dataset"])

    @property
    def seeds(self) -> tuple[int, ...]:
        """All seeds, in rising order."""
        return tuple(sorted({row["seed"] for row in self.rows}))

    @property
    def sizes(self) -> tuple[int, ...]:
        """All training sizes, rising."""
        return tuple(sorted({row["n_train"] for row in self.rows}))

    @property
    def methods(self) -> tuple[str, ...]:
        """All strategies, in the order of the grid."""
        return tuple(dict.fromkeys(row["method"] for row in self.rows))

    @property
    def on_method(self) -> str:
        """The strategy that trains against the on-manifold adversary."""
        return ON_METHODS[self.kind]

    @property
    def outside(self) -> tuple[str, ...]:
        """The strategies that do not train against the adversary in the image."""
        return tuple(method for method in self.methods if method != IN_IMAGE)

    @property
    def missing(self) -> int:
        """Counts the trials that gave no numbers, or have not yet."""
        return int(self.config["trials"]) - sum(row["test_error"] is not None for row in self.rows)

    def correct(self, methods: Iterable[str]) -> int:
        """Counts the attacked images that models of some strategies know, at least."""
        errors = [row["test_error"] for row in self.rows if row["method"] in methods and _is_number(row["test_error"])]
        attacked = int(self.config["evaluation"]["n_attacked"])
        return math.floor(attacked * (1 - max(errors, default=1.0)))

    def least(self, column: str, method: str) -> int:
        """Returns the smallest of a strategy's counts."""
        return min((int(row[column] or 0) for row in self.rows if row["method"] == method), default=0)

    def pick(self, seed: int) -> Pick:
        """Returns one seed's curves.

        A cell where any seed has no number, or none yet, is left out for all: a mean over sizes would be one over
        others.
        Where updates are fixed, the largest size has those of its fixed epochs, which are as many.
        """

        def picked(metric: str, fixed: str) -> Curves:
            found: dict[str, dict[int, float]] = defaultdict(dict)
            rows = [row for row in self.rows if row["fixed"] == fixed or row["n_train"] == self.sizes[-1]]
            known = Counter((row["method"], row["n_train"]) for row in rows if _is_number(row[metric]))
            for row in rows:
                if row["seed"] == seed and known[row["method"], row["n_train"]] == len(self.seeds):
                    found[row["method"]][row["n_train"]] = float(row[metric])
            return dict(found)

        return picked

    def values(self, statistic: Statistic) -> list[float]:
        """Returns a statistic, one value a seed; none at all where one does not allow it, so that none is picked."""
        found = [statistic(self.pick(seed)) for seed in self.seeds]
        known = [value for value in found if value is not None]
        return known if len(known) == len(found) else []


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def grids(study: Study) -> tuple[Grid, ...]:
    """Returns the grid of every architecture that has one; none in a study that searches."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in study.claims.to_pylist():
        found[row["architecture"]].append(row)
    return tuple(Grid(architecture=name, rows=tuple(own), config=study.config) for name, own in found.items())

"""A study's grid as curves over training sizes, seed by seed."""

import math
from collections import defaultdict
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
        kind: of the manifold that the on-manifold adversary moves along.
        rows: a trial each, `analysis.schema.CLAIMS`.
        dataset: as study.json has it.
        examples: that a rate is one of, at least.
    """

    architecture: str
    kind: str
    rows: tuple[dict[str, Any], ...]
    dataset: dict[str, Any]
    examples: int

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
        """Counts the cells that gave no numbers."""
        return sum(row["test_error"] is None for row in self.rows)

    def pick(self, seed: int) -> Pick:
        """Returns one seed's curves.

        A cell where any seed ended without the number is left out for all: a mean over sizes would be one over others.
        Where updates are fixed, the largest size has those of its fixed epochs, which are as many.
        """

        def picked(metric: str, fixed: str) -> Curves:
            found: dict[str, dict[int, float]] = defaultdict(dict)
            rows = [row for row in self.rows if row["fixed"] == fixed or row["n_train"] == self.sizes[-1]]
            lacking = {(row["method"], row["n_train"]) for row in rows if not _is_number(row[metric])}
            for row in rows:
                if row["seed"] == seed and (row["method"], row["n_train"]) not in lacking:
                    found[row["method"]][row["n_train"]] = float(row[metric])
            return dict(found)

        return picked

    def values(self, statistic: Statistic) -> list[float]:
        """Returns a statistic of every seed that allows it."""
        found = [statistic(self.pick(seed)) for seed in self.seeds]
        return [value for value in found if value is not None]


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def grids(study: Study) -> tuple[Grid, ...]:
    """Returns the grid of every architecture that has one; none in a study that searches."""
    rows = study.claims.to_pylist()
    kind = str((study.config.get("manifold") or {}).get("kind", "known"))
    by = study.config["evaluation"]
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["architecture"]].append(row)
    return tuple(
        Grid(
            architecture=name,
            kind=kind,
            rows=tuple(own),
            dataset=dict(study.config["dataset"]),
            examples=int(by.get("strong") or by["n_attacked"]),
        )
        for name, own in found.items()
    )

"""What a useful trial must satisfy beside being on the front, such as `val_error<0.2`."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

from trainables.checks import must, must_choose

Metric = Literal[
    "val_error",
    "val_robust_error",
    "val_on_manifold_error",
    "val_affine_error",
    "val_success_rate",
    "val_reconstruction_l2",
    "val_label_disagreement",
]
Operator = Literal["<=", ">=", "<", ">"]
METRICS: tuple[Metric, ...] = get_args(Metric)
WORST = 1.0  # violation where the trial could not measure it
LEAST = 1e-9  # violation of "<" by a value on the bound
LENGTHS = ("val_reconstruction_l2",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """A bound on a metric of validation.

    Attributes:
        metric: a column of the table of trials.
        bound: a fraction in [0, 1], like the metric; of a length any number that is not below 0.
    """

    metric: Metric
    operator: Operator
    bound: float

    def __post_init__(self) -> None:
        must_choose(self)
        most = math.inf if self.metric in LENGTHS else 1
        must(0 <= self.bound <= most, f"a constraint's bound lies in [0, {most}], as its metric; got {self.bound:g}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads what `str` writes.

        Raises:
            ValueError: if it is no constraint.
        """
        found = re.fullmatch(r"\s*(\w+)\s*(<=|>=|<|>)\s*(\S+)\s*", text)
        known, number = (found and found[1] in METRICS), _number(found[3] if found else "")
        must(
            bool(known) and number is not None,
            f"a constraint is METRIC<NUMBER (or <=, >, >=) with a metric of {', '.join(METRICS)}; got {text!r}",
        )
        return cls(metric=found[1], operator=found[2], bound=number)  # type: ignore[index, arg-type] # checked above

    def __str__(self) -> str:
        return f"{self.metric}{self.operator}{self.bound!r}"

    @property
    def name(self) -> str:
        """The metric as an `EpochReport` calls it."""
        return self.metric.removeprefix("val_")

    def violation(self, report: Mapping[str, Any]) -> float:
        """Returns by how much an `EpochReport` misses the bound; 0 or less says that it does not."""
        value = report.get(self.name)
        if value is None:
            return WORST
        gap = value - self.bound if self.operator in ("<", "<=") else self.bound - value
        return max(gap, LEAST) if gap == 0 and self.operator in ("<", ">") else float(gap)

    def must_be_measured(self, metrics: Sequence[str]) -> None:
        """Makes sure that trials which measure these have the metric.

        Raises:
            ValueError: if they have not.
        """
        measured = [f"val_{metric}" for metric in metrics if f"val_{metric}" in METRICS]
        must(
            self.metric in measured,
            f"a constraint bounds what the study's trials measure, {', '.join(measured)}; got {self}; choose among "
            "these, or another space, or another --manifold",
        )


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None

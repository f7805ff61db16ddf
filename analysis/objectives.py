"""What a study minimised, as its study.json says; a study that says nothing minimised both errors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analysis.formats import percent

FRACTION: Final = "fraction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What the trials of a study are compared by.

    Attributes:
        name: one of the metrics of `analysis.schema`.
        label: what people call it.
        unit: of its numbers.
        worst: its part of the hypervolume's reference point.
    """

    name: str
    label: str
    unit: str
    worst: float

    @property
    def axis(self) -> str:
        """What an axis is called that it lies on."""
        return self.label if self.unit == FRACTION else f"{self.label} ({self.unit})"

    def shown(self, value: float) -> str:
        """Returns a value as a sentence has it: "21.3 %", or "3.04"."""
        return percent(value) if self.unit == FRACTION else f"{value:.2f}"

    @property
    def on_validation(self) -> str:
        """The column of the trials' table."""
        return f"val_{self.name}"

    @property
    def on_test(self) -> str:
        """The column of the confirmations' table."""
        return f"test_{self.name}"


ERRORS: Final = (
    Objective(name="error", label="error", unit=FRACTION, worst=1.0),
    Objective(name="robust_error", label="robust error", unit=FRACTION, worst=1.0),
)
PLANE: Final = 2  # figures have two axes


def objectives_of(config: Mapping[str, Any]) -> tuple[Objective, ...]:
    """Returns the objectives that a study.json names.

    Raises:
        ValueError: if what it names is none.
    """
    named = config.get("objectives")
    if named is None:
        return ERRORS
    found: tuple[Objective, ...] = ()
    try:
        found = tuple(Objective(**each) for each in named)
        whole = len(found) == PLANE and all(isinstance(each.name, str) and each.worst > 0 for each in found)
    except TypeError:
        whole = False
    if not whole:
        raise ValueError(f"objectives are two, each with name, label, unit and worst value above 0; got {named!r}")
    return found


def reference_of(objectives: Sequence[Objective]) -> tuple[float, ...]:
    """Returns the point up to which hypervolumes count."""
    return tuple(objective.worst for objective in objectives)


def corner_of(objectives: Sequence[Objective]) -> str:
    """Returns the same as people write it: "(1, 1)"."""
    return f"({', '.join(f'{worst:.3g}' for worst in reference_of(objectives))})"

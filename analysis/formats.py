"""How numbers and lists are written on a study's page."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.statistics import Interval

DASH: Final = "–"
DATASETS: Final = {
    "fonts": "FONTS",
    "fashion": "Fashion-MNIST",
    "mnist": "MNIST",
    "emnist": "EMNIST",
    "celeba": "CelebA",
}


METRICS: Final = {
    "error": "error",
    "robust_error": "robust error",
    "on_manifold_error": "on-manifold error",
    "affine_error": "affine error",
    "success_rate": "success rate",
    "reconstruction_l2": "reconstruction L2",
    "label_disagreement": "label disagreement",
    "attack_success": "attack success",
}
"""Metrics that people are shown, by the names of the schema."""


def spelt(metric: str) -> str:
    """Returns a metric's name as people write it."""
    return METRICS.get(metric, metric.replace("_", " "))


def with_ends(found: Interval | None, digits: str = ".3f") -> str:
    """Returns a mean with the ends of its interval: "0.213 [0.205, 0.221]"."""
    if found is None:
        return DASH
    if found.low is None or found.high is None:
        return format(found.mean, digits)
    return f"{found.mean:{digits}} [{found.low:{digits}}, {found.high:{digits}}]"


def number(value: float | None, digits: str = ".3f") -> str:
    """Returns a number, or a dash where there is none."""
    return DASH if value is None or value != value else format(value, digits)


def percent(fraction: float) -> str:
    """Returns a fraction as a percentage: "21.3 %", on one line."""
    return f"{100 * fraction:.1f}\N{NO-BREAK SPACE}%"


def plural(number: int, noun: str) -> str:
    """Returns a number with its noun: "1 seed", "2 seeds"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str]) -> str:
    """Returns names as a sentence lists them: "conv, mlp and resnet"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def dataset_name(dataset: Mapping[str, Any]) -> str:
    """Returns a data set as people write it: "Fashion-MNIST", "EMNIST digits", "FONTS (hard)"."""
    kind, variant = str(dataset["dataset"]), dataset.get("variant")
    name = DATASETS.get(kind, kind)
    if not variant:
        return name
    return f"{name} {variant}" if kind == "emnist" else f"{name} ({variant})"


def norm_name(norm: str) -> str:
    """Returns a norm as it is printed."""
    return {"linf": "L∞", "l2": "L2"}.get(norm, norm)

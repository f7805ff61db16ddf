"""The paper's published points: facts read from the figures of Stutz, Hein and Schiele (arXiv 1812.00740).

"Disentangling Adversarial Robustness and Generalization", CVPR 2019, prints no tables of results; every
number here is a point of one of its vector figures. Rates are fractions. Each is a mean over 5 models, over 3
in the trade-off figure; no spread is published. `provenance` says how a number was read: "exact" is the figure's raw
coordinate, "digitised" was measured in the drawn curve (where both exist they differ by less than 0.0001).
Which number of training images a point belongs to follows from its place in the curve.
"""

import csv
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from analysis.formats import dataset_name, listed, norm_name
from analysis.load import Study

# A method may stand in several figures, each with models of its own; the first of these is taken.
PREFERENCE: Final = ("exact", "digitised", "digitised, trade-off figure", "digitised, variants figure")
# By data set and variant: the strategies that our studies of it have as baselines.
COMPARABLE: Final = {
    ("fonts", "hard"): ("Normal", "RegAdv", "RegAdv weak", "OnTrue", "Reg+OnTrue", "RandTrue"),
    ("emnist", "digits"): ("Normal", "RegAdv", "RegAdv weak", "AdvTrans", "Reg+AdvTrans", "DataAugm"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperPoint:
    """A method's test error and the success rate of the paper's attack, both fractions, from one figure."""

    method: str
    test_error: float
    success_rate: float
    provenance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperValue:
    """One published number: `metric` of `method` after training on `n_train` images."""

    dataset: str
    architecture: str
    method: str
    n_train: int
    metric: str
    value: float
    provenance: str


@cache
def paper_values() -> tuple[PaperValue, ...]:
    """Returns all published numbers in the order of the file."""
    text = resources.files("analysis").joinpath("paper_reference.csv").read_text(encoding="utf-8")
    return tuple(
        PaperValue(
            dataset=row["dataset"],
            architecture=row["architecture"],
            method=row["method"],
            n_train=int(row["n_train"]),
            metric=row["metric"],
            value=float(row["value"]),
            provenance=row["provenance"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def paper_points(dataset: str, architecture: str, n_train: int) -> dict[str, PaperPoint]:
    """Returns the published points of (test error, success rate) by method; none where the paper has none."""
    values: dict[tuple[str, str], dict[str, float]] = {}
    for entry in paper_values():
        if (entry.dataset, entry.architecture, entry.n_train) == (dataset, architecture, n_train):
            values.setdefault((entry.provenance, entry.method), {})[entry.metric] = entry.value
    points: dict[str, PaperPoint] = {}
    for provenance, method in sorted(values, key=lambda key: PREFERENCE.index(key[0])):
        found = values[provenance, method]
        if method not in points and {"test_error", "regular_success"} <= found.keys():
            points[method] = PaperPoint(
                method=method,
                test_error=found["test_error"],
                success_rate=found["regular_success"],
                provenance=provenance,
            )
    return points


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The published points that may stand beside a study's, and why there are none where there are none."""

    points: tuple[PaperPoint, ...]
    reason: str


def comparable_points(study: Study) -> Comparison:
    """Returns the paper's points for just this data set, number of images, threat model and architecture.

    They are of its conv network; of the methods those that are baselines of ours.
    """
    dataset, threat = study.config["dataset"], study.config["threat_model"]
    methods = COMPARABLE.get((dataset["dataset"], dataset.get("variant")), ())
    published = paper_points(dataset["dataset"], "conv", dataset["n_train"]) if methods else {}
    points = tuple(published[method] for method in methods if method in published)
    widths = {row["width"] for row in study.confirmations.to_pylist() if row["architecture"] == "conv"}
    known = " or ".join(dataset_name({"dataset": name, "variant": variant}) for name, variant in COMPARABLE)
    rules = {
        f"the data set is {known}, not {dataset_name(dataset)}": bool(methods),
        f"the norm is L∞, not {norm_name(threat['norm'])}": threat["norm"] == "linf",
        f"epsilon is 0.3, not {threat['epsilon']:g}": math.isclose(threat["epsilon"], 0.3),
        f"eta is 0.3, not {threat['eta']:g}": math.isclose(threat["eta"], 0.3),
        "conv is confirmed at full width": 1.0 in widths,
        f"the paper has points for {dataset['n_train']} training images": bool(points) or not methods,
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        return Comparison(points=(), reason=f"they could be compared only if {listed(broken)}")
    return Comparison(points=points, reason="")

"""What the paper's own curves give by the same computations, and what of it stands in no curve that we have."""

from collections import defaultdict
from typing import Final

from analysis.claims.grid import Grid
from analysis.claims.measures import Curves, Pick
from analysis.paper_reference import PREFERENCE, paper_values

# Of the digits the paper has those of EMNIST, which are cut out of the same collection as MNIST's by another procedure.
DATASETS: Final = {("fonts", "hard"): "fonts", ("emnist", "digits"): "emnist", ("mnist", None): "emnist"}
ON_MANIFOLD: Final = {"known": "on_true_success", "learned": "on_learned_success"}
SETTING: Final = ("conv", 1.0, "linf", 0.3, 0.3)  # network, width, norm, epsilon, eta
METRICS: Final = {"test_error": "test_error", "test_success_rate": "regular_success"}

DISTANCES: Final = {
    "fonts": "mean distance 1.07 to the known manifold, about the length of the perturbations; no control",
    "emnist": "mean distance 1.12 to 50 training images nearby, on-manifold .58; no control",
}
"""Of the figures of section 3.2."""
COUNTER_EXAMPLE: Final = (
    "The paper's own counter-example: VGG on Fashion-MNIST, whose success rate falls from .917 to .594 while its error "
    "falls from .195 to .074. There, better generalization comes with better regular robustness: the two are not "
    "independent, as the first version of the paper has it, but they do not contradict each other either."
)


def source(grid: Grid) -> str | None:
    """Returns the data set whose published curves may stand beside a grid's, or None.

    They are of the conv network at its full width, and of one threat model.
    """
    threat, width = grid.config["threat_model"], grid.config["widths"].get(grid.architecture)
    same = (grid.architecture, width, threat["norm"], threat["epsilon"], threat["eta"]) == SETTING
    return DATASETS.get((grid.dataset["dataset"], grid.dataset.get("variant"))) if same else None


def published(grid: Grid) -> Pick:
    """Returns the paper's curves at a grid's training sizes."""
    name, kind, sizes = source(grid), grid.kind, grid.sizes
    metrics = METRICS | ({"papers_on_manifold_success": ON_MANIFOLD[kind]} if kind in ON_MANIFOLD else {})

    def pick(metric: str, fixed: str) -> Curves:
        if name is None or metric not in metrics or fixed != "epochs":
            return {}
        found: dict[str, dict[int, float]] = defaultdict(dict)
        known = [v for v in paper_values() if (v.dataset, v.architecture, v.metric) == (name, "conv", metrics[metric])]
        for value in sorted(known, key=lambda value: PREFERENCE.index(value.provenance), reverse=True):
            if value.n_train in sizes:
                found[value.method][value.n_train] = value.value
        return dict(found)

    return pick

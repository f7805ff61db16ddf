"""How far perturbed images lie from the manifold: the paper's first claim, with the control that it lacks.

Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740, section 3.2).
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.drawing import INK, LOOKS, STAR, in_style
from analysis.load import Study

KINDS: Final = {
    "none": ("test images", STAR),
    "on-manifold": ("on-manifold adversarial", LOOKS["conv"].colour),
    "regular": ("regular adversarial", LOOKS["mlp"].colour),
    "random": ("random, as long as regular", STAR),
}
TITLES: Final = (
    "distance to the nearest image\nof the manifold, L2",
    "the same, relative to the\nperturbation's length",
    "angle to the span of 50\ntraining images nearby, degrees",
)
ALIKE: Final = 0.05  # of a perturbation's length
QUANTILES: Final = (0.05, 0.25, 0.5, 0.75, 0.95)
Values = NDArray[np.float64]
Measured = tuple[Values, Values | None, Values | None]


def measures(study: Study) -> dict[str, Measured]:
    """Returns, by kind of perturbation, distances, relative distances and angles; the last two are of perturbations."""
    found: dict[str, Measured] = {}
    for kind in KINDS:
        if kind not in study.distances:
            continue
        own = study.distances[kind]
        moved = own["length"] > 0
        length, far, beyond = (own[name][moved] for name in ("length", "to_manifold", "beyond_neighbours"))
        angle = np.degrees(np.arcsin(np.clip(beyond / length, 0, 1)))
        found[kind] = (far, far / length, angle) if len(length) else (own["to_manifold"], None, None)
    return found


def departures(study: Study) -> Figure:
    """Draws median, quartiles and the middle nine tenths of all measures, a row for every kind of perturbation."""
    found = measures(study)
    with in_style():
        figure = Figure(figsize=(7.2, 0.78 + 0.26 * len(found)), layout="constrained")
        panels: NDArray[np.object_] = figure.subplots(1, len(TITLES), sharey=True, squeeze=False)[0]
        for column, (axes, title) in enumerate(zip(panels, TITLES, strict=True)):
            for row, (kind, own) in enumerate(found.items()):
                _draw(axes, row, own[column], KINDS[kind][1])
            axes.set_xlabel(title, fontsize=7)
            axes.set_ylim(len(found) - 0.5, -0.5)
            axes.set_xlim(*((0, 92) if column == 2 else (0, None)))
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.tick_params(axis="y", length=0)
        panels[0].set_yticks(range(len(found)), [KINDS[kind][0] for kind in found])
    return figure


def _draw(axes: Axes, row: int, values: Values | None, colour: str) -> None:
    if values is None:
        return
    low, first, median, third, high = np.quantile(values, QUANTILES)
    axes.plot([low, high], [row, row], color=colour, linewidth=1, solid_capstyle="butt")
    axes.plot([first, third], [row, row], color=colour, linewidth=4.5, solid_capstyle="butt")
    axes.plot(median, row, "o", color=colour, markersize=5, markeredgecolor=INK, markeredgewidth=0.6, clip_on=False)


def departure_sentences(study: Study) -> list[str]:
    """Says what the distances are of, and what they show."""
    found = measures(study)
    if "regular" not in found:
        return []
    known = "known" if study.manifold is not None and study.manifold["model"]["kind"] == "known" else "learned"
    sentences = [
        "A Normal classifier was attacked as in the paper, on the image and on the manifold; what is drawn are "
        f"{len(found['regular'][0]):,} successful regular and {_count(found, 'on-manifold')} successful on-manifold "
        "adversarial examples, and random perturbations, each as long as one of the regular ones. The nearest image of "
        f"the {known} manifold is searched by Gauss-Newton steps from the unperturbed image's code and from two others."
    ]
    says = f"Half of the regular ones lie further than {_median(found, 'regular', 0):.2f} from the manifold, "
    says += f"{_median(found, 'regular', 1):.0%} of their perturbation's length"
    if "on-manifold" in found:
        says += f"; of the on-manifold ones, {_distance(_median(found, 'on-manifold', 0))}"
    says += f".{_beside_chance(found)}"
    if known == "learned":
        says += " Test images themselves do not lie on it, since it was learned: see their row."
    return [*sentences, says]


def _beside_chance(found: Mapping[str, Measured]) -> str:
    """Says how random perturbations do, as far as they were measured."""
    if "random" not in found:
        return ""
    regular, random = (_median(found, kind, 1) for kind in ("regular", "random"))
    if random >= regular - ALIKE:
        return (
            f" But so do random perturbations ({random:.0%}): such a manifold is left in almost every direction, by an "
            "adversary as by chance."
        )
    return f" Random perturbations leave it less, with {random:.0%} of their length."


def _median(found: Mapping[str, Measured], kind: str, which: int) -> float:
    values = found[kind][which]
    return float("nan") if values is None else float(np.median(values))


def _count(found: Mapping[str, Measured], kind: str) -> str:
    return f"{len(found[kind][0]):,}" if kind in found else "no"


def _distance(value: float) -> str:
    return f"{value:.2f}" if value >= 0.005 else f"{value:.0e}"

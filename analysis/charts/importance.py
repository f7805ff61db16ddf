"""The chart of how much each hyperparameter matters for an objective."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from markupsafe import Markup

from analysis.charts.svg import element, group, picture, polyline, text

WIDTH: Final = 460.0
ROW: Final = 18.0
NAMES: Final = 140.0
NUMBERS: Final = 36.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How much a parameter matters, as a part of what all matter together, with an interval or without; of n trials."""

    parameter: str
    importance: float
    low: float | None
    high: float | None
    n: int | None


def importance_chart(weights: Sequence[Weight], label: str, hue: str, most: float = 1.0) -> Markup:
    """Returns a bar for every parameter, on a scale that all charts of a study share.

    Args:
        weights: of the parameters, in the order to draw them.
        label: what the chart shows.
        hue: the page's name for its colour.
        most: importance at which the scale ends.
    """
    rows = [_row(place, weight, most) for place, weight in enumerate(weights)]
    return picture(WIDTH, ROW * len(rows) + 4, label, rows, class_=f"chart {hue}")


def _row(place: int, weight: Weight, most: float) -> Markup:
    middle, length = 2 + ROW * (place + 0.5), WIDTH - NAMES - NUMBERS
    ends = [
        NAMES + length * min(max((end or 0.0) / most, 0.0), 1.0) for end in (weight.importance, weight.low, weight.high)
    ]
    width = max(ends[0] - NAMES, 1.0)
    parts = [
        text(weight.parameter, NAMES - 8, middle + 4, class_="tick strong", text_anchor="end"),
        element("rect", x=NAMES, y=middle - 5, width=width, height=10.0, class_="amount"),
        text(f"{weight.importance:.2f}", WIDTH, middle + 4, class_="tick", text_anchor="end"),
    ]
    if weight.low is not None and weight.high is not None:
        parts.append(polyline(np.asarray([[ends[1], middle], [ends[2], middle]]), class_="whisker"))
    return group("row", *parts)

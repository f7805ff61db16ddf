"""Elements of SVG as text that is safe to stand in a page: whatever comes from a study is escaped."""

from collections.abc import Iterable
from typing import Final

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

MARKS: Final = {
    "o": "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0-8.4 0z",
    "s": "M-3.8-3.8h7.6v7.6h-7.6z",
    "^": "M0-4.9l4.7 8.4h-9.4z",
    "v": "M0 4.9l4.7-8.4h-9.4z",
    "D": "M0-5l5 5l-5 5l-5-5z",
    "P": "M-1.7-4.8h3.4v3.1h3.1v3.4h-3.1v3.1h-3.4v-3.1h-3.1v-3.4h3.1z",
    "*": "M0-6l1.5 4.1l4.3.1l-3.4 2.7l1.2 4.2l-3.6-2.5l-3.6 2.5l1.2-4.2l-3.4-2.7l4.3-.1z",
}
"""Outlines around (0, 0) of matplotlib's markers, by its names for them."""
Pixels = NDArray[np.float64]


def element(name: str, *children: str, **attributes: object) -> Markup:
    """Returns an element.

    Args:
        name: of its tag.
        children: what stands in it; text that is no `Markup` is escaped.
        attributes: with `_` for `-` in their names (`class_` for `class`); those that are None are left out.
    """
    told = Markup().join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _written(value))
        for key, value in attributes.items()
        if value is not None
    )
    inside = Markup().join(escape(child) for child in children)
    return Markup("<{}{}>{}</{}>").format(name, told, inside, name)


def group(class_: str, *children: str, **attributes: object) -> Markup:
    """Returns elements as one, under the name that the page's style knows them by."""
    return element("g", *children, class_=class_, **attributes)


def mark(marker: str, x: float, y: float, **attributes: object) -> Markup:
    """Returns one of `MARKS` at a place."""
    return element("path", d=MARKS[marker], transform=f"translate({_written(x)} {_written(y)})", **attributes)


def polyline(points: Pixels, **attributes: object) -> Markup:
    """Returns a line through points, one row a point."""
    return element("path", d=trail(points), fill="none", **attributes)


def trail(points: Pixels) -> str:
    """Returns the directions of a path through points, one row a point."""
    steps = [f"{_written(x)} {_written(y)}" for x, y in points.tolist()]
    return f"M{'L'.join(steps)}" if steps else ""


def dots(points: Pixels) -> str:
    """Returns the directions of a path that is a dot at every point, where line caps are round."""
    return "".join(f"M{_written(x)} {_written(y)}h0" for x, y in points.tolist())


def text(content: str, x: float, y: float, **attributes: object) -> Markup:
    """Returns a line of text."""
    return element("text", content, x=x, y=y, **attributes)


def picture(width: float, height: float, label: str, parts: Iterable[str], **attributes: object) -> Markup:
    """Returns a whole picture, as wide as its surroundings let it be.

    Args:
        width: of its own coordinates.
        height: of these.
        label: what it shows, for those who cannot see it.
        parts: its elements.
        attributes: more of them.
    """
    box = f"0 0 {_written(width)} {_written(height)}"
    return element("svg", *parts, viewBox=box, role="group", aria_label=label, **attributes)


def _written(value: object) -> str:
    """Returns a number with a digit after the point: a tenth of a pixel is finer than a screen."""
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0").replace("-0.", "-.") if abs(value) >= 0.05 else "0"
    return str(value)

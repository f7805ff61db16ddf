"""What a part of the page is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page with an entry in its navigation.

    Attributes:
        name: of its anchor, and of the template `sections/NAME.html` that draws it.
        title: its heading, and its entry in the navigation.
        opens: whether it opens the page, right under its name and without a heading.
        content: what the template gets, beside the colours.
        figures: what draws them for print, by the names of their files; the template links `NAME.svg` and so on.
        files: others to lie beside the page, by their names.
    """

    name: str
    title: str
    content: Mapping[str, Any]
    opens: bool = False
    figures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)

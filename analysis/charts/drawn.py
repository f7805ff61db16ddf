"""A figure made for print, put into the page: with ids of its own, and colours that follow the page's."""

import re
from typing import Final

from markupsafe import Markup

from analysis.drawing import INK, LOOKS, OTHER_LOOK, PAPER, STAR

NAMES: Final = (
    {INK: "ink", PAPER: "surface", STAR: "star", OTHER_LOOK.colour: "other", OTHER_LOOK.letters: "other-letters"}
    | {look.colour: name for name, look in LOOKS.items()}
    | {look.letters: f"{name}-letters" for name, look in LOOKS.items()}
)
"""What the page's style calls the colours of print."""


def inline(vector: bytes, name: str, title: str) -> Markup:
    """Returns an SVG of `analysis.drawing.rendered` to stand inside the page.

    Args:
        vector: the figure.
        name: that no other figure of the page has.
        title: what it shows, for those who cannot see it.
    """
    text = vector.decode()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", text)
    for colour, called in NAMES.items():
        text = text.replace(colour, f"var(--{called})")
    # Safe: matplotlib draws letters as outlines, so no text of the study stands in the picture but in comments.
    return Markup(text.replace("<svg", Markup('<svg class="drawn" role="img" aria-label="{}"').format(title), 1))

"""Pictures that a manifold makes, in rows under what they show."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

SIDE = 0.55  # inches of an image


def draw_pictures(pictures: Mapping[str, NDArray[np.uint8]]) -> bytes:
    """Draws rows of images and returns a PNG.

    Args:
        pictures: by title: (row, column, channel, height, width), 255 is white; all have as many columns.
    """
    rows = sum(len(images) for images in pictures.values())
    columns = next(iter(pictures.values())).shape[1]
    height = SIDE * rows + 0.3 * len(pictures)
    figure = Figure(figsize=(SIDE * columns + 0.1, height))
    top = height
    for title, images in pictures.items():
        top -= 0.22
        figure.text(0.05 / figure.get_figwidth(), (top + 0.05) / height, title, fontsize=8, va="bottom")
        for line in images:
            top -= SIDE
            for column, image in enumerate(line):
                _place(figure, image, 0.05 + column * SIDE, top, height)
        top -= 0.08
    buffer = BytesIO()
    with mpl.rc_context({"savefig.facecolor": "white"}):
        figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def _place(figure: Figure, image: NDArray[np.uint8], left: float, bottom: float, height: float) -> None:
    width, side = figure.get_figwidth(), SIDE - 0.03
    axes: Any = figure.add_axes((left / width, bottom / height, side / width, side / height))
    axes.imshow(np.moveaxis(image, 0, -1).squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_axis_off()

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation
from numpy.typing import NDArray

from analysis.drawing import PAPER
from analysis.labels import Label, place
from analysis.panels import new_sheet

AT = (0.5, 0.5)


def placed(neighbours: list[tuple[float, float]], lines: list[tuple[float, float]]) -> tuple[Axes, list[Annotation]]:
    """Writes one name beside a point with neighbours and lines; returns it with its leader, if it has one."""
    (axes,) = new_sheet(1, "across", "upward").panels
    label = Label(x=AT[0], y=AT[1], text="Reg+OnTrue", colour="#000000")
    place(axes, [label], [AT, *neighbours], PAPER, lines=lines)
    return axes, [text for text in axes.texts if isinstance(text, Annotation)]


def box_of(axes: Axes, note: Annotation) -> NDArray[np.float64]:
    box = Annotation.get_window_extent(note, axes.figure.canvas.get_renderer())  # type: ignore[union-attr] # Agg's
    return np.asarray(box.transformed(axes.transData.inverted()).get_points())


def test_a_name_alone_stands_close_to_its_point_without_a_leader() -> None:
    axes, notes = placed([], [])

    (low, high) = box_of(axes, notes[0])
    assert len(notes) == 1
    assert np.hypot(*np.maximum(low - AT, AT - high).clip(0)) < 0.03


def test_a_name_is_tied_to_its_point_where_another_lies_closer() -> None:
    neighbours = [(0.5, 0.55), (0.46, 0.55), (0.48, 0.49), (0.54, 0.49), (0.51, 0.44)]  # leave no place but a close one

    assert len(placed(neighbours, [])[1]) == 2


def test_a_name_stands_closer_to_its_own_point_than_to_its_neighbours() -> None:
    neighbours = [(0.5, 0.57), (0.44, 0.57), (0.47, 0.49), (0.55, 0.49), (0.51, 0.42), (0.54, 0.51)]

    axes, notes = placed(neighbours, [])

    low, high = axes.transData.transform(box_of(axes, notes[0]))
    marks = axes.transData.transform([AT, *neighbours])
    own, *others = np.hypot(*np.maximum(low - marks, marks - high).clip(0).T)
    assert own < min(others)


def test_a_name_does_not_cross_a_line() -> None:
    line = [(0.5, y) for y in np.linspace(0, 1, 80)]

    axes, notes = placed([], line)

    (left, _), (right, _) = box_of(axes, notes[0])
    assert right <= 0.5 or left >= 0.5

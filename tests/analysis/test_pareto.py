from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from analysis.pareto import front_order, hypervolume, nondominated, staircase

grid = st.integers(0, 5).map(lambda step: step / 5)  # a coarse grid makes ties and duplicates common


def points(objectives: int) -> st.SearchStrategy[list[list[float]]]:
    return st.lists(st.lists(grid, min_size=objectives, max_size=objectives), max_size=12)


def brute_force(rows: NDArray[np.float64]) -> list[bool]:
    return [not any((other <= row).all() and (other < row).any() for other in rows) for row in rows]


def cells_dominated(rows: NDArray[np.float64], objectives: int) -> float:
    """Counts the cells of the grid that lie above and right of some point: the volume, by definition."""
    corners = np.stack(np.meshgrid(*[np.arange(5) / 5] * objectives), axis=-1).reshape(-1, objectives)
    return float(np.mean([any((row <= corner + 1e-9).all() for row in rows) for corner in corners]))


@given(points(2) | points(3))
def test_the_front_is_what_the_definition_says(rows: list[list[float]]) -> None:
    expected = brute_force(np.asarray(rows))

    assert nondominated(rows).tolist() == expected


@given(points(2))
def test_area_is_the_number_of_dominated_cells(rows: list[list[float]]) -> None:
    expected = cells_dominated(np.asarray(rows), 2)

    assert hypervolume(rows, (1.0, 1.0)) == pytest.approx(expected)


@given(points(3))
def test_volume_is_the_number_of_dominated_cells(rows: list[list[float]]) -> None:
    expected = cells_dominated(np.asarray(rows), 3)

    assert hypervolume(rows, (1.0, 1.0, 1.0)) == pytest.approx(expected)


@given(points(2))
def test_the_area_under_the_staircase_is_the_hypervolume(rows: list[list[float]]) -> None:
    corners = staircase(rows, (1.0, 1.0))

    area = sum((after[0] - here[0]) * (1 - here[1]) for here, after in pairwise(corners))
    assert area == pytest.approx(hypervolume(rows, (1.0, 1.0)))


def test_all_duplicates_of_a_front_point_are_kept() -> None:
    assert nondominated([[0.2, 0.5], [0.2, 0.5], [0.3, 0.5], [0.5, 0.2]]).tolist() == [True, True, False, True]


def test_a_tie_in_one_objective_is_dominated_by_the_better_other() -> None:
    assert nondominated([[0.2, 0.5], [0.2, 0.4]]).tolist() == [False, True]


def test_staircase_by_hand() -> None:
    corners = staircase([[0.5, 0.2], [0.2, 0.6], [0.5, 0.2], [0.6, 0.9]], (1.0, 1.0))

    assert corners.tolist() == [[0.2, 1.0], [0.2, 0.6], [0.5, 0.6], [0.5, 0.2], [1.0, 0.2]]


def test_hypervolume_by_hand() -> None:
    assert hypervolume([[0.2, 0.6], [0.5, 0.2]], (1.0, 1.0)) == pytest.approx(0.8 * 0.4 + 0.5 * 0.4)


def test_points_at_or_beyond_the_reference_add_nothing() -> None:
    assert hypervolume([[0.5, 0.5], [1.0, 0.0], [2.0, -3.0]], (1.0, 1.0)) == pytest.approx(0.25)


def test_no_points_have_no_front_and_no_volume() -> None:
    assert (nondominated([]).tolist(), front_order([]).tolist(), hypervolume([], (1.0, 1.0))) == ([], [], 0.0)


def test_the_front_is_ordered_by_the_first_objective() -> None:
    assert front_order([[0.5, 0.2], [0.9, 0.9], [0.2, 0.6], [0.3, 0.4]]).tolist() == [2, 3, 0]


@pytest.mark.parametrize("function", [nondominated, front_order, lambda p: hypervolume(p, (1.0, 1.0))])
def test_nan_is_refused(function: object) -> None:
    with pytest.raises(ValueError, match=r"without NaN; got NaN in rows \[1\]"):
        function([[0.1, 0.2], [np.nan, 0.1]])  # type: ignore[operator] # one of several signatures


def test_a_reference_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="one value per objective; got 3 for 2"):
        hypervolume([[0.1, 0.2]], (1.0, 1.0, 1.0))


def test_an_unbounded_volume_is_refused() -> None:
    with pytest.raises(ValueError, match="no point at -inf"):
        hypervolume([[-np.inf, 0.2]], (1.0, 1.0))


def test_a_list_of_numbers_is_no_matrix_of_points() -> None:
    with pytest.raises(ValueError, match=r"a matrix; got the shape \(2,\)"):
        nondominated([0.1, 0.2])

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.choosing import best_under, knee
from analysis.pareto import nondominated

FRONT = [[0.1, 0.9], [0.2, 0.3], [0.5, 0.25], [0.8, 0.1], [0.9, 0.9]]
step = st.integers(0, 6).map(lambda number: number / 4)
plane = st.lists(st.tuples(step, step), min_size=1, max_size=8)


def test_the_knee_is_where_the_front_bulges_most() -> None:
    assert knee(FRONT) == 1


def test_the_unit_of_an_objective_does_not_move_the_knee() -> None:
    assert knee(np.asarray(FRONT) * [1, 50] + [0, 3]) == 1


@given(plane)
def test_the_knee_is_furthest_from_the_line_between_the_ends(rows: list[tuple[float, float]]) -> None:
    points = np.asarray(rows)
    front = points[nondominated(points)]
    start, end = front[front[:, 0].argmin()], front[front[:, 0].argmax()]
    across, down = end[0] - start[0], start[1] - end[1]

    found = knee(points)

    # Twice the area of the triangle with the ends, positive below their line.
    areas = across * (start[1] - front[:, 1]) - down * (front[:, 0] - start[0])
    if found is None:
        assert areas.max() <= 1e-9
    else:
        area = across * (start[1] - points[found, 1]) - down * (points[found, 0] - start[0])
        assert area == pytest.approx(areas.max())
        assert nondominated(points)[found]


def test_a_straight_front_and_one_of_two_points_have_no_knee() -> None:
    assert knee([[0.0, 1.0], [0.5, 0.5], [1.0, 0.0]]) is None
    assert knee([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]) is None
    assert knee([]) is None


def test_a_front_that_bends_the_other_way_has_no_knee() -> None:
    assert knee([[0.0, 1.0], [0.7, 0.7], [1.0, 0.0]]) is None


def test_three_objectives_have_a_knee_too() -> None:
    assert knee([[0, 1, 1], [1, 0, 1], [1, 1, 0], [0.4, 0.4, 0.4], [0.5, 0.5, 0.5]]) == 3


def test_the_best_under_a_limit_and_the_reverse() -> None:
    assert best_under(FRONT, 0.5, on=0, best=1) == 2
    assert best_under(FRONT, 0.49, on=0, best=1) == 1
    assert best_under(FRONT, 0.3, on=1, best=0) == 1
    assert best_under(FRONT, 0.05, on=0, best=1) is None
    assert best_under([], 0.5, on=0, best=1) is None


def test_of_equal_points_the_one_with_less_in_the_limited_objective_is_taken() -> None:
    assert best_under([[0.3, 0.5], [0.2, 0.5], [0.1, 0.6]], 0.4, on=0, best=1) == 1


@given(plane, step)
def test_nothing_within_the_limit_is_better(rows: list[tuple[float, float]], limit: float) -> None:
    found = best_under(rows, limit, on=0, best=1)

    within = [row for row in rows if row[0] <= limit]
    assert (None if found is None else (rows[found][1], rows[found][0])) == min(
        ((robust, error) for error, robust in within), default=None
    )


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: knee([[0.1, float("nan")]]), "without NaN"),
        (lambda: knee([[0.1, float("inf")]]), "finite"),
        (lambda: knee([0.1, 0.2]), "a matrix"),
        (lambda: best_under([[0.1, float("nan")]], 0.5, on=0, best=1), "without NaN"),
        (lambda: best_under(FRONT, float("nan"), on=0, best=1), "a limit is a number"),
        (lambda: best_under(FRONT, 0.5, on=0, best=0), "two of 2 objectives; got on=0 and best=0"),
        (lambda: best_under(FRONT, 0.5, on=0, best=2), "got on=0 and best=2"),
    ],
)
def test_what_cannot_be_chosen_from_is_refused_in_one_line(call: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        call()  # type: ignore[operator] # one of several functions
    assert "\n" not in str(caught.value)

import pytest

from search_spaces.claims import claims, methods


def grid(on="known", sizes=(250, 1000, 5000), at_updates=(250,), seeds=2):
    return claims(on, sizes=sizes, at_updates=at_updates, seeds=seeds)


def test_a_grid_has_every_strategy_at_every_size_with_every_seed():
    points = [point for _, point in grid().baselines]

    assert len(points) == 5 * (3 + 1) * 2
    assert len({tuple(sorted(point.items())) for point in points}) == len(points)
    assert {point["n_train"] for point in points if point["fixed"] == "updates"} == {250}
    assert [point["seed"] for point in points] == [0] * 20 + [1] * 20


def test_the_long_ones_come_first():
    assert [point["n_train"] for _, point in grid().baselines[:20:5]] == [5000, 1000, 250, 250]


@pytest.mark.parametrize(
    ("on", "own"), [("known", "OnTrue"), ("learned", "OnLearned"), ("learned-agnostic", "OnData"), ("affine", None)]
)
def test_the_on_manifold_adversary_has_a_strategy_of_its_own_where_there_is_a_manifold(on, own):
    assert set(methods(on)) == {"Normal", "RegAdv", "DataAugm", "AdvTrans"} | ({own} if own else set())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sizes": (1000, 250)}, "rise; got 1000 250"),
        ({"sizes": (250, 250)}, "distinct"),
        ({"sizes": ()}, "distinct"),
        ({"at_updates": (5000,)}, "below the largest; got 5000"),
        ({"at_updates": (300,)}, "below the largest; got 300"),
        ({"seeds": 0}, "at least 1 seed"),
    ],
)
def test_what_is_no_grid_is_refused(changes, says):
    with pytest.raises(ValueError, match=says):
        grid(**changes)

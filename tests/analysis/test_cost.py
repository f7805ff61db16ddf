from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.cost import control, random_control, search_trace, trace
from analysis.pareto import hypervolume
from tests.analysis.random_sets import random_runs
from tests.analysis.synthetic import write_study

POINTS = [[0.5, 0.5], [np.inf, np.inf], [0.6, 0.6], [0.2, 0.9], [0.1, 0.1]]
COSTS = [1.0, 2.0, 1.0, 0.0, 4.0]


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_trace_is_the_volume_of_all_points_so_far(objectives: int) -> None:
    reference = (1.0,) * objectives
    for runs in random_runs(objectives, seed=8, sets=200):
        points = np.concatenate(runs)

        found = trace(points, np.ones(len(points)), reference)

        expected = [hypervolume(points[: number + 1], reference) for number in range(len(points))]
        assert found.volumes == pytest.approx(expected)


def test_a_trial_is_known_once_it_is_paid() -> None:
    found = trace(POINTS, COSTS, (1.0, 1.0))

    assert found.costs.tolist() == [1, 3, 4, 4, 8]
    assert found.at([0, 0.9, 1, 3.5, 4, 7.9, 8, 99]) == pytest.approx([0, 0, 0.25, 0.25, 0.28, 0.28, 0.81, 0.81])
    assert [found.cost_of(volume) for volume in (0.2, 0.28, 0.8, 0.9)] == [1, 4, 8, np.inf]


def test_any_order_of_random_trials_is_as_likely() -> None:
    rng = np.random.default_rng(0)

    found = control([[0.5, 0.5], [0.9, 0.9]], [1.0, 1.0], (1.0, 1.0), rng, at=[0, 1, 2], orders=400)

    assert found.low.tolist() == pytest.approx([0, 0.01, 0.25])
    assert found.high.tolist() == pytest.approx([0, 0.25, 0.25])
    assert found.orders == 400


def test_what_is_fixed_comes_first_in_every_order() -> None:
    found = control(POINTS[::-1], COSTS[::-1], (1.0, 1.0), np.random.default_rng(0), at=[4.0], fixed=1, orders=9)

    assert (found.low[0], found.high[0]) == pytest.approx((0.81, 0.81))


def test_a_generator_with_the_same_seed_draws_the_same_orders() -> None:
    points, costs = np.random.default_rng(1).random((30, 2)), np.ones(30)

    one, other = (
        control(points, costs, (1.0, 1.0), np.random.default_rng(2), at=[5, 10], orders=7).middle for _ in range(2)
    )

    assert one.tolist() == other.tolist()


def test_a_study_is_traced_by_what_its_trials_cost(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, ("conv",), trials=24))
    rows = study.trials.to_pylist()

    found = search_trace(study, "conv")

    assert found.costs[-1] == sum(row["gradient_evaluations"] for row in rows)
    points = [[row["val_error"], row["val_robust_error"]] for row in rows if row["state"] == "COMPLETE"]
    assert found.volumes[-1] == pytest.approx(hypervolume(points, (1.0, 1.0)))
    beside = random_control(study, "conv", np.random.default_rng(0), at=found.costs)
    assert beside.middle[[5, -1]] == pytest.approx(found.volumes[[5, -1]])  # after the baselines, and after all
    assert search_trace(study, "conv", "seconds").costs[-1] == pytest.approx(sum(row["seconds"] for row in rows))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"points": [[0.1, np.nan]], "costs": [1.0]}, "without NaN"),
        ({"costs": [1.0]}, r"a cost of at least 0; got \(1,\) costs for 5 trials"),
        ({"costs": [1.0, 1.0, 1.0, 1.0, -1.0]}, "a cost of at least 0"),
        ({"reference": (1.0,)}, "got 1 for 2"),
    ],
)
def test_what_cannot_be_traced_is_refused_in_one_line(changes: dict[str, Any], says: str) -> None:
    given: dict[str, Any] = {"points": POINTS, "costs": COSTS, "reference": (1.0, 1.0)}

    with pytest.raises(ValueError, match=says) as caught:
        trace(**given | changes)
    assert "\n" not in str(caught.value)


def test_a_control_has_orders() -> None:
    with pytest.raises(ValueError, match="got fixed=0 and orders=0"):
        control(POINTS, COSTS, (1.0, 1.0), np.random.default_rng(0), at=[1.0], orders=0)

import math

import numpy as np
import pytest

from search_spaces.tradeoff import tradeoff
from study.search.history import History, told
from study.search.optuna_space import distributions, every_distribution, groups, middles, names, parameters
from study.search.samplers import GENERATION, PROPOSERS, Nsga2, Tpe, good_of_few

SPACE = tradeoff(10)
ALL, MIDDLES = every_distribution(SPACE), middles(SPACE)
STARTUP = 8


def history(count, *, whole, best=()):
    """Trials at random points, of which the `best` dominate all others."""
    found, rng = History(2), np.random.default_rng(0)
    for number in range(count):
        point = SPACE.sample(rng)
        known = ALL if whole else distributions(SPACE, point)
        values = (0.1, 0.1) if number in best else (0.9, 0.9)
        found.add(number, told({**MIDDLES, **parameters(SPACE, point)}, known, values, {}, {GENERATION: 0}))
    return found


SEVERAL = tradeoff(10, "affine", "learned", "known")


def test_the_kind_is_asked_for_with_the_second_adversary_and_the_box_after_it():
    place = {name: index for index, group in enumerate(groups(SEVERAL)) for name in group}

    assert place["kind"] == place["manifold.radius"] == place["manifold.share"] == place["weights.manifold"]
    assert place["threats"] < place["kind"] < place["box"]
    assert sum(index == place["box"] for index in place.values()) == 1


def test_groups_hold_every_parameter_once_and_those_that_always_exist_come_first():
    found = groups(SPACE)

    assert sorted(name for group in found for name in group) == sorted(ALL)
    assert sorted(found[0]) == ["decay", "learning_rate", "threats", "weight_decay"]
    together = next(set(group) for group in found if "pixel.radius" in group)
    assert together == {f"pixel.{name}" for name in ("radius", "steps", "step_size", "slack", "loss")} | {
        "weights.pixel"
    }


def test_a_group_exists_as_a_whole_or_not_at_all():
    rng = np.random.default_rng(3)
    for _ in range(200):
        there = set(names(SPACE, SPACE.sample(rng)))
        assert all(set(group) <= there or not set(group) & there for group in groups(SPACE))


def test_middles_lie_inside_what_is_chosen_from():
    assert all(ALL[name]._contains(ALL[name].to_internal_repr(value)) for name, value in MIDDLES.items())


@pytest.mark.parametrize("name", ["tpe", "nsga2", "random"])
def test_a_proposal_is_a_point_of_the_space_and_its_parameters_give_it(name):
    proposer = PROPOSERS[name](SPACE, STARTUP)
    known = history(30, whole=proposer.whole, best=(3, 12))

    for seed in range(20):
        point, params = proposer.propose(known, 30, seed)

        assert SPACE.contains(point)
        assert set(names(SPACE, point)) <= set(params)
        for parameter in set(point) - {"weights"}:
            assert params[parameter] == point[parameter]


@pytest.mark.parametrize("name", ["tpe", "nsga2", "random"])
def test_a_proposal_depends_on_its_arguments_alone(name):
    used, fresh = PROPOSERS[name](SPACE, STARTUP), PROPOSERS[name](SPACE, STARTUP)
    known = history(40, whole=used.whole, best=(3, 12))
    for seed in range(5):
        used.propose(known, 40, seed)

    assert used.propose(known, 40, 7) == fresh.propose(known, 40, 7)


def test_the_best_of_an_early_generation_stay_parents():
    known = history(4 * STARTUP, whole=True, best=(2,))
    rate = known.between(2, 3)[2].params["learning_rate"]

    rates = [Nsga2(SPACE, STARTUP).propose(known, 4 * STARTUP, seed)[0]["learning_rate"] for seed in range(20)]

    assert sum(found == pytest.approx(rate) for found in rates) >= 3


def test_a_generation_is_bred_again_when_one_of_an_earlier_ends_late():
    proposer, known = Nsga2(SPACE, STARTUP), history(4 * STARTUP, whole=True, best=(2,))
    proposer.propose(known, 5 * STARTUP, 1)
    late = told({**MIDDLES, "learning_rate": 0.0123}, ALL, (0.01, 0.01), {}, {GENERATION: 0})
    known.add(4 * STARTUP, late)

    asked = [proposer.propose(known, 5 * STARTUP, seed) for seed in range(20)]

    assert asked[1] == Nsga2(SPACE, STARTUP).propose(known, 5 * STARTUP, 1)
    assert any(point["learning_rate"] == pytest.approx(0.0123) for point, _ in asked)


def test_no_child_is_a_copy_of_what_is_known():
    """Of few parents some children are, or would be but for the rounding of a logarithm."""
    known = History(2)
    for number, (_, point) in enumerate(SPACE.baselines):
        known.add(number, told({**MIDDLES, **parameters(SPACE, point)}, ALL, (0.5, 0.5), {}, {GENERATION: 0}))
    nsga2 = Nsga2(SPACE, len(SPACE.baselines))

    points = [nsga2.propose(known, len(SPACE.baselines), seed)[0] for seed in range(100)]

    baselines = [rounded(baseline) for _, baseline in SPACE.baselines]
    assert rounded(SPACE.baselines[0][1] | {"learning_rate": 0.010000000000000004}) in baselines
    assert not [point for point in points if rounded(point) in baselines]


def rounded(point):
    """A point whose numbers have nine digits."""
    flat = {**point, **point.get("weights", {})}
    return {name: float(f"{value:.9g}") for name, value in flat.items() if isinstance(value, float)} | {
        name: value for name, value in flat.items() if isinstance(value, (str, int, type(None)))
    }


def test_without_any_result_a_model_answers_at_random():
    for name in ("tpe", "nsga2"):
        assert SPACE.contains(PROPOSERS[name](SPACE, STARTUP).propose(History(2), 50, 0)[0])


def test_tpe_stays_near_what_good_baselines_share_with_the_others():
    """All have the same rate and equal weights, and six trials are all there are: were one of them good, the settings
    of the other five would be bad, and with them its own."""
    measured = [(0.484, 1.0), (0.403, 0.855), (0.239, 0.994), (0.298, 0.863), (0.399, 0.886), (0.322, 0.998)]
    known = History(2)
    for number, ((_, point), values) in enumerate(zip(SPACE.baselines, measured, strict=True)):
        known.add(number, told(parameters(SPACE, point), distributions(SPACE, point), values, {}, {}))

    def tiny(good):
        points = [Tpe(SPACE, STARTUP, good=good).propose(known, 20, seed)[0] for seed in range(20)]
        return np.mean([point["weights"]["clean"] < 0.1 for point in points])

    assert tiny(good_of_few) < 0.2
    assert tiny(lambda complete: math.ceil(complete / 10)) > 0.5


@pytest.mark.parametrize(("complete", "good"), [(1, 1), (2, 1), (6, 3), (15, 8), (80, 8), (81, 9), (1000, 100)])
def test_good_are_a_tenth_and_of_few_at_least_eight_or_half(complete, good):
    assert good_of_few(complete) == good


def test_tpe_proposes_what_resembles_the_best():
    known = history(300, whole=False)
    rng = np.random.default_rng(1)
    for number in range(300, 320):
        point = SPACE.sample(rng) | {"learning_rate": 0.0025}
        known.add(number, told(parameters(SPACE, point), distributions(SPACE, point), (0.1, 0.1), {}, {}))

    rates = [Tpe(SPACE, STARTUP, 100).propose(known, 320, seed)[0]["learning_rate"] for seed in range(10)]

    assert np.median(rates) < 0.004

"""What a scheduler of trials with several objectives promises, whatever the trials."""

import math
import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.scheduling.pareto_halving import Decision, HalvingConfig, ParetoHalving, rungs
from study.scheduling.rung import Rung

STOP_AT_3 = HalvingConfig(rungs=(3,))
PAUSE_AT_3_AND_9 = HalvingConfig(rungs=(3, 9), mode="pause")
Point = tuple[float, ...]

grid = st.integers(0, 5).map(lambda step: step / 5)  # a coarse grid makes ties and duplicates common
pairs = st.tuples(grid, grid)
triples = st.tuples(grid, grid, grid)
factors = st.sampled_from([1.5, 2.0, 3.0, 4.0])


def dominates(one: Point, other: Point) -> bool:
    no_worse = all(a <= b for a, b in zip(one, other, strict=True))
    return no_worse and one != other


def front_numbers(points: dict[str, Point]) -> dict[str, int]:
    """Peels fronts off one by one, as their definition says."""
    left, numbers, number = dict(points), {}, 0
    while left:
        front = [name for name, point in left.items() if not any(dominates(other, point) for other in left.values())]
        numbers |= dict.fromkeys(front, number)
        left = {name: point for name, point in left.items() if name not in front}
        number += 1
    return numbers


def measure(scheduler: ParetoHalving, points: Sequence[Point], epoch: int = 3, first: int = 0) -> list[Decision]:
    return [scheduler.decide(f"t{first + i}", "conv", epoch, point) for i, point in enumerate(points)]


def allowed(points: dict[str, Point], newcomer: str, factor: float) -> set[Decision]:
    """Returns what may be decided on the last of these: both, where its front straddles the number of places."""
    numbers = front_numbers(points)
    places = max(sum(number == 0 for number in numbers.values()), math.floor(len(points) / factor))
    ahead = sum(number < numbers[newcomer] for number in numbers.values())
    through = sum(number <= numbers[newcomer] for number in numbers.values())
    if through <= places:
        return {Decision.CONTINUE}
    return {Decision.STOP} if ahead >= places else {Decision.CONTINUE, Decision.STOP}


@given(st.lists(pairs, min_size=1, max_size=25) | st.lists(triples, min_size=1, max_size=15), factors)
def test_every_decision_is_what_fronts_by_definition_allow(points: list[Point], factor: float) -> None:
    scheduler, seen = ParetoHalving(HalvingConfig(rungs=(3,), factor=factor)), {}
    for number, point in enumerate(points):
        seen[f"t{number}"] = point

        decision = scheduler.decide(f"t{number}", "conv", 3, point)

        assert decision in allowed(seen, f"t{number}", factor)


@given(st.lists(pairs, max_size=30), factors, st.integers(0, 9))
def test_a_trial_that_dominates_its_whole_rung_is_never_stopped(points: list[Point], factor: float, seed: int) -> None:
    scheduler = ParetoHalving(HalvingConfig(rungs=(3,), factor=factor), seed=seed)
    measure(scheduler, points)

    assert scheduler.decide("best", "conv", 3, (-0.1, -0.1)) == Decision.CONTINUE


@given(st.lists(pairs, min_size=1, max_size=30), factors, st.integers(0, 9))
def test_a_trial_that_all_others_dominate_is_always_stopped(points: list[Point], factor: float, seed: int) -> None:
    scheduler = ParetoHalving(HalvingConfig(rungs=(3,), factor=factor), seed=seed)
    measure(scheduler, points)

    assert scheduler.decide("worst", "conv", 3, (1.1, 1.1)) == Decision.STOP


@given(st.lists(pairs, max_size=30))
def test_what_no_other_dominates_goes_on_though_a_factor_leaves_it_no_place(points: list[Point]) -> None:
    scheduler = ParetoHalving(HalvingConfig(rungs=(3,), factor=100))
    measure(scheduler, points)

    assert scheduler.decide("robust", "conv", 3, (1.0, -0.1)) == Decision.CONTINUE


def test_one_in_factor_goes_on() -> None:
    points = [(step / 1000, step / 1000) for step in range(1000)]
    random.Random(0).shuffle(points)

    decisions = measure(ParetoHalving(HalvingConfig(rungs=(3,), factor=4)), points)

    assert 250 <= decisions.count(Decision.CONTINUE) <= 270  # the first ones have few to be compared with


def test_a_place_by_hand() -> None:
    scheduler = ParetoHalving(STOP_AT_3)

    decisions = measure(scheduler, [(0.5, 0.5), (0.6, 0.6), (0.55, 0.55), (0.54, 0.54), (0.52, 0.52)])

    assert decisions == [Decision.CONTINUE, Decision.STOP, Decision.STOP, Decision.CONTINUE, Decision.CONTINUE]


def test_epochs_between_rungs_decide_nothing_and_count_for_nothing() -> None:
    scheduler = ParetoHalving(STOP_AT_3)
    for epoch in (1, 2, 4):
        assert measure(scheduler, [(0.1, 0.1), (0.9, 0.9)], epoch) == [Decision.CONTINUE] * 2

    assert scheduler.decide("late", "conv", 3, (0.9, 0.9)) == Decision.CONTINUE


def test_architectures_and_rungs_are_compared_within_themselves() -> None:
    scheduler = ParetoHalving(HalvingConfig(rungs=(3, 9)))
    measure(scheduler, [(0.1, 0.1)])

    assert scheduler.decide("other", "mlp", 3, (0.9, 0.9)) == Decision.CONTINUE
    assert scheduler.decide("further", "conv", 9, (0.9, 0.9)) == Decision.CONTINUE
    assert scheduler.decide("same", "conv", 3, (0.9, 0.9)) == Decision.STOP


def test_a_second_report_replaces_the_first() -> None:
    scheduler = ParetoHalving(STOP_AT_3)
    measure(scheduler, [(0.1, 0.1), (0.5, 0.5), (0.9, 0.9)])
    measure(scheduler, [(0.6, 0.6)])

    assert scheduler.decide("new", "conv", 3, (0.55, 0.55)) == Decision.CONTINUE  # of four second, behind .5 alone


@given(st.lists(pairs, min_size=4, max_size=20), st.integers(0, 3))
def test_a_forgotten_trial_might_never_have_been(points: list[Point], gone: int) -> None:
    with_it, without = ParetoHalving(STOP_AT_3), ParetoHalving(STOP_AT_3)
    measure(with_it, points)
    for number, point in enumerate(points):
        if number != gone:
            without.decide(f"t{number}", "conv", 3, point)

    with_it.forget(f"t{gone}")

    later = [(0.3, 0.4), (0.5, 0.2), (0.9, 0.9), (0.4, 0.4)]
    assert measure(with_it, later, first=50) == measure(without, later, first=50)


def test_forgetting_an_unknown_trial_is_harmless() -> None:
    ParetoHalving(STOP_AT_3).forget("t7")


def test_the_better_half_is_promoted_furthest_first_then_best_first_and_nobody_else() -> None:
    scheduler = ParetoHalving(PAUSE_AT_3_AND_9)
    scheduler.decide("a", "conv", 3, (0.1, 0.1))
    paused = {name: (0.2 + place / 10,) * 2 for place, name in enumerate("bcdefgh")}
    for name in "bdcehgf":
        assert scheduler.decide(name, "conv", 3, paused[name]) == Decision.PAUSE
    promoted = []
    while (name := scheduler.promotable("conv")) is not None:
        scheduler.promoted(name)
        promoted.append(name)

    assert promoted == ["b", "c", "d"]  # with a, that went on at once, four of eight
    assert scheduler.decide("a", "conv", 9, (0.1, 0.1)) == Decision.CONTINUE
    assert scheduler.decide("c", "conv", 9, (0.3, 0.3)) == Decision.PAUSE
    assert scheduler.decide("d", "conv", 9, (0.4, 0.4)) == Decision.PAUSE
    assert scheduler.decide("b", "conv", 9, (0.5, 0.5)) == Decision.PAUSE
    assert measure(scheduler, [(0.95, 0.95), (0.97, 0.97)]) == [Decision.PAUSE] * 2  # five of ten: a place for e
    assert scheduler.promotable("conv") == "c"
    scheduler.promoted("c")
    assert scheduler.promotable("conv") == "e"
    assert scheduler.promotable("mlp") is None


@given(st.lists(pairs, min_size=1, max_size=25), factors, st.integers(0, 5))
def test_all_who_are_among_the_best_get_to_run_on(points: list[Point], factor: float, seed: int) -> None:
    scheduler = ParetoHalving(HalvingConfig(rungs=(3,), factor=factor, mode="pause"), seed=seed)
    named = {f"t{number}": point for number, point in enumerate(points)}
    ran_on = {name for name, point in named.items() if scheduler.decide(name, "conv", 3, point) == Decision.CONTINUE}
    while (name := scheduler.promotable("conv")) is not None:
        assert name not in ran_on
        scheduler.promoted(name)
        ran_on.add(name)

    numbers = front_numbers(named)
    places = max(sum(number == 0 for number in numbers.values()), math.floor(len(points) / factor))
    must_run = {n for n in named if sum(numbers[o] <= numbers[n] for o in named) <= places}
    assert must_run <= ran_on
    assert sum(scheduler.decide(n, "conv", 3, p) == Decision.CONTINUE for n, p in named.items()) == len(ran_on)


def test_a_trial_that_ran_on_is_not_paused_where_a_crash_takes_it_back() -> None:
    scheduler = ParetoHalving(PAUSE_AT_3_AND_9)
    measure(scheduler, [(0.5, 0.5), (0.4, 0.4), (0.3, 0.3), (0.2, 0.2), (0.45, 0.45)])

    assert scheduler.decide("t0", "conv", 3, (0.5, 0.5)) == Decision.CONTINUE
    assert scheduler.decide("t4", "conv", 3, (0.45, 0.45)) == Decision.PAUSE


def test_a_forgotten_trial_is_not_promoted() -> None:
    scheduler = ParetoHalving(PAUSE_AT_3_AND_9)
    measure(scheduler, [(0.1, 0.1), (0.2, 0.2), (0.3, 0.3), (0.4, 0.4)])
    assert scheduler.promotable("conv") == "t1"

    scheduler.forget("t1")

    assert scheduler.promotable("conv") is None  # of three, one goes on, and has


def test_nobody_is_promoted_where_trials_stop_for_good() -> None:
    scheduler = ParetoHalving(STOP_AT_3)
    measure(scheduler, [(0.1, 0.1), (0.3, 0.3), (0.4, 0.4), (0.5, 0.5), (0.6, 0.6), (0.7, 0.7)])

    assert scheduler.promotable("conv") is None


@given(st.lists(st.tuples(st.integers(0, 8), st.sampled_from((1, 3, 9)), pairs), max_size=40), st.booleans())
def test_the_same_calls_and_seed_decide_the_same(calls: list[tuple[int, int, Point]], pausing: bool) -> None:
    config = HalvingConfig(rungs=(3, 9), mode="pause" if pausing else "stop")

    def play() -> list[object]:
        scheduler, said = ParetoHalving(config, seed=4), []
        for number, epoch, point in calls:
            said += [scheduler.decide(f"t{number}", "conv", epoch, point), scheduler.promotable("conv")]
            if said[-1] is not None:
                scheduler.promoted(str(said[-1]))
        return said

    assert play() == play()


def test_ties_are_broken_by_the_seed() -> None:
    points = [(0.1, 0.1), *[(0.2 + step / 100, 0.5 - step / 100) for step in range(20)]]

    outcomes = {tuple(measure(ParetoHalving(STOP_AT_3, seed=seed), points)) for seed in range(10)}

    assert len(outcomes) > 5


def test_rungs_rise_by_the_factor_and_lie_below_the_last_epoch() -> None:
    assert rungs(27, 4, 2) == (4, 8, 16)
    assert rungs(16, 4, 2) == (4, 8)
    assert rungs(10, 1, 1.5) == (1, 2, 3, 5, 8)
    assert rungs(2, 2, 2) == ()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rungs": (9, 3)}, r"rising order; got \(9, 3\)"),
        ({"rungs": (3, 3)}, r"rising order; got \(3, 3\)"),
        ({"rungs": (0, 3)}, r"counted from 1.*got \(0, 3\)"),
        ({"rungs": (3,), "factor": 1.0}, "above 1; got 1.0"),
        ({"rungs": (3,), "factor": math.nan}, "above 1; got nan"),
        ({"rungs": (3,), "mode": "kill"}, "mode is one of stop, pause; got 'kill'"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        HalvingConfig(**wrong)  # type: ignore[arg-type] # wrong on purpose


def test_values_that_cannot_be_ranked_are_refused_and_leave_no_trace() -> None:
    scheduler = ParetoHalving(STOP_AT_3)
    scheduler.decide("t0", "conv", 3, (0.5, 0.5))
    for values, said in [((0.1, math.nan), "without NaN"), ((0.1,), "equally many objectives, 2; got 1")]:
        with pytest.raises(ValueError, match=said):
            scheduler.decide("t1", "conv", 3, values)
    with pytest.raises(ValueError, match="promoted from a rung; got t1"):
        scheduler.promoted("t1")

    assert scheduler.decide("t2", "conv", 3, (0.6, 0.6)) == Decision.STOP


def test_an_infinite_value_is_the_worst() -> None:
    scheduler = ParetoHalving(STOP_AT_3)

    assert measure(scheduler, [(0.9, 0.9), (0.9, math.inf)]) == [Decision.CONTINUE, Decision.STOP]


def test_a_decision_among_ten_thousand_trials_takes_milliseconds() -> None:
    rung, draw, taken = Rung(2), random.Random(0), []
    for number in range(10_000):
        rung.put(f"t{number}", (draw.random(), draw.random()), draw.random())
    scheduler = ParetoHalving(STOP_AT_3)
    scheduler._rungs["conv", 3] = rung  # to fill it by decisions would take as many times as long
    for number in range(20):
        began = time.thread_time()
        scheduler.decide(f"new{number}", "conv", 3, (draw.random(), draw.random()))
        taken.append(time.thread_time() - began)

    assert sorted(taken)[10] < 0.005

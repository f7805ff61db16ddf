from collections import Counter

import pytest

from search_spaces.tradeoff import tradeoff
from study.choices import SAMPLERS
from study.desk import Desk
from study.search.front import validation_front
from study.search.search import Search
from study.storage.state import Trial
from tests.study.conftest import begin, reopened, said, tell, tiny, work
from trainables.config import LearnedConfig, TrialConfig


def errors(trial: Trial) -> tuple[float, float]:
    """Errors that depend on the point and on nothing else, so that a search has something to find."""
    rate = trial.config["optimiser"]["learning_rate"]
    return min(1.0, 0.2 + rate * 20), 0.9 - 0.1 * len(trial.config["roles"])


def run_all(desk):
    asked = []
    while trial := desk.next():
        asked.append((trial.trial_id, trial.point))
        error, robust = errors(trial)
        tell(desk, trial, 2, error, robust)
    return asked


def test_baselines_come_first_in_their_order(tmp_path):
    with begin(tmp_path, architectures=("conv",), trials=8) as store:
        run_all(Desk(store))

        baselines = tradeoff(5).baselines
        assert [trial.label for trial in store.state.of("conv")] == [label for label, _ in baselines] + [None, None]
        assert [trial.point for trial in store.state.of("conv")][:6] == [point for _, point in baselines]


def test_baselines_are_cut_when_there_are_fewer_trials(store):
    run_all(Desk(store))

    assert [trial.label for trial in store.state.of("mlp")] == ["Normal", "RegAdv", "OnTrue"]


def test_architectures_take_turns_and_get_equal_budgets(tmp_path):
    with begin(tmp_path, trials=9) as store:
        asked = [trial_id for trial_id, _ in run_all(Desk(store))]

    turns = [trial_id.split("-")[0] for trial_id in asked]
    assert turns == ["conv", "mlp"] * 9
    assert Counter(turns) == {"conv": 9, "mlp": 9}


# What to run: a question to gp takes seconds.
CASES = [
    *[(sampler, stop_after) for sampler in ("tpe", "nsga2", "random") for stop_after in (0, 3, 11, 14)],
    pytest.param("gp", 9, marks=pytest.mark.slow),
]
ALL_SAMPLERS = [pytest.param(name, marks=pytest.mark.slow if name == "gp" else ()) for name in SAMPLERS]
TRIALS = {"tpe": 16, "nsga2": 24, "random": 16, "gp": 11}


def of(sampler, **changes):
    return {"trials": TRIALS[sampler], "architectures": ("conv",), "sampler": sampler} | changes


@pytest.mark.parametrize("sampler", ALL_SAMPLERS)
def test_equal_seeds_ask_the_same_and_others_do_not(tmp_path, sampler):
    asked = []
    for place, seed in enumerate((1, 1, 2)):
        with begin(tmp_path / str(place), **of(sampler, seed=seed)) as store:
            asked.append(run_all(Desk(store)))

    assert asked[0] == asked[1]
    for number in range(6, TRIALS[sampler]):
        assert asked[0][number] != asked[2][number]


@pytest.mark.parametrize(("sampler", "stop_after"), CASES)
def test_a_resumed_search_asks_what_an_uninterrupted_one_would_have(tmp_path, sampler, stop_after):
    with begin(tmp_path / "whole", **of(sampler)) as store:
        whole = run_all(Desk(store))

    with begin(tmp_path / "cut", **of(sampler)) as store:
        desk = Desk(store)
        for _ in range(stop_after):
            trial = desk.next()
            tell(desk, trial, 2, *errors(trial))
        desk.next()  # in flight when the study stops
    with reopened(store) as again:
        run_all(Desk(again))

        assert [(trial.trial_id, trial.point) for trial in again.state.of("conv")] == whole


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_models_answer_otherwise_than_chance(tmp_path, sampler):
    asked = {}
    for name in (sampler, "random"):
        with begin(tmp_path / name, **of(sampler) | {"sampler": name}) as store:
            asked[name] = run_all(Desk(store))

    assert asked[sampler][:10] == asked["random"][:10] or sampler == "nsga2"
    for mine, chance in zip(asked[sampler][12:], asked["random"][12:], strict=True):
        assert mine != chance


def ended(search, trial, state, error=0.3, robust=0.5):
    trial.state, trial.curve = state, [said(2, error, robust)]
    search.tell(trial)


def question(sampler, state, **changes):
    """Returns what is asked after trials of which the last, a very good one, is in some state."""
    search = Search(tiny(**of(sampler, trials=24, **changes)))
    for number in range(15):
        ended(search, search.ask(), "COMPLETE", 0.3 + number / 100, 0.9 - number / 100)
    ended(search, search.ask(), state, 0.01, 0.01)
    return search.ask().point


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_a_stopped_trial_counts_as_failed_whatever_it_had_reported(sampler):
    failed = question(sampler, "FAILED")

    assert question(sampler, "STOPPED") == failed
    assert question(sampler, "INFEASIBLE") == failed
    if sampler == "tpe":
        assert question(sampler, "COMPLETE") != failed


def test_a_paused_trial_is_still_under_way():
    asked = {
        state: [question("tpe", state, seed=seed) for seed in range(4)] for state in ("RUNNING", "PAUSED", "STOPPED")
    }

    assert asked["PAUSED"] == asked["RUNNING"]
    assert asked["STOPPED"] != asked["RUNNING"]


def test_a_trial_that_ends_after_a_pause_is_as_if_it_had_never_paused():
    points = []
    for states in (["PAUSED", "RUNNING", "PAUSED", "COMPLETE"], ["COMPLETE", "COMPLETE"]):
        search = Search(tiny(**of("tpe", trials=24)))
        for number in range(12):
            trial = search.ask()
            for state in states:
                ended(search, trial, state, 0.3 + number / 100, 0.9 - number / 100)
        points.append(search.ask().point)

    assert points[0] == points[1]


def test_stopped_trials_do_not_keep_the_search_at_random():
    """Halving stops most trials: what was asked counts towards the start at random, not what was completed."""
    points = {}
    for sampler in ("tpe", "random"):
        search = Search(tiny(**of(sampler, trials=24)))
        for number in range(12):
            ended(search, search.ask(), "COMPLETE" if number < 4 else "STOPPED")
        points[sampler] = search.ask().point

    assert points["tpe"] != points["random"]


def test_nsga2_breeds_the_parameters_that_only_some_trials_have():
    """Children take every parameter, hidden ones too, from one of their parents, but for a mutation or two."""
    search = Search(tiny(**of("nsga2", trials=60)))
    asked = []
    for _ in range(40):
        trial = search.ask()
        asked.append(trial)
        ended(search, trial, "COMPLETE", *errors(trial))

    names = [name for name in asked[-1].params if name not in asked[0].params]
    assert len(names) > 10
    inherited = [
        asked[-1].params[name] in {parent.params.get(name) for parent in asked[:-1]} for name in asked[-1].params
    ]
    assert sum(inherited) >= len(inherited) - 6


def test_the_search_learns_after_its_startup(tmp_path):
    found = {}
    for sampler in ("random", "tpe", "nsga2"):
        with begin(tmp_path / sampler, trials=60, architectures=("conv",), sampler=sampler) as store:
            run_all(Desk(store))
            late = store.state.of("conv")[30:]
            found[sampler] = sum(sum(trial.objectives) for trial in late) / len(late)

    assert found["tpe"] < found["random"] - 0.02
    assert found["nsga2"] < found["random"] - 0.02


def test_failed_and_infeasible_trials_are_no_points(tmp_path):
    with begin(tmp_path, trials=14, architectures=("conv",)) as store:
        desk = Desk(store)
        for _ in range(14):
            trial = desk.next()
            tell(desk, trial, 1, 0.0, 0.0, infeasible="it collapsed")

        assert {trial.state for trial in store.state.trials.values()} == {"INFEASIBLE"}
        assert validation_front(store.state.trials.values()) == []


def test_trials_still_running_are_asked_again_as_they_were(tmp_path):
    with begin(tmp_path, trials=10) as store:
        desk = Desk(store)
        for _ in range(16):
            work(desk, 0.5, 0.9)
        left = [desk.next() for _ in range(3)]

    with reopened(store) as again:
        desk = Desk(again)
        asked = [desk.next() for _ in range(3)]

        assert [(t.trial_id, t.config) for t in asked] == [(t.trial_id, t.config) for t in left]
        assert desk.next().trial_id == "mlp-009"
        assert desk.next() is None


def test_a_trials_config_is_its_point_at_its_own_seed():
    trial = Search(tiny(threat_model=tiny().threat_model)).ask()

    config = TrialConfig.from_dict(trial.config)

    assert (config.architecture, config.fused_steps, config.epochs) == ("conv", 5, 2)
    assert config.seed == tiny().trial_seed("conv", 0)


def test_the_front_keeps_what_no_other_trial_dominates(tmp_path):
    with begin(tmp_path, trials=5, architectures=("conv",)) as store:
        desk = Desk(store)
        for error, robust in [(0.3, 0.7), (0.2, 0.8), (0.3, 0.9), (0.2, 0.8), (0.1, 1.0)]:
            work(desk, error, robust)

        front = validation_front(store.state.of("conv"))

    assert [trial.number for trial in front] == [4, 1, 3, 0]


@pytest.mark.parametrize("sampler", ALL_SAMPLERS)
def test_every_sampler_searches_what_to_train_along(tmp_path, sampler):
    kinds = {"manifold": "known", "others": ("affine", "learned"), "learned": LearnedConfig()}
    with begin(tmp_path, architectures=("conv",), trials=TRIALS[sampler], sampler=sampler, **kinds) as store:
        asked = run_all(Desk(store))
        space, trials = store.config.search_space(), store.state.of("conv")

    assert all(space.contains(point) for _, point in asked)
    assert {trial.config["manifold"] for trial in trials} == {None}
    along = [point["kind"] for _, point in asked if "kind" in point]
    assert along[:3] == ["known"] * 3
    assert set(along) > {"known"}

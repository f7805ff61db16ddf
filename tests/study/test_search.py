from collections import Counter

import pytest

from search_spaces.tradeoff import tradeoff
from study.config import SAMPLERS
from study.desk import Desk
from study.search.front import validation_front
from study.search.search import Search
from study.storage.state import Trial
from tests.study.conftest import begin, reopened, said, tiny, work
from trainables.config import TrialConfig


def errors(trial: Trial) -> tuple[float, float]:
    """Errors that depend on the point and on nothing else, so that a search has something to find."""
    rate = trial.config["optimiser"]["learning_rate"]
    return min(1.0, 0.2 + rate * 20), 0.9 - 0.1 * len(trial.config["roles"])


def run_all(desk):
    asked = []
    while trial := desk.next():
        asked.append((trial.trial_id, trial.point))
        error, robust = errors(trial)
        desk.report(trial.trial_id, said(1, error, robust))
        desk.end(trial.trial_id, None)
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


ALL_SAMPLERS = [pytest.param(name, marks=pytest.mark.slow if name == "gp" else ()) for name in SAMPLERS]


@pytest.mark.parametrize("sampler", ALL_SAMPLERS)
def test_equal_seeds_ask_the_same_and_others_do_not(tmp_path, sampler):
    asked = []
    for place, seed in enumerate((1, 1, 2)):
        with begin(tmp_path / str(place), trials=13, architectures=("conv",), sampler=sampler, seed=seed) as store:
            asked.append(run_all(Desk(store)))

    assert asked[0] == asked[1]
    for number in range(6, 13):
        assert asked[0][number] != asked[2][number]


@pytest.mark.parametrize("stop_after", [0, 3, 11, 14])
@pytest.mark.parametrize("sampler", ALL_SAMPLERS)
def test_a_resumed_search_asks_what_an_uninterrupted_one_would_have(tmp_path, stop_after, sampler):
    size = {"trials": 24 if sampler == "nsga2" else 16, "architectures": ("conv",), "sampler": sampler}
    with begin(tmp_path / "whole", **size) as store:
        whole = run_all(Desk(store))

    with begin(tmp_path / "cut", **size) as store:
        desk = Desk(store)
        for _ in range(stop_after):
            trial = desk.next()
            desk.report(trial.trial_id, said(1, *errors(trial)))
            desk.end(trial.trial_id, None)
        desk.next()  # in flight when the study stops
    with reopened(store) as again:
        run_all(Desk(again))

        assert [(trial.trial_id, trial.point) for trial in again.state.of("conv")] == whole


def test_the_search_learns_after_its_startup(tmp_path):
    found = {}
    for sampler in ("random", "tpe"):
        with begin(tmp_path / sampler, trials=60, architectures=("conv",), sampler=sampler) as store:
            run_all(Desk(store))
            late = store.state.of("conv")[30:]
            found[sampler] = sum(sum(trial.objectives) for trial in late) / len(late)

    assert found["tpe"] < found["random"] - 0.02


def test_failed_and_infeasible_trials_are_no_points(tmp_path):
    with begin(tmp_path, trials=14, architectures=("conv",)) as store:
        desk = Desk(store)
        for _ in range(14):
            trial = desk.next()
            desk.report(trial.trial_id, said(1, 0.0, 0.0, infeasible="it collapsed"))
            desk.end(trial.trial_id, None)

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

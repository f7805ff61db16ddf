import numpy as np
import optuna
import pytest
from optuna.samplers import TPESampler
from optuna.samplers._tpe.sampler import _split_trials
from optuna.trial import TrialState

from analysis.pareto import nondominated
from search_spaces.tradeoff import tradeoff
from study.search.front import best_fronts
from study.search.history import GOOD, History, study_of, told
from study.search.optuna_space import distributions, parameters

SPACE = tradeoff(10)
POINT = SPACE.sample(np.random.default_rng(0))
PARAMS, CHOICES = parameters(SPACE, POINT), distributions(SPACE, POINT)


def known(values, violation=None):
    constraints = {} if violation is None else {"c": violation}
    return told(PARAMS, CHOICES, values, constraints, {})


def filled(values, violations=None):
    history = History(2)
    for number, pair in enumerate(values):
        history.add(number, known(tuple(pair), None if violations is None else violations[number]))
    return history


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("constrained", [False, True])
def test_tpe_calls_the_same_trials_good_as_if_it_were_told_everything(seed, constrained):
    rng = np.random.default_rng(seed)
    values = np.sort(rng.random((600, 2)), axis=0) + rng.normal(scale=0.2, size=(600, 2))  # the newest are worst
    violations = rng.random(600) - 0.02 if constrained else None
    history = filled(values, violations)

    good = []
    for newest in (100, 600):
        trials = study_of(history.recent(newest), TPESampler(), 2).get_trials(deepcopy=False)
        good.append([tuple(t.values) for t in _split_trials(study_of((), TPESampler(), 2), trials, GOOD)[0]])

    assert len(history.recent(100)) < 250
    assert good[0] == good[1]
    assert len(good[0]) == GOOD


def test_what_is_kept_is_the_best_and_the_newest_in_order():
    values = [(0.1, 0.9), (0.9, 0.1), *[(0.5, 0.5)] * GOOD, *[(0.95, 0.95)] * 80]

    kept = [tuple(trial.values) for trial in filled(values).recent(30)]

    assert kept == [*values[: GOOD + 2], *[(0.95, 0.95)] * 30]


def test_a_front_of_everything_is_kept_up_to_as_many_as_the_newest():
    values = [(number / 1000, 1 - number / 1000) for number in range(1000)]

    assert len(filled(values).recent(100)) == 100


def test_trials_that_run_are_told_among_the_others_by_number():
    history = filled([(0.5, 0.5)] * 3)
    history.running[1] = told(PARAMS, CHOICES, None, {}, {})
    history.add(7, known((0.1, 0.1)))

    assert [trial.state for trial in history.recent(10)][1:3] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert [trial.state for trial in history.recent(10)].count(TrialState.RUNNING) == 1


def test_order_of_ends_and_repetition_do_not_matter():
    forward, backward = History(2), History(2)
    for number in range(5):
        forward.add(number, known((number / 10, 0.5)))
    for number in (4, 0, 3, 3, 1, 2, 0):
        backward.add(number, known((number / 10, 0.5)))

    assert [t.values for t in forward.recent(3)] == [t.values for t in backward.recent(3)]
    assert len(backward) == 5


def test_optuna_takes_what_it_is_told():
    study = study_of([known((0.2, 0.3), 0.5), known((0.4, 0.1), -0.5)], TPESampler(), 2)

    assert [trial.number for trial in study.get_trials()] == [0, 1]
    assert [trial.constraints for trial in study.get_trials()] == [{"c": 0.5}, {"c": -0.5}]
    assert [trial.number for trial in study.best_trials] == [1]  # the other one is infeasible
    for trial in study.get_trials():
        trial._validate()
        assert trial.params == optuna.trial.create_trial(params=PARAMS, distributions=CHOICES, values=[0, 0]).params


def test_fronts_are_peeled_one_after_another():
    points = np.random.default_rng(1).random((200, 2))

    first = best_fronts(points, fronts=1)
    second = best_fronts(points, fronts=2)

    assert sorted(first) == np.flatnonzero(nondominated(points)).tolist()
    rest = np.delete(np.arange(200), first)
    assert sorted(second[len(first) :]) == rest[nondominated(points[rest])].tolist()
    assert sorted(best_fronts(points)) == list(range(200))
    assert len(best_fronts(np.empty((0, 2)))) == 0

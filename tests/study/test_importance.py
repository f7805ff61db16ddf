import numpy as np
import pyarrow.parquet as pq
import pytest

from study.importance import FEWEST, PLACE, importances, write_importance
from study.search.optuna_space import parameters
from study.search.point import to_config
from study.storage.state import State, Trial
from tests.study.conftest import said, tiny

STUDY = tiny(architectures=("conv",), trials=200)
SPACE = STUDY.search_space()


def trials(count, value, seed=0):
    """Trials at random, whose two objectives are what a function makes of their points."""
    rng, found = np.random.default_rng(seed), []
    base = STUDY.base("conv", 0)
    for number in range(count):
        point = SPACE.sample(rng)
        trial = Trial(
            trial_id=f"conv-{number:03d}", architecture="conv", number=number, label=None, point=point,
            params=parameters(SPACE, point), config=to_config(point, base).to_dict(), state="COMPLETE",
        )  # fmt: skip
        trial.curve.append(said(2, *value(point, rng)))
        found.append(trial)
    return found


def one_matters(point, rng):
    """The error is the learning rate's, the robust error nobody's."""
    return np.log(point["learning_rate"] / 2e-3) / np.log(15), float(rng.random())


OWN = trials(100, one_matters)


@pytest.fixture(scope="module")
def found():
    return importances(STUDY, "conv", OWN, resamples=5)


def of(found, objective):
    return {each.parameter: each for each in found if each.objective == objective}


def test_the_one_parameter_that_matters_is_found(found):
    error = of(found, "error")
    others = [each for name, each in error.items() if name != "learning_rate"]

    assert error["learning_rate"].importance > 0.6
    assert error["learning_rate"].low > max(each.high for each in others)


def test_what_matters_for_one_objective_does_not_for_the_other(found):
    robust = of(found, "robust_error")

    assert robust["learning_rate"].importance < 0.3
    assert of(found, "front")["learning_rate"].importance > robust["learning_rate"].importance


@pytest.mark.parametrize("objective", ["error", "robust_error", "front"])
def test_the_parts_of_an_objective_sum_to_one_and_lie_within_their_ends(found, objective):
    own = of(found, objective)

    assert sum(each.importance for each in own.values()) == pytest.approx(1)
    assert all(0 <= each.low <= each.high <= 1 and each.n == 100 for each in own.values())
    assert {"learning_rate", "pixel.beta", "weights.pixel", "threats"} <= set(own)


def test_the_same_trials_give_the_same(found):
    assert importances(STUDY, "conv", OWN, resamples=5) == found


def test_too_few_trials_say_nothing_and_that_is_said(tmp_path):
    state, told = State(trials={each.trial_id: each for each in trials(FEWEST - 1, one_matters)}), []

    write_importance(tmp_path, STUDY, state, told.append)

    assert len(pq.read_table(tmp_path / PLACE)) == 0
    assert told == [f"conv: too few trials to say which hyperparameters matter; it takes {FEWEST} complete ones"]


def test_what_ended_otherwise_does_not_count():
    own = trials(FEWEST, one_matters)
    own[0].state, own[1].replicate_of = "STOPPED", own[2].trial_id

    assert importances(STUDY, "conv", own) == []


def test_the_table_has_what_the_analysis_reads(tmp_path):
    state = State(trials={each.trial_id: each for each in trials(40, one_matters)})

    write_importance(tmp_path, STUDY, state, lambda _: None, resamples=2)

    table = pq.read_table(tmp_path / PLACE)
    assert table.schema.names == ["architecture", "objective", "parameter", "importance", "low", "high", "n"]
    assert set(table["objective"].to_pylist()) == {"error", "robust_error", "front"}
    assert set(table["n"].to_pylist()) == {40}

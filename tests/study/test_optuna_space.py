import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState, create_trial

from search_spaces.tradeoff import tradeoff
from study.search.optuna_space import distributions, parameters, suggest

SPACE = tradeoff(10)


def replayed(point):
    """Lets Optuna suggest exactly the parameters that the point is inverted to."""
    return suggest(SPACE, optuna.trial.FixedTrial(parameters(SPACE, point)))


@given(st.integers(0, 2**32 - 1))
def test_optuna_suggests_points_of_the_space_and_knows_their_distributions(seed):
    study = optuna.create_study(directions=["minimize", "minimize"], sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()

    point = suggest(SPACE, trial)

    assert SPACE.contains(point)
    assert distributions(SPACE, point) == trial.distributions


@pytest.mark.parametrize(("label", "point"), SPACE.baselines, ids=[label for label, _ in SPACE.baselines])
def test_baselines_are_inverted_exactly(label, point):
    found = replayed(point)

    assert found["weights"] == pytest.approx(point["weights"])
    assert {**found, "weights": None} == {**point, "weights": None}


@given(st.integers(0, 2**32))
def test_points_are_inverted_but_for_the_edges_of_the_simplex(seed):
    point = SPACE.sample(np.random.default_rng(seed))

    assert replayed(point)["weights"] == pytest.approx(point["weights"], abs=2e-3)


@pytest.mark.parametrize(("label", "point"), SPACE.baselines, ids=[label for label, _ in SPACE.baselines])
def test_baselines_can_be_told_as_trials(label, point):
    study = optuna.create_study(directions=["minimize", "minimize"])

    study.add_trial(
        create_trial(
            state=TrialState.COMPLETE,
            values=[0.1, 0.2],
            params=parameters(SPACE, point),
            distributions=distributions(SPACE, point),
        )
    )

    assert study.best_trials[0].params == parameters(SPACE, point)


def test_suggested_weights_are_uniform_over_the_simplex():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    points = [suggest(SPACE, study.ask()) for _ in range(4000)]
    firsts = [point["weights"]["clean"] for point in points if point["threats"] == "pixel+manifold"]

    # As in the space itself: Beta(1, 2).
    assert np.mean(firsts) == pytest.approx(1 / 3, abs=0.03)
    assert np.mean(np.array(firsts) > 0.5) == pytest.approx(1 / 4, abs=0.05)

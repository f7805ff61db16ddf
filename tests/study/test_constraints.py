import json

import pytest

from study.config import StudyConfig
from study.confirmation import candidates
from study.constraints import Constraint
from study.desk import Desk
from study.options import read_options
from study.search.front import validation_front
from study.search.search import Search
from tests.study.conftest import begin, models, reopened, said, tiny, work
from trainables.config import DataConfig

IMAGES = DataConfig(dataset="mnist", source="images", n_train=20, n_validation=10, n_test=10)


@pytest.mark.parametrize("text", ["val_error<0.2", "val_robust_error<=1.0", "val_success_rate>0.0", "val_error>=0.5"])
def test_a_constraint_is_written_as_it_was_read(text):
    assert str(Constraint.parse(text)) == text
    assert Constraint.parse(f" {text.replace('<', ' < ').replace('< =', '<= ')} ") == Constraint.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "val_error", "val_error<", "error<0.2", "val_loss<0.2", "val_error==0.2", "val_error<nan", "val_error<2"],
)
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match="constraint"):
        Constraint.parse(text)


@pytest.mark.parametrize(
    ("text", "value", "feasible"),
    [
        ("val_error<0.2", 0.1, True),
        ("val_error<0.2", 0.2, False),
        ("val_error<=0.2", 0.2, True),
        ("val_error<=0.2", 0.3, False),
        ("val_error>0.2", 0.2, False),
        ("val_error>0.2", 0.3, True),
        ("val_error>=0.2", 0.2, True),
        ("val_error>=0.2", 0.1, False),
        ("val_error<1", None, False),
    ],
)
def test_a_violation_is_positive(text, value, feasible):
    assert (Constraint.parse(text).violation({"error": value}) <= 0) is feasible


def test_the_violation_is_how_far_the_bound_is_missed():
    assert Constraint.parse("val_robust_error<0.5").violation({"robust_error": 0.75}) == 0.25
    assert Constraint.parse("val_robust_error>0.5").violation({"robust_error": 0.75}) == -0.25


@pytest.mark.parametrize("metric", tiny().base("conv", 0).metrics)
def test_what_the_data_does_not_have_measured_is_refused(metric):
    metric = f"val_{metric}"
    text = f"{metric}<0.5"

    assert tiny(constraints=(text,)).constraints == (text,)
    if metric == "val_on_manifold_error":
        with pytest.raises(ValueError, match=r"trials measure, .*; got val_on_manifold_error<0.5"):
            tiny(constraints=(text,), data=IMAGES)
    else:
        assert tiny(constraints=(text,), data=IMAGES).constraints == (text,)


def test_what_another_space_measures_is_refused():
    with pytest.raises(ValueError, match=r"trials measure, val_error.*; got val_label_disagreement"):
        tiny(constraints=("val_label_disagreement<0.5",))
    with pytest.raises(ValueError, match=r"trials measure, val_reconstruction_l2.*; got val_error"):
        models(constraints=("val_error<0.5",))
    assert models(constraints=("val_reconstruction_l2<5.5",)).constraints == ("val_reconstruction_l2<5.5",)


def test_a_study_keeps_its_constraints():
    config = read_options(["--constraint", "val_error < .2", "--constraint", "val_robust_error<=0.9"]).config

    assert config.constraints == ("val_error<0.2", "val_robust_error<=0.9")
    assert StudyConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_trial_that_violates_one_is_complete_but_neither_on_the_front_nor_a_candidate(tmp_path):
    with begin(tmp_path, trials=9, architectures=("conv",), constraints=("val_error<0.5",)) as store:
        desk = Desk(store)
        for error, robust in [(0.6, 0.1), *[(0.4, 0.9)] * 5, (0.5, 0.2), (0.3, 0.8), (0.2, 0.95)]:
            work(desk, error, robust)
    with reopened(store) as again:
        trials = again.state.of("conv")

        assert {trial.state for trial in trials} == {"COMPLETE"}
        assert [trial.number for trial in validation_front(trials)] == [8, 7]
        assert [trial.number for trial in candidates(again.state, ("conv",))] == [0, 1, 2, 3, 4, 5, 7, 8]


@pytest.mark.parametrize("sampler", ["tpe", "nsga2"])
def test_samplers_look_where_a_constraint_holds(sampler):
    """Without the constraint the best is at the highest rate; with it, at the highest that is allowed."""
    assert allowed(sampler, ("val_success_rate<0.3",)) > allowed(sampler, ()) + 0.25


def allowed(sampler, constraints):
    """Returns the fraction of a search's later trials with a rate that the constraint allows."""
    search = Search(tiny(sampler=sampler, constraints=constraints, trials=40, architectures=("conv",)))
    rates = []
    while trial := search.ask():
        rates.append(finished(search, trial))
    return sum(rate < 0.3 for rate in rates[20:]) / 20


def finished(search, trial):
    rate = trial.config["optimiser"]["learning_rate"] / 3e-2
    trial.state, trial.curve = "COMPLETE", [said(2, 1 - rate, 1 - rate, success_rate=rate)]
    search.tell(trial)
    return rate


@pytest.mark.slow
def test_gp_is_told_of_constraints():
    points = []
    for constraints in ((), ("val_success_rate<0.3",)):
        search = Search(tiny(sampler="gp", constraints=constraints, trials=11, architectures=("conv",)))
        for _ in range(10):
            finished(search, search.ask())
        points.append(search.ask().point)

    assert points[0] != points[1]

import pytest

from study.desk import Desk
from study.errors import Refused
from study.search.front import validation_front
from study.search.search import Search
from study.search.warm import fitting, warm_up
from study.storage.provenance import describe
from study.storage.store import Store, create
from tests.study.conftest import begin, fail, reopened, tell, tiny
from trainables.config import DataConfig, ThreatModel


def ran(folder, **changes):
    """An earlier study in which a low rate of learning is best."""
    with begin(folder, **{"name": "earlier", "trials": 14, "sampler": "random"} | changes) as store:
        desk = Desk(store)
        while trial := desk.next():
            rate = trial.config["optimiser"]["learning_rate"] / 3e-2
            tell(desk, trial, 1, 0.9, None)
            if trial.number == 3:
                fail(desk, trial, "it broke")
            else:
                tell(desk, trial, store.config.epochs, rate, rate)
    return store.run_dir


def started(folder, earlier, fingerprint="f00d", **changes):
    config = tiny(**{"name": "warmed", "trials": 12, "warm_start": str(earlier)} | changes)
    return create(folder / config.name, describe(config, command="", data_fingerprint=fingerprint))


def asked(desk, count):
    found = []
    for _ in range(count):
        trial = desk.next()
        found.append((trial.trial_id, trial.point))
        tell(desk, trial, 2, 0.5, 0.5)
    return found


def test_what_an_earlier_study_completed_is_copied_once(tmp_path):
    earlier = ran(tmp_path, architectures=("conv",))
    with started(tmp_path, earlier) as store:
        warm_up(store)
        warm_up(store)

        numbers = [trial.number for trial in store.state.warm]
        assert numbers == [0, 1, 2, *range(4, 14)]
        assert all(trial.objectives and len(trial.curve) == 1 for trial in store.state.warm)


def test_replicates_of_an_earlier_study_are_left_there(tmp_path):
    earlier = ran(tmp_path, trials=6, architectures=("conv",), replicates=1)

    found = fitting(earlier, describe(tiny(), command="", data_fingerprint="f00d"))

    assert [trial.trial_id for trial in found] == [f"conv-00{number}" for number in (0, 1, 2, 4, 5)]
    with Store(earlier) as store:
        assert len(store.state.trials) > 6


def test_a_resume_needs_the_earlier_study_no_more(tmp_path):
    earlier = ran(tmp_path)
    with started(tmp_path, earlier) as store:
        warm_up(store)
        learnt = store.state.warm
    earlier.rename(tmp_path / "gone")

    with reopened(store) as again:
        warm_up(again)

        assert again.state.warm == learnt


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", pytest.param("gp", marks=pytest.mark.slow)])
def test_questions_depend_on_it_from_the_first_and_survive_a_resume(tmp_path, sampler):
    earlier = ran(tmp_path / "earlier")
    size = {"architectures": ("conv",), "sampler": sampler}
    with begin(tmp_path / "cold", trials=12, **size) as store:
        cold = asked(Desk(store), 7)
    with started(tmp_path / "whole", earlier, **size) as store:
        warm_up(store)
        warm = asked(Desk(store), 7)
    with started(tmp_path / "cut", earlier, **size) as store:
        warm_up(store)
        asked(Desk(store), 6)
    with reopened(store) as again:
        rest = asked(Desk(again), 1)

    assert warm[6:] == rest
    assert warm[:6] == cold[:6]  # the baselines
    assert warm[6] != cold[6]


def test_a_warm_search_begins_where_the_earlier_one_found_the_best(tmp_path):
    earlier = fitting(ran(tmp_path, trials=40), describe(tiny(), command="", data_fingerprint="f00d"))
    search = Search(tiny(trials=24, architectures=("conv",)), warm=earlier)

    rates = [search.ask().config["optimiser"]["learning_rate"] for _ in range(16)][6:]

    assert sum(rate < 8e-3 for rate in rates) >= 7  # a third, were they drawn at random


def test_it_counts_neither_as_trials_nor_in_the_front(tmp_path):
    earlier = ran(tmp_path)
    with started(tmp_path, earlier, trials=3, architectures=("conv",)) as store:
        warm_up(store)
        desk = Desk(store)

        assert [number for number, _ in asked(desk, 3)] == ["conv-000", "conv-001", "conv-002"]
        assert desk.next() is None
        assert len(validation_front(store.state.of("conv"))) == 3
        assert len(store.state.trials) == 3


@pytest.mark.parametrize(
    ("changes", "fingerprint", "message"),
    [
        ({"steps": 10}, "f00d", "the same search space"),
        ({"threat_model": ThreatModel(epsilon=0.2)}, "f00d", "the same threat model"),
        ({}, "beef", "the same data"),
        ({"architectures": ("vgg",)}, "f00d", "needs a complete trial of vgg"),
        ({"architectures": ("conv",), "widths": {"conv": 0.5}}, "f00d", "needs a complete trial of conv, at the same"),
    ],
)
def test_what_does_not_fit_is_refused_on_one_line(tmp_path, changes, fingerprint, message):
    earlier = ran(tmp_path, trials=2, architectures=("conv",))
    with started(tmp_path, earlier, fingerprint, **changes) as store, pytest.raises(Refused, match=message) as refused:
        warm_up(store)

    assert "\n" not in str(refused.value)


def test_where_nothing_is_there_is_nothing_to_start_with(tmp_path):
    (tmp_path / "empty").mkdir()
    for place in ("nowhere", "empty"):
        new = started(tmp_path / place, tmp_path / place, name="new")
        with new as store, pytest.raises(Refused, match="has no journal"):
            warm_up(store)


def test_without_a_warm_start_nothing_is_recorded(store: Store):
    warm_up(store)

    assert store.state.warm == []


def test_a_study_of_other_epochs_fits(tmp_path):
    earlier = ran(tmp_path, data=DataConfig(n_train=20, n_validation=10, n_test=10), epochs=3)

    with started(tmp_path, earlier) as store:
        warm_up(store)

        assert store.state.warm

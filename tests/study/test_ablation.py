from analysis import load
from study.desk import Desk
from study.scheduling.ablation import ablations
from tests.study.conftest import begin, tell

OBSERVED = {"architectures": ("conv",), "epochs": 2, "grace": 1, "trials": 8, "halving": "observe"}


def study_with(tmp_path, late_bloomer):
    with begin(tmp_path, **OBSERVED) as store:
        desk = Desk(store)
        while trial := desk.next():
            behind = trial.label is None
            tell(desk, trial, 1, 0.9 if behind else 0.5, 0.9 if behind else 0.5)
            tell(desk, trial, 2, *(late_bloomer if trial.number == 7 else (0.5, 0.5)))
    return load(store.run_dir)


def test_it_says_what_the_front_would_lack(tmp_path):
    (found,) = ablations(study_with(tmp_path, late_bloomer=(0.25, 0.5)))

    assert (found.architecture, found.stopped, found.trials) == ("conv", 2, 8)
    assert (found.whole, found.kept) == (0.375, 0.25)
    assert found.saved == 2 * 100 / (8 * 200)


def test_stopping_those_behind_for_good_costs_nothing(tmp_path):
    (found,) = ablations(study_with(tmp_path, late_bloomer=(0.9, 0.9)))

    assert found.whole == found.kept


def test_a_study_that_stops_in_earnest_has_nothing_to_compare(tmp_path):
    with begin(tmp_path, **OBSERVED | {"halving": "stop"}) as store:
        desk = Desk(store)
        while trial := desk.next():
            tell(desk, trial, 1, 0.9, 0.9)
            if trial.state == "RUNNING":
                tell(desk, trial, 2, 0.5, 0.5)

    assert ablations(load(store.run_dir)) == []

import pyarrow.parquet as pq
import pytest

from study.confirmation import candidates, jobs
from study.desk import Desk
from study.search.front import configurations, validation_front
from study.search.replication import WAIT
from study.search.search import Search
from study.storage.store import Store
from tests.study.conftest import begin, reopened, said, tell, tiny

ERRORS = [(0.1, 0.9), (0.3, 0.7), (0.3, 0.8), (0.5, 0.95), (0.6, 0.97), (0.2, 0.85)]  # fronts: 0 1 5, 2, 3, 4


def first_errors(trial):
    return ERRORS[trial.number] if trial.number < len(ERRORS) else (0.3, 0.7)


def done(search, trial, error, robust, state="COMPLETE"):
    trial.state, trial.curve = state, [said(2, error, robust)]
    search.tell(trial)


def searched(**changes):
    """A search whose own trials have ended with the errors above."""
    search = Search(tiny(**{"architectures": ("conv",), "trials": 6, "replicates": 2} | changes))
    for _ in ERRORS:
        trial = search.ask()
        done(search, trial, *first_errors(trial))
    return search


def drained(search):
    asked = []
    while trial := search.ask():
        asked.append(trial)
        done(search, trial, 0.3, 0.7)
    return asked


def test_points_of_the_first_two_fronts_get_further_seeds_and_the_others_none():
    asked = drained(searched(replicates=1))

    assert [trial.trial_id for trial in asked] == ["conv-000.r1", "conv-001.r1", "conv-002.r1", "conv-005.r1"]
    assert [trial.replicate_of for trial in asked] == ["conv-000", "conv-001", "conv-002", "conv-005"]
    assert [trial.number for trial in asked] == [6, 7, 8, 9]


def test_a_replicate_is_its_point_under_another_seed():
    search = Search(tiny(architectures=("conv",), trials=6, replicates=1))
    own = [search.ask() for _ in ERRORS]
    for trial in own:
        done(search, trial, *first_errors(trial))

    again = search.ask()

    assert again.config["seed"] != own[0].config["seed"]
    assert again.config == own[0].config | {"seed": again.config["seed"]}
    assert (again.point, again.params, again.label) == (own[0].point, own[0].params, None)


def test_a_point_that_its_seeds_push_behind_gets_no_more():
    search = searched()
    first = [search.ask() for _ in range(4)]
    for trial in first:
        done(search, trial, *((0.9, 0.99) if trial.replicate_of == "conv-005" else first_errors(trial)))
        # conv-005 has now a mean of (.55, .92): behind conv-002, and conv-003 is behind conv-002 and conv-001

    again = drained(search)

    assert [trial.trial_id for trial in again] == ["conv-000.r2", "conv-001.r2", "conv-002.r2"]


def test_a_point_that_moves_up_begins_with_its_first():
    search = searched()
    for _ in range(4):
        done(search, search.ask(), 0.99, 0.99)

    assert "conv-003.r1" in [trial.trial_id for trial in drained(search)]


def test_a_round_waits_for_the_one_before_it():
    search = searched()
    first = [search.ask() for _ in range(4)]

    assert search.ask() is WAIT
    for trial in first[1:]:
        done(search, trial, 0.3, 0.7)
        assert search.ask() is WAIT
    done(search, first[0], 0.3, 0.7)
    assert search.ask().trial_id.endswith(".r2")


def test_replicates_wait_for_the_last_trial_of_their_architecture_but_not_for_a_paused_one():
    search = Search(tiny(architectures=("conv",), trials=6, replicates=1))
    own = [search.ask() for _ in ERRORS]
    for trial in own[:-1]:
        done(search, trial, *first_errors(trial))

    assert search.ask() is WAIT
    own[-1].state = "PAUSED"
    search.tell(own[-1])
    assert search.ask().trial_id == "conv-000.r1"


def test_without_replicates_nothing_is_waited_for():
    search = Search(tiny(architectures=("conv",), trials=2))
    search.ask(), search.ask()

    assert search.ask() is None


def test_replicates_that_fail_are_not_repeated():
    search = searched(replicates=1)
    asked = [search.ask() for _ in range(4)]
    for trial in asked:
        done(search, trial, 0.3, 0.7, state="FAILED")

    assert search.ask() is None


def all_run(store: Store, stop_after=None):
    """Runs a study to its end, or stops it after so many trials with one in flight."""
    desk, asked = Desk(store), []
    while trial := desk.next():
        asked.append((trial.trial_id, trial.config))
        if len(asked) - 1 == stop_after:
            return asked
        error, robust = first_errors(trial)
        tell(desk, trial, 2, error + trial.config["seed"] % 10 / 100, robust)
    return asked


@pytest.mark.parametrize("stop_after", [5, 6, 8, 11, 13])
def test_a_resumed_study_repeats_what_an_uninterrupted_one_would_have(tmp_path, stop_after):
    size = {"trials": 6, "architectures": ("conv",), "replicates": 3}
    with begin(tmp_path / "whole", **size) as store:
        whole = all_run(store)

    with begin(tmp_path / "cut", **size) as store:
        all_run(store, stop_after)
    with reopened(store) as again:
        all_run(again)

        assert [(t.trial_id, t.config) for t in again.state.trials.values()] == whole
    assert len(whole) > 15


def test_front_and_candidates_go_by_means_and_hold_no_replicate(tmp_path):
    with begin(tmp_path, trials=8, architectures=("conv",), replicates=1, seeds=1) as store:
        desk = Desk(store)
        while trial := desk.next():
            lucky = trial.number == 6
            worse = trial.replicate_of == "conv-006"
            error, robust = (0.3, 0.5) if lucky else (0.5, 0.9) if worse else (0.35, 0.6)
            tell(desk, trial, 2, error, robust)
        trials = store.state.of("conv")

        front = [trial.trial_id for trial in validation_front(trials)]
        assert "conv-006" not in front  # (.4, .7) on average
        assert "conv-007" in front
        assert not any(".r" in job.name for job in jobs(store))
        assert [trial.number for trial in candidates(store.state, ("conv",))] == [0, 1, 2, 3, 4, 5, 7]
        mean = {known.trial.trial_id: known.objectives for known in configurations(trials)}["conv-006"]
        assert mean == pytest.approx((0.4, 0.7))

    table = pq.read_table(store.run_dir / "results" / "trials.parquet").to_pydict()
    assert dict(zip(table["trial_id"], table["replicate_of"], strict=True))["conv-006.r1"] == "conv-006"
    assert table["replicate_of"][:8] == [None] * 8

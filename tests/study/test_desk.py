import shutil

import pytest

from study.desk import MOST_DEATHS, TRIES, Desk
from study.errors import WorkersDie
from study.scheduling.pareto_halving import Decision
from tests.study.conftest import begin, fail, reopened, tell, work

RUNGS = {"architectures": ("conv",), "epochs": 4, "grace": 1, "factor": 2.0, "trials": 14}


def after_baselines(desk):
    """Ends the baselines, which stand in the rungs, and returns the next trial."""
    for _ in range(6):
        trial = desk.next()
        for epoch in (1, 2, 3, 4):
            tell(desk, trial, epoch, 0.5, 0.5)
    return desk.next()


def test_a_trial_with_both_errors_is_complete(desk):
    trial = work(desk, 0.25, 0.5)

    assert (trial.state, trial.objectives, trial.message) == ("COMPLETE", (0.25, 0.5), None)
    assert (trial.model.parameters, trial.model.device) == (10, "cpu")


@pytest.mark.parametrize(
    ("report", "state", "message"),
    [
        (None, "FAILED", "it ended without a report"),
        ((1, 0.1, 0.5), "FAILED", "it ended after 1 of 2 epochs"),
        ((2, 0.1, None), "FAILED", "its last report has no robust_error"),
        ((2, float("nan"), float("nan")), "FAILED", "its last report has no error and no robust_error"),
    ],
)
def test_every_other_end_says_why(desk, report, state, message):
    trial = desk.next()
    if report:
        tell(desk, trial, *report)

    desk.end(trial.trial_id)

    assert (trial.state, trial.message, trial.objectives) == (state, message, None)


def test_an_infeasible_trial_ends_at_once(desk):
    trial = desk.next()

    assert tell(desk, trial, 1, 0.9, None, infeasible="collapsed") is Decision.STOP
    assert (trial.state, trial.message) == ("INFEASIBLE", "collapsed")


def test_asking_on_after_a_failure_is_possible(desk):
    first = desk.next()
    assert fail(desk, first, "it broke") is Decision.STOP

    assert (first.state, first.message) == ("FAILED", "it broke")
    assert desk.next().trial_id == "mlp-000"


def test_a_trial_whose_worker_dies_is_handed_out_again_under_its_number(desk):
    trial = desk.next()
    tell(desk, trial, 1, 0.9, None, checkpoint=b"half way")

    assert desk.out == 1
    assert desk.broke(trial.trial_id, "killed").state == "RUNNING"

    assert desk.out == 0
    assert desk.next() is trial
    assert desk.checkpoint(trial.trial_id) == b"half way"


def test_a_trial_that_breaks_again_and_again_without_a_report_fails(desk):
    trial = desk.next()
    for _ in range(TRIES - 1):
        desk.broke(trial.trial_id, "killed")
        assert desk.next() is trial
    tell(desk, trial, 1, 0.9, None)
    for _ in range(TRIES - 1):
        desk.broke(trial.trial_id, "killed")
        assert desk.next() is trial

    desk.broke(trial.trial_id, "killed by somebody")

    assert trial.state == "FAILED"
    assert "killed by somebody" in trial.message


def test_a_cluster_whose_workers_all_die_costs_no_trial(tmp_path):
    with begin(tmp_path, trials=20, architectures=("mlp",)) as store:
        desk = Desk(store)
        for _ in range(MOST_DEATHS - 1):
            desk.broke(desk.next().trial_id, "no room")
        last = desk.next()

        with pytest.raises(WorkersDie, match="no room"):
            desk.broke(last.trial_id, "no room")

        failed = [trial for trial in store.state.trials.values() if trial.state == "FAILED"]
        assert len(failed) < MOST_DEATHS / 2


def test_a_node_that_is_lost_with_all_its_trials_does_not_end_the_study(tmp_path):
    with begin(tmp_path, trials=40, architectures=("mlp",)) as store:
        desk = Desk(store)
        running = [desk.next() for _ in range(32)]
        for trial in running:
            desk.broke(trial.trial_id, "its node is gone", beside=desk.out)

        assert [desk.next() for _ in running] == running
        for trial in running:
            desk.broke(trial.trial_id, "its node is gone, too", beside=desk.out)
        with pytest.raises(WorkersDie):
            desk.broke(desk.next().trial_id, "and the next one", beside=1)


def test_workers_that_die_now_and_then_do_not_end_the_study(tmp_path):
    with begin(tmp_path, trials=20, architectures=("mlp",)) as store:
        desk = Desk(store)
        for _ in range(MOST_DEATHS):
            desk.broke(desk.next().trial_id, "killed")
            tell(desk, desk.next(), 1, 0.9, None)

        assert desk.out == MOST_DEATHS


def test_who_is_behind_at_a_rung_is_stopped_and_told_to_the_search_as_no_point(tmp_path):
    with begin(tmp_path, **RUNGS) as store:
        desk = Desk(store)
        trial = after_baselines(desk)

        assert tell(desk, trial, 1, 0.9, 0.9, checkpoint=b"...") is Decision.STOP

        assert (trial.state, trial.stopped_at, trial.objectives) == ("STOPPED", 1, None)
        assert desk.checkpoint(trial.trial_id) is None
        assert desk.next().number == 7


def test_who_is_ahead_at_a_rung_goes_on(tmp_path):
    with begin(tmp_path, **RUNGS) as store:
        desk = Desk(store)
        trial = after_baselines(desk)

        decisions = [tell(desk, trial, epoch, 0.4, 0.4) for epoch in (1, 2, 3)]

        assert decisions == [Decision.CONTINUE] * 3


def test_baselines_are_never_stopped(tmp_path):
    with begin(tmp_path, **RUNGS) as store:
        desk = Desk(store)

        for place, trial in enumerate([desk.next() for _ in range(6)]):
            assert tell(desk, trial, 1, 0.1 * place, 0.1 * place) is Decision.CONTINUE


def test_a_constant_prediction_does_not_pass_for_robust(tmp_path):
    with begin(tmp_path, **RUNGS) as store:
        desk = Desk(store)
        trial = after_baselines(desk)

        assert tell(desk, trial, 1, 0.9, 0.1, at_chance=True) is Decision.STOP


def test_without_a_scheduler_all_run_to_their_end(tmp_path):
    with begin(tmp_path, **RUNGS, scheduler="none") as store:
        desk = Desk(store)

        assert tell(desk, after_baselines(desk), 1, 0.9, 0.9) is Decision.CONTINUE


def test_looking_on_stops_nobody_and_says_when_it_would_have(tmp_path):
    with begin(tmp_path, **RUNGS, halving="observe") as store:
        desk = Desk(store)
        trial = after_baselines(desk)

        decisions = [tell(desk, trial, epoch, 0.9, 0.9) for epoch in (1, 2, 3)]
        tell(desk, trial, 4, 0.3, 0.3)

        assert decisions == [Decision.CONTINUE] * 3
        assert (trial.state, trial.stopped_at) == ("COMPLETE", 1)


def test_a_paused_trial_is_promoted_when_its_rung_has_grown(tmp_path):
    with begin(tmp_path, **RUNGS, halving="pause") as store:
        desk = Desk(store)
        waiting = after_baselines(desk)
        assert tell(desk, waiting, 1, 0.6, 0.6, checkpoint=b"rung 1") is Decision.PAUSE
        assert waiting.state == "PAUSED"
        for _ in range(7):
            tell(desk, desk.next(), 1, 0.9, 0.9)

        promoted = desk.next()

        assert promoted is waiting
        assert (promoted.state, desk.checkpoint(promoted.trial_id)) == ("RUNNING", b"rung 1")
        assert tell(desk, promoted, 1, 0.6, 0.6) is Decision.CONTINUE  # said again after a crash


def test_a_promoted_trial_that_began_anew_and_a_driver_that_died_then_leave_a_study_to_go_on(tmp_path):
    with begin(tmp_path, **RUNGS | {"grace": 2}, halving="pause") as store:
        desk = Desk(store)
        waiting = after_baselines(desk)
        tell(desk, waiting, 1, 0.6, 0.6)
        assert tell(desk, waiting, 2, 0.6, 0.6) is Decision.PAUSE  # without a checkpoint
        for _ in range(7):
            trial = desk.next()
            tell(desk, trial, 1, 0.9, 0.9)
            tell(desk, trial, 2, 0.9, 0.9)
        assert desk.next() is waiting
        tell(desk, waiting, 1, 0.6, 0.6)

    with reopened(store) as again:
        desk = Desk(again)
        mine = desk.next()
        assert mine.trial_id == waiting.trial_id
        assert tell(desk, mine, 2, 0.6, 0.6) is Decision.CONTINUE  # it was promoted from there


def test_what_nobody_promotes_ends_as_stopped(tmp_path):
    with begin(tmp_path, **RUNGS, halving="pause") as store:
        desk = Desk(store)
        run_to_the_end(desk)

        assert desk.exhausted
        assert {trial.state for trial in store.state.trials.values()} == {"COMPLETE", "STOPPED"}


def test_it_waits_while_a_trial_runs_and_is_exhausted_after_it(desk):
    running = [desk.next() for _ in range(6)]

    assert desk.next() is None
    assert not desk.exhausted
    for trial in running:
        tell(desk, trial, 2, 0.5, 0.5)
    assert desk.next() is None
    assert desk.exhausted


@pytest.mark.parametrize("halving", ["stop", "pause", "observe"])
def test_a_driver_that_dies_at_any_event_changes_no_decision(tmp_path, halving):
    """Cuts the journal after its events, one in five, and lets another driver finish from there."""
    with begin(tmp_path, **RUNGS | {"trials": 10, "halving": halving, "sampler": "random"}) as store:
        run_to_the_end(Desk(store))
        whole = ended(store)
    segment = store.run_dir / "journal" / "000001.jsonl"
    lines = segment.read_bytes().splitlines(keepends=True)

    for kept in range(8, len(lines), 5):
        shutil.rmtree(segment.parent)
        segment.parent.mkdir()
        segment.write_bytes(b"".join(lines[:kept]))
        with reopened(store) as again:
            run_to_the_end(Desk(again))
            assert ended(again) == whole, kept


def run_to_the_end(desk):
    """Runs one trial at a time, whose errors depend on its number and epoch alone."""
    while trial := desk.next():
        for epoch in range(trial.epoch + 1, 5):
            level = ((trial.number * 7) % 11) / 20 + 0.1 * (4 - epoch)
            if tell(desk, trial, epoch, level, 0.4 + level / 2) is not Decision.CONTINUE:
                break


def ended(store):
    return [(trial.trial_id, trial.state, trial.stopped_at, trial.curve) for trial in store.state.trials.values()]


def test_one_death_that_many_trials_share_counts_once(tmp_path):
    with begin(tmp_path, trials=20, architectures=("mlp",)) as store:
        desk = Desk(store)
        lost = [desk.next().trial_id for _ in range(2 * MOST_DEATHS)]
        for place, trial_id in enumerate(lost):
            desk.broke(trial_id, "its engine died", first=place == 0)

        assert [desk.next().trial_id for _ in lost] == lost

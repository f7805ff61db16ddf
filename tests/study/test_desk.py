import pytest

from tests.study.conftest import said, work


def test_a_trial_with_both_errors_is_complete(desk):
    trial = work(desk, 0.25, 0.5)

    assert (trial.state, trial.objectives, trial.message) == ("COMPLETE", (0.25, 0.5), None)
    assert (trial.model.parameters, trial.model.device) == (10, "cpu")


@pytest.mark.parametrize(
    ("report", "failure", "state", "message"),
    [
        (None, None, "FAILED", "it ended without a report"),
        (None, "OSError: disk full", "FAILED", "OSError: disk full"),
        (said(2, 0.1, 0.2), "OSError: disk full", "FAILED", "OSError: disk full"),
        (said(1, 0.1, None), None, "FAILED", "its last report has no robust_error"),
        (said(1, float("nan"), float("nan")), None, "FAILED", "its last report has no error and no robust_error"),
        (said(1, 0.9, None, infeasible="collapsed"), None, "INFEASIBLE", "collapsed"),
    ],
)
def test_every_other_end_says_why(desk, report, failure, state, message):
    trial = desk.next()
    if report:
        desk.report(trial.trial_id, report)

    desk.end(trial.trial_id, failure)

    assert (trial.state, trial.message, trial.objectives) == (state, message, None)


def test_asking_on_after_a_failure_is_possible(desk):
    first = desk.next()
    desk.end(first.trial_id, "it broke")

    assert desk.next().trial_id == "mlp-000"

import io
from pathlib import Path

import pytest
from rich.console import Console

from study.cluster import Cluster
from study.desk import Desk
from study.monitoring.lines import Lines
from study.monitoring.progress import Count, duration
from study.monitoring.view import View
from study.storage.state import Confirmation, Model
from tests.study.conftest import MODEL, begin, fail, said, tell, work

CLUSTER = Cluster(dashboard="http://127.0.0.1:8265", token=Path("/home/you/.ray/auth_token"), concurrency=2)


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, width=100, height=40, color_system=None)


def play(watch, store):
    """A short study: one trial ends well, one badly, one goes on; then one confirmation."""
    desk = Desk(store)
    watch.began(store.state, CLUSTER, Path("runs/tiny"))
    for failure in (None, "OSError: [disk] full"):
        trial = desk.next()
        watch.trial_began(trial)
        if failure:
            fail(desk, trial, failure)
        else:
            tell(desk, trial, 2, 0.25, 0.5)
        watch.trial_ended(desk.end(trial.trial_id))
    trial = desk.next()
    watch.trial_began(trial)
    tell(desk, trial, 1, 0.9, None)
    watch.tick()
    confirmation = Confirmation(
        trial_id="conv-000", seed=7, report=said(2, 0.3, 0.6), message=None, model=Model(**MODEL)
    )
    watch.confirming(4, 1)
    watch.confirmation_began(store.state.trials["conv-000"], 7)
    watch.confirmation_ended(confirmation)


def drawn(view, terminal):
    paper = Console(file=io.StringIO(), width=terminal.width, height=terminal.height, color_system=None)
    paper.print(view.picture())
    return paper.file.getvalue()


def test_the_picture_shows_progress_running_trials_problems_and_the_front(store, terminal):
    view = View(store.config, terminal)
    play(view, store)

    picture = drawn(view, terminal)
    view.ended()

    for words in (
        "1 of 3 trials",
        "2 of 4 models",
        "conv-001 RegAdv, 1 of 2 epochs done",
        "mlp-000 FAILED: OSError: [disk] full",
        "0.250         0.500",
        "http://127.0.0.1:8265",
        "auth_token",
        "Ctrl-C",
    ):
        assert words in picture


def test_the_picture_fits_a_small_terminal(tmp_path):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, color_system=None)
    with begin(tmp_path, trials=6) as store:
        view, desk = View(store.config, terminal), Desk(store)
        view.began(store.state, CLUSTER, Path("runs/tiny"))
        for number in range(10):
            view.trial_ended(work(desk, 0.1 * (1 + number // 2), 0.9 - 0.1 * (number // 2)))
        for _ in range(2):
            view.trial_began(desk.next())

        picture = drawn(view, terminal)
        view.ended()

    assert len(picture.splitlines()) <= 24
    assert "and 3 more" in picture


def test_lines_say_when_something_ended(store, capsys):
    play(Lines(store.config), store)

    lines = [line[9:] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "study tiny in runs/tiny"
    assert lines[2].startswith("conv 1/3")
    assert lines[2].endswith("conv-000 Normal: error 0.250, robust error 0.500 on validation")
    assert lines[3].endswith("mlp-000 Normal: FAILED: OSError: [disk] full")
    assert lines[5].endswith("conv-000 Normal, seed 7: error 0.300, robust error 0.600 on test")


def test_remaining_time_follows_the_pace_of_this_run():
    count = Count(10, since=1000.0, before=4, done=4)
    assert count.remaining(now=1020.0) is None

    count.done = 6

    assert count.remaining(now=1020.0) == pytest.approx(40)


@pytest.mark.parametrize(("seconds", "said"), [(5, "5 s"), (200, "3 min"), (7300, "2 h 02 min")])
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said

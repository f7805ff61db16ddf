import io
from pathlib import Path

import pytest
from rich.console import Console

from study.cluster import Cluster
from study.desk import Desk
from study.monitoring.lines import Lines
from study.monitoring.progress import Count, attacked_outcome, confirmed_outcome, duration, outcome
from study.monitoring.view import View
from study.monitoring.watch import ATTACKS, CONFIRMATION
from study.storage.state import Attacked, Confirmation, Model
from tests.study.conftest import MODEL, begin, fail, said, tell, under_attack, work

CLUSTER = Cluster(dashboard="http://127.0.0.1:8265", token=Path("/home/you/.ray/auth_token"), concurrency=2)

ATTACKED = Attacked(
    trial_id="conv-000", seed=7, how={}, sha256=None, sources=[], found=under_attack(0.7, ["chance_level"]), ledger={},
    message=None,
)  # fmt: skip


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
    confirmed = store.state.trials["conv-000"]
    watch.stage(CONFIRMATION, 4, 1)
    watch.job_began(CONFIRMATION, confirmed, 7)
    watch.job_ended(confirmed_outcome(confirmation, confirmed))
    watch.stage(ATTACKS, 2, 0)
    watch.job_began(ATTACKS, confirmed, 7)
    watch.job_ended(attacked_outcome(ATTACKED, confirmed))
    watch.stage(ATTACKS, 3, 1)
    watch.job_began(ATTACKS, confirmed, 8)


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
        "1 of 3 models",
        "strong attacks, conv-000 Normal, seed 8",
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


def busy(store, view, running, ended, failed):
    """A study in the middle of its work, told to a view."""
    desk = Desk(store)
    view.began(store.state, CLUSTER, Path("runs") / store.config.name)
    for number in range(ended):
        view.trial_ended(work(desk, 0.05 * (1 + number // 5), 0.9 - 0.05 * (number // 5)))
    for _ in range(failed):
        trial = desk.next()
        fail(desk, trial, "OSError: " + "the disk is full, " * 20)
        view.trial_ended(trial)
    for _ in range(running):
        view.trial_began(desk.next())
    view.notice("a driver is at work")


ALL = ("conv", "mlp", "resnet", "vgg", "vit")
LONG = "a-study-with-a-name-that-somebody-has-put-a-great-deal-of-thought-into-and-then-more-than-that-20260101"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
@pytest.mark.parametrize("architectures", [("conv",), ("conv", "mlp"), ALL])
@pytest.mark.parametrize("name", ["tiny", LONG])
@pytest.mark.parametrize("running", [0, 16])
def test_the_picture_of_any_study_fits_its_terminal(tmp_path, width, height, architectures, name, running):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)
    with begin(tmp_path, trials=60, sampler="random", architectures=architectures, name=name) as store:
        view = View(store.config, terminal)
        busy(store, view, running, ended=25, failed=6)

        lines = drawn(view, terminal).splitlines()
        view.ended()

    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert name[:60] in lines[0]
    text = " ".join(lines)
    for words in ("25 complete, 6 failed" if width < 110 else "complete", "gradient evaluations", "robust error"):
        assert words in text
    for architecture in architectures:
        assert sum(architecture in line for line in lines) >= 2
    assert text.count("running    ") >= min(running, 1)
    assert ("Ctrl-C" in text) == (running > 0)
    assert "FAILED: OSError" in text


def test_what_has_no_room_is_counted(tmp_path):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, color_system=None)
    with begin(tmp_path, trials=60, sampler="random", architectures=ALL) as store:
        view = View(store.config, terminal)
        busy(store, view, running=16, ended=25, failed=6)

        picture = drawn(view, terminal)
        view.ended()

    said_one_by_one = picture.count("running    ")
    assert said_one_by_one >= 1
    assert f"and {16 - said_one_by_one} more" in picture
    assert "5 more above" in picture
    assert picture.count("5 trials") == 5  # every front is said in one line


def test_a_tall_terminal_shows_every_member_of_every_front(tmp_path):
    terminal = Console(file=io.StringIO(), force_terminal=True, width=120, height=60, color_system=None)
    with begin(tmp_path, trials=60, sampler="random", architectures=ALL) as store:
        view = View(store.config, terminal)
        busy(store, view, running=2, ended=25, failed=0)

        picture = drawn(view, terminal)
        view.ended()

    assert all(trial_id in picture for trial_id in store.state.trials)
    assert "more" not in picture


def test_trials_that_were_stopped_or_paused_are_counted_as_such_and_are_no_problems(store, terminal):
    view, desk = View(store.config, terminal), Desk(store)
    view.began(store.state, CLUSTER, Path("runs/tiny"))
    for state in ("STOPPED", "PAUSED"):
        trial = desk.next()
        view.trial_began(trial)
        tell(desk, trial, 1, 0.4, 0.7)
        store.finished(trial.trial_id, state, None)
        view.trial_ended(trial)

    paused = drawn(view, terminal)
    trial.state = "RUNNING"  # it was promoted
    view.trial_began(trial)
    promoted = drawn(view, terminal)
    view.ended()

    assert "1 stopped early, 1 paused" in paused
    assert paused.count("1 of 3 trials") == 2
    assert "running" not in paused
    assert promoted.count("1 of 3 trials") == 1
    assert "mlp-000 Normal, 1 of 2 epochs done" in promoted


def test_lines_say_when_something_ended(store, capsys):
    play(Lines(store.config), store)

    lines = [line[9:] for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "study tiny in runs/tiny"
    assert lines[2].startswith("conv 1/3")
    assert lines[2].endswith("conv-000 Normal: error 0.250, robust error 0.500 on validation")
    assert lines[3].endswith("mlp-000 Normal: FAILED: OSError: [disk] full")
    assert lines[5].endswith("conv-000 Normal, seed 7: error 0.300, robust error 0.600 on test")
    assert lines[6] == "strong attacks: 2 confirmed models to attack by all means"
    assert lines[7].startswith("strong attacks 1/2")
    assert lines[7].endswith("robust error 0.700 under the strongest attacks; doubtful: chance_level")
    assert lines[8] == "strong attacks: 2 confirmed models to attack by all means"


@pytest.mark.parametrize(
    ("state", "reports", "words"),
    [
        ("STOPPED", [(1, 0.9, None), (3, 0.25, 0.5)], "stopped at epoch 3: error 0.250, robust error 0.500"),
        ("STOPPED", [(3, 0.3, 0.5), (4, 0.25, None)], "stopped at epoch 4: error 0.250, robust error 0.500"),
        ("PAUSED", [(1, 0.9, None)], "paused at epoch 1: error 0.900"),
        ("STOPPED", [], "stopped before its first epoch"),
        ("FAILED", [(1, 0.9, None)], "FAILED: no reason given"),
    ],
)
def test_an_outcome_says_what_was_reached(store, state, reports, words):
    trial = Desk(store).next()
    trial.curve = [said(*report) for report in reports]
    trial.state = state

    assert outcome(trial) == words


def test_remaining_time_follows_the_pace_of_this_run():
    count = Count(10, since=1000.0, before=4, done=4)
    assert count.remaining(now=1020.0) is None

    count.done = 6

    assert count.remaining(now=1020.0) == pytest.approx(40)


@pytest.mark.parametrize(("seconds", "said"), [(5, "5 s"), (200, "3 min"), (7300, "2 h 02 min")])
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said

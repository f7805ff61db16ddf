import io
import json
import os
import pty
import signal
import subprocess
import sys
from dataclasses import replace

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from rich.console import Console

from study.desk import Desk
from study.monitoring.replay import Replay, TellingClock
from study.monitoring.view import View
from study.storage.follow import Follower
from study.storage.state import Model
from study.watch import main
from tests.study.conftest import MODEL, begin, fail, reopened, said, tell, work


def confirm(store, trial_id, seed):
    store.test_opened("confirmation", trial_id, seed)
    store.confirmed(trial_id, seed, said(2, 0.3, 0.6), None, Model(**MODEL), None)


def finish_search(store):
    desk = Desk(store)
    for number in range(6 - len(store.state.trials)):
        work(desk, 0.2 + 0.1 * (number // 2), 0.8 - 0.1 * (number // 2))


def finish(store):
    """Searches and confirms all that there is."""
    finish_search(store)
    for trial_id in store.state.trials:
        for seed in store.config.fresh_seeds():
            confirm(store, trial_id, seed)


def once(run_dir, capsys, *more):
    status = main([str(run_dir), "--once", *more])
    return status, capsys.readouterr().out


def test_a_study_that_runs_is_shown_with_what_is_in_flight(store, capsys):
    desk = Desk(store)
    work(desk, 0.25, 0.5)
    trial = desk.next()
    tell(desk, trial, 1, 0.9, None)

    status, picture = once(store.run_dir, capsys)

    assert status == 0
    for words in ("a driver is at work", "1 of 3 trials", "mlp-000 Normal, 1 of 2 epochs done", "300 gradient"):
        assert words in picture


def test_a_stopped_study_is_shown_as_such_with_the_command_that_continues_it(tmp_path, capsys):
    with begin(tmp_path) as store:
        work(Desk(store), 0.25, 0.5)
        Desk(store).next()

    _, picture = once(store.run_dir, capsys)

    assert "stopped: no driver is at work" in picture
    assert f"python -m study.launch --resume {store.run_dir}".replace(" ", "") in "".join(picture.split())
    assert "running" not in picture


def test_a_study_that_is_done_is_shown_as_such(tmp_path, capsys):
    with begin(tmp_path) as store:
        finish(store)

    _, picture = once(store.run_dir, capsys)

    assert "ended: all is searched and confirmed" in picture
    assert "12 of 12 models" in picture


def test_a_search_without_confirmation_says_how_to_confirm(tmp_path, capsys):
    with begin(tmp_path) as store:
        for _ in range(6):
            work(Desk(store), 0.25, 0.5)

    assert "ended without a confirmation" in once(store.run_dir, capsys)[1]


def test_models_in_training_are_known_by_their_accesses_to_test(store, capsys):
    desk = Desk(store)
    for _ in range(6):
        work(desk, 0.25, 0.5)
    first, second = store.config.fresh_seeds()
    confirm(store, "conv-000", first)
    store.test_opened("confirmation", "conv-000", second)

    _, picture = once(store.run_dir, capsys)

    assert "1 of 12 models" in picture
    assert f"conv-000 Normal, seed {second}" in picture
    assert f"seed {first}" not in picture


def test_running_trials_have_run_since_they_were_asked_for(tmp_path):
    clock, terminal = TellingClock(), Console(file=io.StringIO(), width=100, height=40)
    with begin(tmp_path) as store:
        Desk(store).next()
        entries = list(Follower(store.run_dir / "journal").news())
        entries[-1].event["time"] = "2026-01-01T00:00:00+00:00"
        view = View(store.config, terminal, clock)
        Replay(store.config, list, tmp_path, view, clock).begin(entries)

    clock.set("2026-01-01T00:00:42+00:00")
    terminal.print(view.picture())

    assert "starting, 42 s" in terminal.file.getvalue()


@pytest.fixture
def elsewhere(tmp_path):
    """A view of a study that another driver begins, and a function that draws it."""
    terminal, clock = Console(file=io.StringIO(), width=100, height=40), TellingClock()
    with begin(tmp_path) as store:
        view, opened = View(store.config, terminal, clock), []
        replay = Replay(store.config, lambda: opened, tmp_path, view, clock)

        def drawn():
            terminal.file.truncate(terminal.file.seek(0))
            terminal.print(view.picture())
            return terminal.file.getvalue()

        yield store, replay, Follower(store.run_dir / "journal"), opened, drawn


def test_a_resumed_study_hands_out_anew_what_was_in_flight_and_keeps_what_was_done(elsewhere):
    store, replay, follower, _, drawn = elsewhere
    desk = Desk(store)
    work(desk, 0.25, 0.5)
    desk.next()
    replay.begin(list(follower.news()))
    store.__exit__(None, None, None)
    with reopened(store) as again:
        again.note("resumed")
        replay.go_on(follower.news())
        assert "mlp-000 Normal, starting" in drawn()
        work(Desk(again), 0.3, 0.4)
        replay.go_on(follower.news())

    picture = drawn()
    assert picture.count("1 of 3 trials") == 2
    assert "running" not in picture
    assert replay.state == again.state


@pytest.mark.parametrize("seen_before", [True, False])
def test_models_in_training_are_gone_with_their_driver(elsewhere, seen_before):
    store, replay, follower, opened, drawn = elsewhere
    finish_search(store)
    opened.append({"trial_id": "conv-000", "seed": 7, "time": "2026-01-01T00:00:00+00:00"})
    if seen_before:
        then = {"time": "2026-01-01T00:00:00+00:00"}
        replay.begin([replace(entry, event=entry.event | then) for entry in follower.news()])
        assert "seed 7" in drawn()
    store.__exit__(None, None, None)
    with reopened(store) as again:
        again.note("resumed")
    (replay.go_on if seen_before else replay.begin)(list(follower.news()))

    assert "seed 7" not in drawn()


def watching(run_dir, *more, **options):
    return subprocess.Popen([sys.executable, "-m", "study.watch", str(run_dir), *more], text=True, **options)


@pytest.mark.slow
def test_a_watch_on_a_pipe_prints_lines_until_the_study_ends(tmp_path):
    with begin(tmp_path) as store:
        work(Desk(store), 0.25, 0.5)
        watch = watching(store.run_dir, stdout=subprocess.PIPE)
        assert "study tiny" in watch.stdout.readline()
        assert "conv-000 Normal: error 0.250" in watch.stdout.readline()
        finish(store)
    out, _ = watch.communicate(timeout=200)

    assert watch.returncode == 0
    assert "confirmation 12/12: mlp-002 OnTrue" in out
    assert out.splitlines()[-1].endswith("ended: all is searched and confirmed")
    assert out.count("conv-001") == 3


@pytest.mark.slow
def test_ctrl_c_ends_a_watch_with_130_and_leaves_the_terminal_as_it_was(tmp_path):
    with begin(tmp_path) as store:
        work(Desk(store), 0.25, 0.5)
        ours, theirs = pty.openpty()
        watch = watching(store.run_dir, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
        os.close(theirs)
        seen = b""
        while b"a driver is at work" not in seen:
            seen += os.read(ours, 10_000)
        watch.send_signal(signal.SIGINT)
        try:
            while more := os.read(ours, 10_000):
                seen += more
        except OSError:  # the terminal has no other end any more
            pass
        os.close(ours)

    assert watch.wait(30) == 130
    assert seen.count(b"\x1b[?25l") == seen.count(b"\x1b[?25h") > 0  # the cursor is hidden and shown
    assert b"Traceback" not in seen


@pytest.mark.slow
def test_a_watch_waits_for_a_stopped_study_to_go_on(tmp_path):
    with begin(tmp_path) as store:
        work(Desk(store), 0.25, 0.5)
    watch = watching(store.run_dir, stdout=subprocess.PIPE)
    lines = [watch.stdout.readline() for _ in range(3)]
    assert "stopped: no driver is at work" in lines[-1]

    with reopened(store) as again:
        again.note("resumed")
        finish(again)
    out, _ = watch.communicate(timeout=200)

    assert watch.returncode == 0
    assert "study tiny" in out
    assert "1 trials done before" in out


def loaded(path, name):
    return optuna.load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(path))))


def test_a_study_is_kept_as_an_optuna_file(tmp_path, capsys):
    file = tmp_path / "study.optuna"
    with begin(tmp_path) as store:
        desk = Desk(store)
        work(desk, 0.25, 0.5)
        trial = desk.next()
        tell(desk, trial, 1, 0.9, None)
        once(store.run_dir, capsys, "--optuna", str(file))
        running = loaded(file, "tiny mlp").trials
        fail(desk, trial, "OSError: disk full")
        work(desk, 0.3, 0.4)
        for _ in range(2):
            once(store.run_dir, capsys, "--optuna", str(file))

    conv, mlp = (loaded(file, f"tiny {name}") for name in ("conv", "mlp"))
    assert [(known.state.name, known.intermediate_values) for known in running] == [("RUNNING", {1: 0.9})]
    assert [known.values for known in conv.trials] == [[0.25, 0.5], [0.3, 0.4]]
    assert conv.trials[1].params == store.state.trials["conv-001"].params
    assert conv.metric_names == ["error", "robust_error"]
    assert [known.state.name for known in mlp.trials] == ["FAIL"]
    assert mlp.trials[0].user_attrs["message"] == "OSError: disk full"


def test_a_trial_that_was_stopped_early_is_pruned_in_an_optuna_file(tmp_path, capsys):
    with begin(tmp_path) as store:
        trial = Desk(store).next()
        store.reported(trial.trial_id, {"epoch": 1, **said(1, 0.4, 0.7)}, Model())
        store.finished(trial.trial_id, "STOPPED", None)

    once(store.run_dir, capsys, "--optuna", str(tmp_path / "study.optuna"))

    known = loaded(tmp_path / "study.optuna", "tiny conv").trials[0]
    assert (known.state.name, known.values) == ("PRUNED", None)


def test_an_optuna_file_of_another_study_of_the_same_name_is_left_alone(tmp_path, capsys):
    file = tmp_path / "study.optuna"
    for place, started in enumerate(("2026-01-01", "2026-01-02")):
        with begin(tmp_path / str(place)) as store:
            work(Desk(store), 0.1 + place, 0.5)
        journal = store.run_dir / "journal"
        restart(journal, started)
        _, picture = once(store.run_dir, capsys, "--optuna", str(file))

    assert "OptunaFile is left out" in picture
    assert [known.values for known in loaded(file, "tiny conv").trials] == [[0.1, 0.5]]


def restart(journal, started):
    """Writes a journal anew whose study began at another time."""
    from study.storage.journal import Journal

    events = [entry.event for entry in Follower(journal).news()]
    for path in journal.rglob("*.jsonl"):
        path.unlink()
    with Journal(journal) as anew:
        for event in events:
            anew.append(event | ({"started": started} if event["kind"] == "study" else {}))


def bad_inputs(tmp_path):
    for name in ("empty", "foreign"):
        (tmp_path / name / "journal").mkdir(parents=True)
    with begin(tmp_path) as store:
        work(Desk(store), 0.25, 0.5)
    path = next((store.run_dir / "journal").glob("*.jsonl"))
    (tmp_path / "foreign" / "journal" / path.name).write_bytes(path.read_bytes().replace(b'"crc":"', b'"crc":"x'))
    (tmp_path / "text").write_text(json.dumps("no journal of Optuna") + "\n")
    return {
        "nothing given": [],
        "no folder": [tmp_path / "nowhere"],
        "a file": [path],
        "no events": [tmp_path / "empty"],
        "a damaged journal": [tmp_path / "foreign"],
        "an unknown option": [store.run_dir, "--twice"],
        "two folders": [store.run_dir, store.run_dir],
        "an optuna file that cannot be written": [store.run_dir, "--optuna", tmp_path / "nowhere" / "file"],
        "an optuna file that is a folder": [store.run_dir, "--optuna", tmp_path],
        "an optuna file that is something else": [store.run_dir, "--optuna", tmp_path / "text"],
    }


def test_bad_input_is_refused_on_one_line(tmp_path, capsys):
    for name, arguments in bad_inputs(tmp_path).items():
        status = main([*map(str, arguments), "--once"])
        err = capsys.readouterr().err

        assert (name, status, err.count("\n")) == (name, 2, 1)
        assert err.startswith("study.watch: ")

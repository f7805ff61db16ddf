"""The live view of a study that runs elsewhere: in another terminal, or on another machine that shares its folder.

python -m study.watch runs/NAME
"""

import argparse
import io
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from analysis.presence import held
from study.config import StudyConfig
from study.errors import JournalDamaged, Refused
from study.interrupt import Interrupt
from study.monitoring.lines import Lines
from study.monitoring.replay import Replay, TellingClock
from study.monitoring.view import View
from study.monitoring.watch import Watch, Watches
from study.options import shown
from study.parsing import Parser
from study.storage.follow import Entry, Follower
from study.storage.provenance import test_accesses
from study.storage.store import resume_command

DONE, REFUSED, INTERRUPTED = 0, 2, 130
LOOK_EVERY = 0.5  # seconds
PATIENCE = 10.0  # seconds that a line may look damaged: over a network it may be seen before all of it is there
AT_WORK = "a driver is at work"
HINT = "Ctrl-C stops watching; the study goes on"
TALLEST = 10_000  # lines of a picture that is printed once, and need not fit
DESCRIPTION = """\
Shows the live view of a study that runs elsewhere: in another terminal, or on another machine that shares its folder.

It reads what the study writes and changes nothing. On a terminal it draws a picture, on a pipe it prints lines."""
EPILOG = """\
exit status:
  0    the study has ended, or was shown once
  2    there is no study to watch; one line on stderr says what is wrong
  130  stopped by Ctrl-C"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to see.

    Attributes:
        run_dir: absolute; of the study.
        once: whether to show it as it is and end.
        optuna: a file for optuna-dashboard to keep up with the study, or None.
    """

    run_dir: Path
    once: bool
    optuna: Path | None

    @property
    def journal(self) -> Path:
        """The folder of the study's journal."""
        return self.run_dir / "journal"

    def accesses(self) -> list[dict[str, Any]]:
        """Returns the accesses to the study's test split so far."""
        return test_accesses(self.run_dir)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        request = _read_options(arguments)
        return _show_once(request) if request.once else _watch(request)
    except (Refused, OSError) as reason:
        if isinstance(reason, BrokenPipeError):  # whoever read the lines has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return DONE
        print(f"study.watch: {reason}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED


def _read_options(arguments: Sequence[str] | None) -> Request:
    parser = Parser(
        prog="python -m study.watch",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("run_dir", metavar="DIR", type=Path, help="of the study, such as runs/NAME")
    parser.add_argument("--once", action="store_true", help="show the study as it is now, and end")
    parser.add_argument(
        "--optuna", metavar="FILE", type=Path, help="keep FILE up with the study, for `optuna-dashboard FILE` to show"
    )
    given = parser.parse_args(arguments)
    return Request(run_dir=given.run_dir.absolute(), once=given.once, optuna=given.optuna)


def _begun(run_dir: Path, follower: Follower) -> tuple[StudyConfig, list[Entry]]:
    """Returns what study a folder holds, and what has happened so far.

    Raises:
        Refused: if there is none, or one of another version.
    """
    entries = list(follower.news())
    if not entries or entries[0].event["kind"] != "study":
        raise Refused(
            f"a study that can be watched has begun, and has a journal; {shown(run_dir)} has none; "
            "give the folder of a study, such as runs/NAME"
        )
    try:
        return StudyConfig.from_dict(entries[0].event["config"]), entries
    except (ValueError, TypeError, KeyError) as error:
        raise Refused(
            f"a study is watched with the version that began it; {shown(run_dir)} is another one's ({error}); "
            "use that version"
        ) from error


def _show_once(request: Request) -> int:
    """Prints the whole picture, however long."""
    console, clock = Console(), TellingClock()
    unseen = Console(file=io.StringIO(), width=console.width, height=TALLEST)
    follower = Follower(request.journal)
    config, entries = _begun(request.run_dir, follower)
    view = View(config, unseen, clock, hint="")
    watch = _with_file(request, config, view)
    replay = Replay(config, request.accesses, shown(request.run_dir), watch, clock)
    at_work = held(request.journal)
    replay.begin([*entries, *follower.news()])  # after the look at the lock: a driver that is gone has said all
    watch.notice(_standing(replay, request, at_work=at_work))
    watch.tick()
    if not at_work:
        watch.ended()
    console.print(view.picture())
    return DONE


def _watch(request: Request) -> int:
    """Tells what happens until the study has ended."""
    console, clock, follower = Console(), TellingClock(), Follower(request.journal)
    config, entries = _begun(request.run_dir, follower)
    on_terminal = console.is_terminal and not console.is_dumb_terminal
    seen = View(config, console, clock, HINT) if on_terminal else Lines(config, clock)
    watch = _with_file(request, config, seen)
    replay = Replay(config, request.accesses, shown(request.run_dir), watch, clock)
    with Interrupt() as interrupt:
        try:
            replay.begin(entries)
            _follow(request, follower, replay, watch, interrupt)
        finally:
            watch.ended()
    return DONE


def _with_file(request: Request, config: StudyConfig, seen: Watch) -> Watch:
    if request.optuna is None:
        return seen
    from study.monitoring.optuna_file import OptunaFile  # Optuna takes a second that the view alone need not wait for

    return Watches(seen, OptunaFile(config, request.optuna))


def _follow(request: Request, follower: Follower, replay: Replay, watch: Watch, interrupt: Interrupt) -> None:
    """Returns when the study has ended; while nobody works on it, waits for somebody who does."""
    said, readable = "", time.monotonic()
    while True:
        at_work = held(request.journal)
        try:
            replay.go_on(follower.news())
            readable = time.monotonic()
        except JournalDamaged:
            if time.monotonic() - readable > PATIENCE:
                raise
        standing = _standing(replay, request, at_work=at_work)
        if standing != said:
            said = standing
            watch.notice(standing)
            if not at_work:
                watch.ended()
        if at_work:
            watch.tick()
        elif replay.over:
            return
        interrupt.check()
        time.sleep(LOOK_EVERY)


def _standing(replay: Replay, request: Request, *, at_work: bool) -> str:
    """Says whether somebody works on a study, and what to do where nobody does."""
    if at_work:
        return AT_WORK
    if replay.finished:
        return "ended: all is searched and confirmed"
    command = resume_command(shown(request.run_dir))
    if replay.over:
        return f"ended without a confirmation; to confirm:\n{command}"
    return f"stopped: no driver is at work; to continue:\n{command}"


if __name__ == "__main__":
    sys.exit(main())

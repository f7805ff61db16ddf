"""The command line: from options to a finished study.

python -m study.launch --space tradeoff
python -m study.launch --resume runs/NAME
"""

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from rich.console import Console

from study.cluster import Cluster, connected
from study.errors import DiskFull, Refused
from study.interrupt import Interrupt
from study.lifeline import Lifeline
from study.monitoring.bulletin import Bulletin
from study.monitoring.lines import Lines
from study.monitoring.view import View
from study.monitoring.watch import Watch, Watches
from study.opening import data_fingerprint, download, opened
from study.options import Request, read_options, shown
from study.orphans import end_orphans
from study.reproduction import Reproduction, reproduce
from study.storage import provenance
from study.storage.mirror import Mirror
from study.storage.remote import files_at
from study.storage.store import Store, resume_command
from study.talking import say

DONE, FAILED, REFUSED, STOPPED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        request = read_options(arguments)
        return reproduced(request) if isinstance(request, Reproduction) else launch(request)
    except Refused as reason:
        print(f"study.launch: {reason}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print("\nstopped")
        return STOPPED


def reproduced(asked: Reproduction) -> int:
    """Trains a trial once more, and returns the exit status.

    Raises:
        Refused: if there is no record of it, or its data cannot be had.
    """
    try:
        return reproduce(asked)
    except KeyboardInterrupt:
        print("\nstopped; nothing was written")
        return STOPPED


def launch(request: Request) -> int:
    """Plans, or starts or continues a study, and returns the exit status.

    Raises:
        Refused: if something is wrong before a trial starts.
    """
    if request.download:
        download(request)
    fingerprint = data_fingerprint(request)
    if request.dry_run:
        return _print_plan(request)
    say("starting: Ray takes some seconds" if request.address is None else f"joining {request.address}")
    bulletin = Bulletin()
    with _mirrored(request, bulletin) as mirror:
        try:
            status = _study(request, fingerprint, mirror, bulletin)
        except Refused:
            if mirror and request.resume:  # the journal has a driver more, which the address must know
                mirror.finish()
            raise
        behind = mirror.finish() if mirror else None
    if behind is not None:
        print(f"study.launch: {behind}", file=sys.stderr)
    return status if behind is None else status or FAILED


def _study(request: Request, fingerprint: str, mirror: Mirror | None, bulletin: Bulletin) -> int:
    """Searches, confirms and reports."""
    try:
        cpus = request.per_trial.cpus or 1
        with (
            opened(request, fingerprint) as store,
            connected(request.address, _trials_here(request), cpus) as cluster,
        ):
            if mirror:
                mirror.follow()
            _run(store, cluster, request, bulletin, mirror)
            complete = any(trial.state == "COMPLETE" for trial in store.state.trials.values())
        return _report(request, complete=complete)
    except KeyboardInterrupt:
        print(f"\nstopped; what is done is kept. To continue:\n  {resume_command(request.place)}")
        return STOPPED
    except Refused:
        raise
    except Exception as error:
        return _failed(request, error)


def _trials_here(request: Request) -> int | None:
    """Returns how many trials share this machine's processors; those in a fused step share an engine's."""
    return None if request.config.backend == "fused" else request.concurrency


# -- before a trial starts -------------------------------------------------------------------------------------------


def _print_plan(request: Request) -> int:
    from study.plan import described, plan

    config = request.config
    confirm = request.confirm and not config.is_grid
    plans = [plan(config, architecture, confirm=confirm) for architecture in config.architectures]
    say(described(config, plans, min(request.concurrency or provenance.usable_cpus(), provenance.usable_cpus())))
    return DONE


@contextmanager
def _mirrored(request: Request, bulletin: Bulletin) -> Iterator[Mirror | None]:
    """Keeps a study at its address like its folder here, where it has an address."""
    if request.remote is None:
        yield None
        return
    with Mirror(request.run_dir, files_at(request.remote), resume=request.resume, say=bulletin) as mirror:
        yield mirror


# -- while it runs ---------------------------------------------------------------------------------------------------


def _run(store: Store, cluster: Cluster, request: Request, bulletin: Bulletin, mirror: Mirror | None) -> None:
    """Searches, then confirms; leaves out what is done already."""
    # Ray reads its environment when it is imported, so it must be after `connected`.
    from study.importance import write_importance
    from study.learning import appraise, learn
    from study.running import Running

    watch = _watch(request, bulletin)
    with (
        Interrupt(lambda: mirror is not None and mirror.lost) as interrupt,
        Lifeline(lambda daemon: _cut_off(daemon, watch, store, request)),
    ):
        learn(request.config, request.manifolds, interrupt, joined=not cluster.local)
        running = Running(store, request, cluster, watch, interrupt)
        interrupt.check()
        watch.began(store.state, cluster, shown(request.run_dir))
        try:
            running.search_and_confirm()
            running.attack()
            if request.confirm:
                appraise(store, request.manifolds, interrupt, tick=watch.tick, say=bulletin)
            if not request.config.is_grid:
                write_importance(store.run_dir, request.config, store.state, bulletin)
        finally:
            watch.ended()


def _watch(request: Request, bulletin: Bulletin) -> Watch:
    from study.monitoring.metrics import Metrics

    console = Console()
    on_terminal = console.is_terminal and not console.is_dumb_terminal
    picture = View(request.config, console) if on_terminal else Lines(request.config)
    return Watches(picture, bulletin.beside(picture), Metrics(request.config))


def _cut_off(daemon: str, watch: Watch, store: Store, request: Request) -> None:
    """Ends this process, whose own thread waits for a cluster that is gone; all that was heard is on disk."""
    with suppress(Exception):
        watch.ended()
    print(
        f"study.launch: the study could not go on: {daemon}, a process of the local Ray cluster, has died; "
        f"what is done is kept; to continue: {resume_command(request.place)}",
        file=sys.stderr,
        flush=True,
    )
    end_orphans(store.state.study["study_id"])
    os._exit(FAILED)


# -- after it --------------------------------------------------------------------------------------------------------


def _report(request: Request, *, complete: bool) -> int:
    from analysis.report import write_report
    from study.monitoring.conclusion import conclude

    report = write_report(request.run_dir)
    conclude(request.run_dir, shown(report), Console())
    if complete:
        return DONE
    print("study.launch: no trial gave a result; the report says why of each", file=sys.stderr)
    return FAILED


def _failed(request: Request, error: Exception) -> int:
    details = request.run_dir / "failure.txt"
    reason = str(error) if isinstance(error, DiskFull) else " ".join(f"{type(error).__name__}: {error}".split())
    try:
        details.write_text("".join(traceback.format_exception(error)))
        more = f", details are in {shown(details)}"
    except OSError:  # the disk is full, most likely, and that is the reason
        more = ""
    print(
        f"study.launch: the study could not go on: {reason}; what is done is kept{more}; "
        f"to continue: {resume_command(request.place)}",
        file=sys.stderr,
    )
    return FAILED


if __name__ == "__main__":
    sys.exit(main())

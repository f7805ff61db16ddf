"""The command line: from options to a finished study.

python -m study.launch --space tradeoff
python -m study.launch --resume runs/NAME
"""

import os
import shutil
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console

from study.changes import settle
from study.cluster import Cluster, connected
from study.errors import Refused
from study.interrupt import Interrupt
from study.monitoring.lines import Lines
from study.monitoring.view import View
from study.monitoring.watch import Watch, Watches
from study.options import Request, read_options, shown
from study.orphans import end_orphans, mark
from study.search.warm import warm_up
from study.storage import provenance
from study.storage.store import Store, create, resume_command

DONE, FAILED, REFUSED, STOPPED = 0, 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit status."""
    try:
        return launch(read_options(arguments))
    except Refused as reason:
        print(f"study.launch: {reason}", file=sys.stderr)
        return REFUSED


def launch(request: Request) -> int:
    """Plans, or starts or continues a study, and returns the exit status.

    Raises:
        Refused: if something is wrong before a trial starts.
    """
    if request.download:
        _download(request)
    fingerprint = _data_fingerprint(request)
    if request.dry_run:
        return _print_plan(request)
    _say("starting: Ray takes some seconds" if request.address is None else f"joining {request.address}")
    try:
        with _opened(request, fingerprint) as store, connected(request.address, request.concurrency) as cluster:
            _run(store, cluster, request)
            complete = any(trial.state == "COMPLETE" for trial in store.state.trials.values())
        return _report(request, complete=complete)
    except KeyboardInterrupt:
        print(f"\nstopped; what is done is kept. To continue:\n  {_continuation(request)}")
        return STOPPED
    except Refused:
        raise
    except Exception as error:
        return _failed(request, error)


# -- before a trial starts -------------------------------------------------------------------------------------------


def _download(request: Request) -> None:
    from trainables.data.images import download

    data = request.config.data
    _say(f"fetching {data.dataset} into {data.source}, as far as it is missing")
    try:
        download(data)
    except (ValueError, OSError) as error:
        raise Refused(str(error)) from error


def _data_fingerprint(request: Request) -> str:
    """Reads the data once, so that a study without any stops here and not in its trials."""
    from trainables.pipeline import data_fingerprint  # torch takes seconds that a wrong option need not wait for

    try:
        return data_fingerprint(request.config.data)
    except (ValueError, OSError, RuntimeError) as error:  # the last: links in a circle, or too little memory
        mend = "; check --data-root or --fonts-dir, or leave both out" if request.config.data.dataset == "fonts" else ""
        raise Refused(f"{error}{mend}") from error


def _print_plan(request: Request) -> int:
    from study.plan import described, plan

    config = request.config
    plans = [plan(config, architecture, confirm=request.confirm) for architecture in config.architectures]
    _say(described(config, plans, min(request.concurrency or provenance.usable_cpus(), provenance.usable_cpus())))
    return DONE


def _say(text: str) -> None:
    try:
        print(text, flush=True)
    except OSError as error:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - what could not be written would be tried again at the end
        raise Refused(
            f"what is said must have a place to go; stdout: {error.strerror}; redirect it elsewhere"
        ) from error


@contextmanager
def _opened(request: Request, fingerprint: str) -> Iterator[Store]:
    """Opens the study, and forgets a new one where nothing could begin."""
    description = provenance.describe(request.config, command=request.command, data_fingerprint=fingerprint)
    if request.resume:
        with Store(request.run_dir) as store:
            settle(store, description, str(shown(request.run_dir)), accept=request.accept_changes)
            store.note(f"resumed by {request.command}")
            _begin_alone(store)
            yield store
        return
    begun = create(request.run_dir, description)  # outside of what follows: if it is refused, the folder is not ours
    try:
        with begun as store:
            warm_up(store)
            _begin_alone(store)
            yield store
    except Refused:
        shutil.rmtree(request.run_dir, ignore_errors=True)
        raise


def _begin_alone(store: Store) -> None:
    """Ends what an earlier driver of the study has left running, and marks what this one will start."""
    study_id = store.state.study["study_id"]
    if orphans := end_orphans(study_id):
        store.note(f"ended processes that an earlier driver had left: {' '.join(map(str, orphans))}")
        print(f"ended {len(orphans)} processes that an earlier driver of this study had left behind", flush=True)
    mark(study_id)


# -- while it runs ---------------------------------------------------------------------------------------------------


def _run(store: Store, cluster: Cluster, request: Request) -> None:
    """Searches, then confirms; leaves out what is done already."""
    # Ray reads its environment when it is imported, so it must be after `connected`.
    from study.confirmation import jobs, run_confirmation
    from study.desk import Desk
    from study.execution import run_search
    from trainables.tune import retrain, trainable

    watch, many = _watch(request), cluster.concurrency
    with Interrupt() as interrupt:
        watch.began(store.state, cluster, shown(request.run_dir))
        try:
            run_search(Desk(store), trainable, watch, interrupt, concurrency=many)
            if request.confirm:
                watch.confirming(len(jobs(store)), len(store.state.confirmations))
                run_confirmation(store, retrain, watch, interrupt, concurrency=many)
        finally:
            watch.ended()


def _watch(request: Request) -> Watch:
    from study.monitoring.metrics import Metrics

    console = Console()
    on_terminal = console.is_terminal and not console.is_dumb_terminal
    return Watches(View(request.config, console) if on_terminal else Lines(request.config), Metrics(request.config))


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
    details.write_text("".join(traceback.format_exception(error)))
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    print(
        f"study.launch: the study could not go on: {reason}; what is done is kept, details are in {shown(details)}; "
        f"to continue: {_continuation(request)}",
        file=sys.stderr,
    )
    return FAILED


def _continuation(request: Request) -> str:
    return resume_command(shown(request.run_dir))


if __name__ == "__main__":
    sys.exit(main())

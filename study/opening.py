"""Before a trial starts: data, the study's folder, who else may be at work on it, and what a trial takes of a node."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from study.changes import settle
from study.cluster import Cluster, Room
from study.errors import Refused
from study.options import Request
from study.orphans import end_orphans, mark
from study.resources import Resources
from study.search.warm import warm_up
from study.storage import provenance
from study.storage.store import Store, create
from study.talking import say


def download(request: Request) -> None:
    """Fetches a study's images.

    Raises:
        Refused: if they cannot be had.
    """
    from trainables.data.images import download as fetch

    data = request.config.data
    say(f"fetching {data.dataset} into {data.source}, as far as it is missing")
    try:
        fetch(data)
    except (ValueError, OSError) as error:
        raise Refused(str(error)) from error


def data_fingerprint(request: Request) -> str:
    """Reads the data once, so that a study without any stops here and not in its trials.

    Raises:
        Refused: if it is missing or damaged.
    """
    from trainables import pipeline  # torch takes seconds that a wrong option need not wait for

    try:
        return pipeline.data_fingerprint(request.config.data)
    except (ValueError, OSError, RuntimeError) as error:  # the last: links in a circle, or too little memory
        mend = "; check --data-root or --fonts-dir, or leave both out" if request.config.data.dataset == "fonts" else ""
        if request.resume:
            mend = "; a study goes on with the data where it lay when it began; put them there"
        raise Refused(f"{error}{mend}") from error


@contextmanager
def opened(request: Request, fingerprint: str) -> Iterator[Store]:
    """Opens the study, and forgets a new one where nothing could begin.

    Raises:
        Refused: if it cannot be begun or continued.
    """
    description = provenance.describe(request.config, command=request.command, data_fingerprint=fingerprint)
    if request.resume:
        with Store(request.run_dir) as store:
            settle(store, description, request.place, accept=request.accept_changes)
            if request.strong:
                try:
                    store.strengthened(request.strong)
                except ValueError as error:
                    raise Refused(f"{error}; see python -m study.launch --help") from error
            store.note(f"resumed by {request.command}")
            _alone(store)
            yield store
        return
    begun = create(request.run_dir, description)  # outside of what follows: if it is refused, the folder is not ours
    try:
        with begun as store:
            warm_up(store)
            _alone(store)
            yield store
    except Refused:
        shutil.rmtree(request.run_dir, ignore_errors=True)
        raise


def _alone(store: Store) -> None:
    """Ends what an earlier driver of the study has left running, and marks what this one will start."""
    study_id = store.state.study["study_id"]
    if orphans := end_orphans(study_id):
        store.note(f"ended processes that an earlier driver had left: {' '.join(map(str, orphans))}")
        say(f"ended {len(orphans)} process(es) that an earlier driver of this study had left behind")
    mark(study_id)


def resources(store: Store, request: Request, cluster: Cluster) -> tuple[dict[str, Resources], Room]:
    """Returns what a trial of each architecture takes, measured or as asked for, and how many may run at a time.

    Raises:
        Refused: if this machine has no room for a trial.
    """
    from study.probe import needed, probed

    found = dict(store.state.probed)
    if not request.per_trial.complete:
        measured = {name: known for name, known in found.items() if "failed" not in known}
        found = probed(request.config, measured, joined=not cluster.local)
        if found != store.state.probed:
            store.probed(found)
        for name in (name for name, known in found.items() if "failed" in known):
            say(f"what a trial of {name} takes could not be measured: a processor each, and nobody watches the memory")
    needs: dict[str, Resources] = {
        name: request.per_trial.of(needed(found.get(name))) for name in request.config.architectures
    }
    return needs, Room(cluster, set(needs.values()))

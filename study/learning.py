"""What a study's trials share, made once before them; and the manifold of their errors, measured once after them.

Shared are the manifolds that they move on or are measured on, as far as these are learned; or what judges the manifolds
that they learn. No trial begins before it is in its store, so none holds a processor or a GPU to wait for it; other
studies that ask for the same find it there. Ray starts the task anew where its worker dies.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ray
from numpy.typing import NDArray
from rich.console import Console

from study.config import StudyConfig
from study.errors import Refused
from study.interrupt import Interrupt
from study.kinds import KINDS
from study.manifold_kinds import to_learn
from study.monitoring.learning import shown_progress
from study.storage import provenance
from study.storage.atomic import write_bytes, write_json
from study.storage.store import Store
from study.talking import say
from study.visibility import must_be_seen
from trainables.files import is_address, redacted
from trainables.tune import appraise_manifold, make_shared

RETRIES = 3
TICK = 0.25  # seconds between two looks at what a task has to say
MOST_CPUS = 8  # more threads do not make so small networks faster
RESULTS = Path("results")
PICTURES, DISTANCES, NUMBERS = RESULTS / "manifold.npz", RESULTS / "distances.parquet", RESULTS / "manifold.json"


def learn(config: StudyConfig, root: str, interrupt: Interrupt, *, joined: bool) -> None:
    """Makes what all trials of a study share, unless it is in its store.

    Args:
        config: of the study.
        root: of the store.
        interrupt: stops it.
        joined: whether trials run on machines that may not see a folder of this one.

    Raises:
        Refused: if it cannot be made, or not be seen by all who will need it.
        KeyboardInterrupt: if that was asked for.
    """
    trials = _sharing(config)
    if not trials:
        return
    if joined and not is_address(root):
        must_be_seen(Path(root), interrupt)
    for trial in trials:
        _make(trial, root, interrupt)
    moves = config.learned is not None and KINDS[config.space].moves
    what = ("manifold lies" if len(trials) == 1 else "manifolds lie") if moves else "judges lie"
    say(f"the {what} in {redacted(root)}")


def _make(trial: Mapping[str, Any], root: str, interrupt: Interrupt) -> None:
    """Makes what a trial shares with others, and shows how far that is."""
    task = ray.remote(max_retries=RETRIES)(make_shared).options(**_placed("make what trials share", learns=True))
    reports: Any = task.remote(trial, root)  # a generator of references, though Ray's types say otherwise
    with shown_progress(Console()) as watch, _refusing(), _cancelling(reports):
        for told in _told(reports, interrupt):
            if isinstance(told, str):
                say(told)
            else:
                watch(told)


def appraise(
    store: Store, root: str, interrupt: Interrupt, *, tick: Callable[[], None], say: Callable[[str], None]
) -> None:
    """Measures a study's manifold on test and keeps what was found for its report, if it has one and nothing is kept.

    Args:
        store: of the study.
        root: of the manifolds' store.
        interrupt: stops it.
        tick: is called now and then.
        say: is told that it begins, and if it cannot be measured; the study's own results do not depend on that.

    Raises:
        KeyboardInterrupt: if that was asked for.
    """
    config = store.config
    known = config.is_grid and config.learned is None  # a grid has distances of its own
    if not config.moves or known or (store.run_dir / NUMBERS).is_file():
        return
    provenance.log_test_access(store.run_dir, {"purpose": "the quality of the manifold"})
    say(f"measuring the manifold on {config.data.n_test} test images")
    task = ray.remote(max_retries=RETRIES)(appraise_manifold).options(**_placed("measure the manifold"))
    reference: Any = task.remote(_trial(config), config.n_attacked, root)
    try:
        with _cancelling(reference):
            while not ray.wait([reference], timeout=TICK)[0]:
                tick()
                interrupt.check()
        found: dict[str, Any] = ray.get(reference)
    except ray.exceptions.RayError as error:
        say(f"the manifold could not be measured, and the report goes without: {_reason(error)}; --resume tries again")
        return
    say("")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **found.pop("pictures"))
    write_bytes(store.run_dir / PICTURES, buffer.getvalue())
    write_bytes(store.run_dir / DISTANCES, _as_parquet(found.pop("distances")))
    write_json(store.run_dir / NUMBERS, {"model": store.state.study["manifold"], **found})


def _as_parquet(distances: Mapping[str, Mapping[str, NDArray[np.float64]]]) -> bytes:
    tables = [pa.table({"kind": [kind] * len(own["length"]), **own}) for kind, own in distances.items()]
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables(tables), buffer)
    return buffer.getvalue()


def _trial(config: StudyConfig) -> dict[str, Any]:
    return config.base(config.architectures[0], 0).to_dict()


def _sharing(config: StudyConfig) -> list[dict[str, Any]]:
    """Returns trials that share, together, what all of a study do: one for each manifold that is learned.

    A grid where nothing is learned shares the judge of labels, unless its manifold is known and keeps them.
    """
    base = config.base(config.architectures[0], 0)
    if config.is_grid and config.learned is None:
        return [base.to_dict()] if config.kinds[0] == "affine" else []
    return [replace(base, manifold=each).to_dict() for each in to_learn(config.learned, config.kinds)]


def _told(reports: Any, interrupt: Interrupt) -> Iterator[Any]:
    """Yields what a task yields, and looks for an interrupt meanwhile."""
    while True:
        ready, _ = ray.wait([reports], timeout=TICK)
        interrupt.check()
        if ready:
            try:
                yield ray.get(next(reports))
            except StopIteration:
                return


@contextmanager
def _cancelling(task: Any) -> Iterator[None]:
    """Ends a task with whoever waits for it."""
    try:
        yield
    except KeyboardInterrupt:
        ray.cancel(task, force=True)
        raise


@contextmanager
def _refusing() -> Iterator[None]:
    """Turns what goes wrong with a task into a refusal: no trial has begun yet."""
    try:
        yield
    except ray.exceptions.RayError as error:
        raise Refused(f"what trials share could not be made: {_reason(error)}") from error


def _reason(error: ray.exceptions.RayError) -> str:
    return " ".join(str(getattr(error, "cause", None) or error).split())


def _placed(name: str, *, learns: bool = False) -> dict[str, Any]:
    """Returns where a task of its own runs: on a whole node, as long as that is not too large for it.

    One that learns has a GPU, where there is one.
    """
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call] # Ray's
    having = [node for node in alive if node.get("GPU", 0) >= 1] if learns else []
    cpus = int(max((node.get("CPU", 0) for node in having or alive), default=1))
    return {"num_cpus": max(1, min(MOST_CPUS, cpus)), "num_gpus": 1 if having else 0, "name": name}

"""The Ray cluster: a local one that only this machine can reach, or one that is already there.

Nothing of Ray's is imported before its environment is set; hence this module imports ray inside its functions, and
whoever imports ray does so after `connected` has been entered.
"""

import logging
import math
import os
import socket
import time
import warnings
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

from study.authentication import MODE, prepare_joining, token_file
from study.errors import Refused
from study.resources import GIB, Resources, fitting
from study.storage.provenance import usable_cpus

ROOT = Path(__file__).parents[1]
SHIPPED = ("study", "trainables", "search_spaces", "analysis")  # the packages; neither data nor studies nor tests
QUIET: Mapping[str, str] = MappingProxyType(
    {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AIR_NEW_OUTPUT": "0",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
        "RAY_CHDIR_TO_TRIAL_DIR": "0",
        "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
        "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # one trial without a report would end all of them
        "TUNE_DISABLE_SIGINT_HANDLER": "1",
        "TUNE_WARN_THRESHOLD_S": "60",
        "RAY_LOG_MONITOR_MANY_FILES_THRESHOLD": "0",  # lists its folder now and then; else ten times a second
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait for each other leave their processor to whoever has work
        "SPT_NOENV": "1",  # a process that names itself would write over its environment, by which orphans are found
    }
)
# Despite its name: without it Ray takes 127.0.0.1 for the machine's own address, and listens on all of them.
LOOPBACK_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
OBJECT_STORE_BYTES = 256 * 2**20
REACHABLE_WITHIN = 3.0  # seconds
COUNTED_EVERY = 5.0  # seconds between two looks at the nodes
MOST_PENDING = 10_000  # trials that Tune may hold which have not begun; `Room` says how many there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that trials can run on.

    Attributes:
        dashboard: its address, or None.
        token: the file that opens the dashboard, or None.
        concurrency: trials at a time; of an elastic cluster, how many it had room for when it was joined.
        elastic: whether nodes may come and go, and trials follow them.
        local: whether it is this machine's own.
    """

    dashboard: str | None
    token: Path | None
    concurrency: int
    elastic: bool = False
    local: bool = True


@contextmanager
def connected(address: str | None, concurrency: int | None, cpus_per_trial: int = 1) -> Iterator[Cluster]:
    """Starts a local cluster or joins one, and leaves no process behind.

    Args:
        address: None for a local one, "auto" for the one that runs on this machine, or HOST:PORT.
        concurrency: trials at a time; None means as many as there are processors for.
        cpus_per_trial: processors of each, as far as that is known by now.

    Raises:
        Refused: if there is no cluster to join, or none can be started.
    """
    found = _located(address)
    if found is None:
        _check_scratch()
        token_file()
        os.environ.setdefault(MODE, "token")
    else:
        prepare_joining(found)
    _prepare_environment(loopback=found is None or _is_loopback(found))
    import ray

    try:
        yield _start(found, concurrency, Resources(cpus=cpus_per_trial))
    finally:
        ray.shutdown()


def capacity(each: Resources) -> int:
    """Returns how many trials the nodes that are there now have room for, busy or not; a trial is on one node."""
    import ray

    nodes = ray.nodes()  # type: ignore[no-untyped-call] # Ray has none here
    return sum(fitting(node["Resources"], each) for node in nodes if node["Alive"])


class Room:
    """Says how many trials may be under way, now: as many as was asked for, or as the nodes have room for.

    On a cluster whose nodes come and go it is one more than there is room for: the one that waits is what makes an
    autoscaler add a node. More than that would be asked for too early, knowing too little.

    Args:
        cluster: that trials run on.
        needs: of the trials that there will be, each kind once.

    Raises:
        Refused: if this machine has no room for a trial. A cluster may get nodes that have.
    """

    def __init__(self, cluster: Cluster, needs: Collection[Resources]) -> None:
        self._cluster = cluster
        self._smallest = min(needs, key=lambda each: (each.cpus, each.gpus, each.memory_bytes))
        self._counted, self._room = -math.inf, cluster.concurrency
        # Tune would hand out a trial only when the one before has begun, and processes take seconds to begin.
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(MOST_PENDING)
        if cluster.local:
            self._room = min(cluster.concurrency, *map(_fitting_here, needs))

    def __call__(self) -> int:
        if self._cluster.elastic and time.monotonic() - self._counted > COUNTED_EVERY:
            self._counted, self._room = time.monotonic(), capacity(self._smallest) + 1
        return self._room


def _fitting_here(each: Resources) -> int:
    fits = capacity(each)
    if not fits:
        raise Refused(
            f"a trial takes {_in_words(each.bundle())} of this machine, which offers {_in_words(_offered())}; "
            "lower --cpus-per-trial, --gpus-per-trial or --memory-per-trial, or join a cluster with --address"
        )
    return fits


def _offered() -> Mapping[str, float]:
    import ray

    offered: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call] # Ray has none here
    return offered


def _in_words(bundle: Mapping[str, float]) -> str:
    return (
        f"{bundle.get('CPU', 0):g} processors, {bundle.get('GPU', 0):g} GPUs and "
        f"{bundle.get('memory', 0) / GIB:.1f} GiB"
    )


def _located(address: str | None) -> str | None:
    """Returns HOST:PORT of the cluster to join, or None where a local one is to be started."""
    if address is None:
        return None
    where = _current_cluster() if address == "auto" else address
    host, _, port = where.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACHABLE_WITHIN).close()
    except (OSError, ValueError, OverflowError) as error:
        raise Refused(
            f"--address takes auto or the HOST:PORT of a running Ray cluster; got {address}, which does not answer "
            f"({error}); start one with `ray start --head`, or leave --address out for a local one"
        ) from error
    return where


def _current_cluster() -> str:
    """Returns the address that Ray would take for "auto", empty where there is none."""
    known = _scratch() / "ray" / "ray_current_cluster"
    return os.environ.get("RAY_ADDRESS") or (known.read_text().strip() if known.is_file() else "")


def _scratch() -> Path:
    """Returns the folder that Ray keeps its sockets and logs in."""
    return Path(os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp")


def _check_scratch() -> None:
    try:
        with TemporaryDirectory(dir=_scratch()):
            pass
    except OSError as error:
        raise Refused(
            f"Ray needs a folder for its sockets and logs; {_scratch()}, from RAY_TMPDIR or TMPDIR, cannot be written: "
            f"{error.strerror}; set RAY_TMPDIR to another, or unset both"
        ) from error


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _prepare_environment(*, loopback: bool) -> None:
    for name, value in {**QUIET, **(LOOPBACK_ONLY if loopback else {})}.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", module=r"ray(\.|$)")  # they are for authors, not for users of a study


class _Nobody:
    """An actor that does nothing."""


def _check_actors(address: str) -> None:
    """Starts an actor, once: where only one side asks for a token, tasks run and actors die at birth."""
    import ray

    actor: Any = ray.remote(num_cpus=0)(_Nobody).remote()
    try:
        ray.get(actor.__ray_ready__.remote())
    except ray.exceptions.RayActorError as error:
        raise Refused(
            "a cluster and who joins it agree on whether a token is asked for; actors die on "
            f"{address}, and here {MODE} is {os.environ.get(MODE)}; start the cluster with {MODE}=token, "
            f"or set {MODE}=disabled to join one without"
        ) from error


def _start(address: str | None, concurrency: int | None, each: Resources) -> Cluster:
    import ray

    local = {
        "address": "local",
        "num_cpus": each.cpus * concurrency if concurrency else max(each.cpus, usable_cpus()),
        "object_store_memory": OBJECT_STORE_BYTES,
        "include_dashboard": True,
        "dashboard_host": "127.0.0.1",
    }
    joined = {"address": address, "runtime_env": {"py_modules": [str(ROOT / name) for name in SHIPPED]}}
    try:
        context = ray.init(**(joined if address else local), log_to_driver=False, logging_level=logging.CRITICAL)
        # The deaths of workers would be printed all the same; a trial that ends so says it in its message.
        ray._private.worker._worker_logs_enabled = False
    except (ConnectionError, RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        wanted = f"a Ray cluster at {address}" if address else "a local Ray cluster"
        raise Refused(
            f"trials need {wanted}, which cannot be had: {error}; check `ray status`, or leave --address out"
        ) from error
    if address:
        _check_actors(address)
    dashboard, token = context.dashboard_url, token_file()
    return Cluster(
        dashboard=f"http://{dashboard}" if dashboard else None,
        token=token if token and token.exists() else None,
        concurrency=concurrency or max(1, capacity(each)),
        elastic=address is not None and concurrency is None,
        local=address is None,
    )

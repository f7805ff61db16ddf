"""The Ray cluster: a local one that only this machine can reach, or one that is already there.

Nothing of Ray's is imported before its environment is set; hence this module imports ray inside its functions, and
whoever imports ray does so after `connected` has been entered.
"""

import logging
import os
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from study.errors import Refused
from study.storage.provenance import usable_cpus

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
        "RAY_AUTH_MODE": "token",
    }
)
# Despite its name: without it Ray takes 127.0.0.1 for the machine's own address, and listens on all of them.
LOOPBACK_ONLY = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
OBJECT_STORE_BYTES = 256 * 2**20
REACHABLE_WITHIN = 3.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster that trials can run on.

    Attributes:
        dashboard: its address, or None.
        token: the file that opens the dashboard, or None.
        concurrency: trials at a time.
    """

    dashboard: str | None
    token: Path | None
    concurrency: int


@contextmanager
def connected(address: str | None, concurrency: int | None) -> Iterator[Cluster]:
    """Starts a local cluster or joins one, and leaves no process behind.

    Args:
        address: None for a local one, "auto" for the one that runs on this machine, or HOST:PORT.
        concurrency: trials at a time; None means one a processor.

    Raises:
        Refused: if there is no cluster to join, or none can be started.
    """
    found = _located(address)
    _prepare_environment(loopback=found is None or _is_loopback(found))
    import ray

    try:
        yield _start(found, concurrency)
    finally:
        ray.shutdown()


def _located(address: str | None) -> str | None:
    """Returns HOST:PORT of the cluster to join, or None where a local one is to be started."""
    if address is None:
        return None
    where = _current_cluster() if address == "auto" else address
    host, _, port = where.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACHABLE_WITHIN).close()
    except (OSError, ValueError) as error:
        raise Refused(
            f"--address takes auto or the HOST:PORT of a running Ray cluster; got {address}, which does not answer "
            f"({error}); start one with `ray start --head`, or leave --address out for a local one"
        ) from error
    return where


def _current_cluster() -> str:
    """Returns the address that Ray would take for "auto", empty where there is none."""
    known = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
    return os.environ.get("RAY_ADDRESS") or (known.read_text().strip() if known.is_file() else "")


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _prepare_environment(*, loopback: bool) -> None:
    for name, value in {**QUIET, **(LOOPBACK_ONLY if loopback else {})}.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore", module=r"ray(\.|$)")  # they are for authors, not for users of a study


def _start(address: str | None, concurrency: int | None) -> Cluster:
    import ray

    local = {
        "address": "local",
        "num_cpus": concurrency or usable_cpus(),
        "object_store_memory": OBJECT_STORE_BYTES,
        "include_dashboard": True,
        "dashboard_host": "127.0.0.1",
    }
    where = {"address": address} if address else local
    try:
        context = ray.init(**where, log_to_driver=False, logging_level=logging.CRITICAL)
        # The deaths of workers would be printed all the same; a trial that ends so says it in its message.
        ray._private.worker._worker_logs_enabled = False
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        wanted = f"a Ray cluster at {address}" if address else "a local Ray cluster"
        raise Refused(
            f"trials need {wanted}, which cannot be had: {error}; check `ray status`, or leave --address out"
        ) from error
    dashboard = context.dashboard_url
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    cpus = ray.cluster_resources().get("CPU", 1)  # type: ignore[no-untyped-call] # Ray has none here
    return Cluster(
        dashboard=f"http://{dashboard}" if dashboard else None,
        token=token if token.exists() else None,
        concurrency=concurrency or max(1, int(cpus)),
    )

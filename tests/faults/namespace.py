"""A Ray cluster of two nodes in a network namespace of its own, whose second node joins late and is killed.

Run by `test_nodes` inside `unshare --net`: nothing in here can be reached from outside, whatever address it listens on.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from study.storage.journal import read
from tests.faults.killing import study
from tests.study.processes import wait_for

TRIALS = 150
PORT, NODE = 6399, "DISENTANGLE_TEST_NODE"
SIOCSIFFLAGS, IFF_UP = 0x8914, 0x1  # the kernel's


def raise_loopback():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        fcntl.ioctl(probe, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def node(number, scratch, *arguments, inside=()):
    """Starts a node with one processor, in a process group of its own; `inside` is a command to run it by."""
    command = [*inside, str(Path(sys.executable).with_name("ray")), "start", "--block", "--disable-usage-stats"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {
        **os.environ,
        NODE: f"{os.getpid()}-{number}",
        "RAY_TMPDIR": scratch,
        "RAY_AUTH_MODE": "disabled",
        "SPT_NOENV": "1",
    }
    return subprocess.Popen(
        [*command, "--num-cpus=1", "--object-store-memory=80000000", *arguments],
        env=environment, start_new_session=True, **quiet,
    )  # fmt: skip


def of(number):
    """Returns the processes of a node."""
    found = []
    for process in psutil.process_iter():
        try:
            found += [process] if process.environ().get(NODE) == f"{os.getpid()}-{number}" else []
        except (psutil.Error, OSError):
            continue
    return found


def kill(number):
    for process in of(number):
        with_name = process.pid
        try:
            os.kill(with_name, signal.SIGKILL)
        except ProcessLookupError:
            continue


def trains_on(number):
    """Tells whether a trial has been given to a worker of a node."""
    titles = []
    for process in of(number):
        try:
            titles.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return any(title.startswith("ray::") and "IDLE" not in title and "Agent" not in title for title in titles)


def finished(run_dir):
    return sum(event["kind"] == "finished" for event in read(run_dir / "journal")) if run_dir.is_dir() else 0


def main(runs):
    raise_loopback()
    run_dir = Path(runs) / "two-nodes"
    said = {}
    with tempfile.TemporaryDirectory(prefix="d", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        try:
            node(1, scratch, "--head", f"--port={PORT}", "--node-ip-address=127.0.0.1", "--include-dashboard=false")
            said["head"] = wait_for(lambda: answers(PORT))
            takes = ("--memory-per-trial", "0.1", "--cpus-per-trial", "1")
            where = ("--address", f"127.0.0.1:{PORT}", "--runs", runs, "--name", "two-nodes")
            driver = subprocess.Popen(
                [sys.executable, "-m", "study.launch", *study(TRIALS, concurrency=None), *takes, *where],
                env={**os.environ, "RAY_TMPDIR": scratch, "RAY_AUTH_MODE": "disabled"},
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            said["began"] = wait_for(lambda: finished(run_dir) >= 3)
            node(2, scratch, f"--address=127.0.0.1:{PORT}", "--node-ip-address=127.0.0.1")
            said["joined"] = wait_for(lambda: trains_on(2))
            said["before"] = finished(run_dir)
            kill(2)
            out, err = driver.communicate(timeout=600)
            said |= {"status": driver.returncode, "err": err, "out": out[-2000:]}
        finally:
            kill(2)
            kill(1)
    sys.stdout.write(json.dumps(said) + "\n")


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main(sys.argv[1])

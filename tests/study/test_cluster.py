import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.study.processes import wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(300)]


class Node:
    """A node of a real cluster on the loopback address, in a process group of its own."""

    def __init__(self, scratch, cpus, *arguments):
        environment = {
            **os.environ,
            "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_AUTH_MODE": "disabled",
            "RAY_TMPDIR": str(scratch),
        }
        environment.pop("PYTHONPATH", None)
        command = [str(Path(sys.executable).with_name("ray")), "start", "--block", "--node-ip-address=127.0.0.1"]
        options = [f"--num-cpus={cpus}", "--object-store-memory=80000000", "--disable-usage-stats", *arguments]
        self.process = subprocess.Popen(
            command + options,
            env=environment,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        if not wait_for(lambda: self.process.poll() is not None, 30):
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def scratch(tmp_path_factory):
    """A folder whose name is short enough for Ray's sockets."""
    folder = Path(tempfile.mkdtemp(prefix="d", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_a_cluster_is_joined_with_our_code_and_its_nodes_are_counted_as_they_come(scratch, port):
    head = Node(scratch, 1, "--head", f"--port={port}", "--include-dashboard=false")
    nodes = [head]
    try:
        assert wait_for(lambda: answers(port), 60)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.study.joining", f"127.0.0.1:{port}"],
            cwd=scratch,  # which workers look into first, and find nothing
            env={**os.environ, "HOME": str(scratch), "RAY_TMPDIR": str(scratch), "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as driver:
            first, second = json.loads(driver.stdout.readline()), json.loads(driver.stdout.readline())
            nodes.append(Node(scratch, 2, f"--address=127.0.0.1:{port}"))
            out, err = driver.communicate(timeout=120)
    finally:
        for node in reversed(nodes):
            node.end()

    assert all("py_modules_files" in path for path in first["files"])
    assert (first["capacity"], first["large"]) == (1, 0)
    assert second["room"] == 2  # one runs, one waits
    assert second["found"]["mlp"]["peak_bytes"] > second["found"]["mlp"]["import_bytes"]
    assert json.loads(out) == {"capacity": 3, "large": 1, "huge": 0}
    assert (err.count("\n"), "without a token" in err) == (1, True)

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

pytestmark = [pytest.mark.ray, pytest.mark.slow]


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


def test_a_cluster_is_joined_with_our_code_and_without_a_token_only_after_a_word(scratch, port):
    head = Node(scratch, 1, "--head", f"--port={port}", "--include-dashboard=false")
    try:
        assert wait_for(lambda: answers(port))
        driver = subprocess.run(
            [sys.executable, "-m", "tests.study.joining", f"127.0.0.1:{port}"],
            cwd=scratch,  # which workers look into first, and find nothing
            env={**os.environ, "HOME": str(scratch), "RAY_TMPDIR": str(scratch), "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    finally:
        head.end()

    assert driver.returncode == 0, driver.stderr
    said = json.loads(driver.stdout)
    assert all("py_modules_files" in path for path in said["files"])
    assert said["capacity"] == [1, 0, 0]
    assert said["room"] == 2  # one runs, one waits
    assert said["left"] == []
    assert said["fused"] == [0, 1, 2, 3, 4]  # none waits with the engine that waits for a node
    assert said["found"]["mlp"]["peak_bytes"] > said["found"]["mlp"]["import_bytes"]
    assert "a trial takes 64 processors" in said["refused"]
    assert (driver.stderr.count("\n"), "without a token" in driver.stderr) == (1, True)

"""A Ray cluster of two nodes, of which the second sees another folder of manifolds than the driver does.

Run by `test_visibility` inside `unshare --net --map-root-user`; the second node has mounts and a name of its own there.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.faults.namespace import PORT, answers, kill, node, raise_loopback
from tests.study.processes import wait_for
from tests.trainables.data.tiny import write_vision

FAR = "far-away"
# Runs a node where an empty folder lies over the one that is named first.
BEHIND = (
    "unshare", "--mount", "--uts", "sh", "-c",
    f'mount -t tmpfs none "$0" && echo {FAR} > /proc/sys/kernel/hostname && exec "$@"',
)  # fmt: skip
SIZES = ("--n-train", "60", "--n-validation", "40", "--n-test", "30", "--n-attacked", "20", "--trials", "2")


def driver(place, scratch):
    """Runs a study on a learned manifold on the cluster to its end, and returns what it said."""
    run = ("--scale", "smoke", "--architectures", "mlp", "--address", f"127.0.0.1:{PORT}", "--no-confirm")
    takes = ("--memory-per-trial", "0.1", "--cpus-per-trial", "1", "--manifolds", str(place / "manifolds"))
    data = ("--dataset", "mnist", "--data-root", str(place / "data"), "--manifold", "learned", "--manifold-train", "n")
    done = subprocess.run(
        [sys.executable, "-m", "study.launch", *run, *takes, *data, *SIZES, "--runs", str(place / "runs")],
        env={**os.environ, "RAY_TMPDIR": scratch, "RAY_AUTH_MODE": "disabled"},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return {"status": done.returncode, "out": done.stdout[-2000:], "err": done.stderr}


def nodes(scratch):
    """Counts the nodes that the cluster has."""
    code = "import ray; ray.init(address='auto', logging_level='ERROR'); print(sum(n['Alive'] for n in ray.nodes()))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RAY_ADDRESS": f"127.0.0.1:{PORT}", "RAY_TMPDIR": scratch, "RAY_AUTH_MODE": "disabled"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    counts = [int(line) for line in found.stdout.splitlines() if line.isdigit()]  # Ray says things there, too
    return counts[-1] if counts else 0


def main(folder):
    raise_loopback()
    place, said = Path(folder), {}
    (place / "manifolds").mkdir()
    write_vision(place / "data", "mnist")
    with tempfile.TemporaryDirectory(prefix="d", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        try:
            here = "--node-ip-address=127.0.0.1"
            node(1, scratch, "--head", f"--port={PORT}", here, "--include-dashboard=false")
            said["head"] = wait_for(lambda: answers(PORT))
            behind = (*BEHIND, str(place / "manifolds"))
            node(2, scratch, f"--address=127.0.0.1:{PORT}", here, inside=behind)
            said["joined"] = wait_for(lambda: nodes(scratch) == 2)
            said["two"] = driver(place, scratch)
            said["left"] = sorted(path.name for path in (place / "manifolds").iterdir())
            said["studies"] = sorted(path.name for path in (place / "runs").glob("*"))
            kill(2)
            said["alone"] = wait_for(lambda: nodes(scratch) == 1)
            said["one"] = driver(place, scratch)
        finally:
            kill(2)
            kill(1)
    sys.stdout.write(json.dumps(said) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])

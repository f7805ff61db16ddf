import json
import shutil
import subprocess
import sys

import pytest

from analysis import load
from tests.faults.killing import ends
from tests.faults.namespace import TRIALS

pytestmark = [pytest.mark.ray, pytest.mark.slow]
NAMESPACE = ["unshare", "--net", "--map-root-user"]


def namespaces():
    """Tells whether this user may make network namespaces."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not namespaces(), reason="two nodes need a network namespace of their own")
def test_a_study_goes_on_when_a_node_joins_late_and_is_killed(tmp_path):
    command = [*NAMESPACE, sys.executable, "-m", "tests.faults.namespace", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1400)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["head"], said["began"], said["joined"]) == (True, True, True), said
    assert said["status"] == 0, said
    assert said["before"] < TRIALS
    asked, ended = ends(tmp_path / "two-nodes")
    assert len(asked) == TRIALS
    assert set(asked.values()) == set(ended.values()) == {1}
    assert {row["state"] for row in load(tmp_path / "two-nodes").trials.to_pylist()} <= {
        "COMPLETE", "STOPPED", "INFEASIBLE"
    }  # fmt: skip

import json
import subprocess
import sys

import pytest

from tests.faults.hidden import FAR
from tests.faults.test_nodes import NAMESPACE, namespaces

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.mark.skipif(not namespaces(), reason="two nodes need a network namespace of their own")
def test_a_study_is_refused_where_a_node_does_not_see_the_manifolds_and_goes_on_without_that_node(tmp_path):
    command = [*NAMESPACE, sys.executable, "-m", "tests.faults.hidden", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1400)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["head"], said["joined"], said["alone"]) == (True, True, True), said
    refused = said["two"]
    _, told = refused["err"].splitlines()  # the first says that there is no token
    assert refused["status"] == 2, said
    assert f"{FAR} (127.0.0.1" in told
    assert told.count("127.0.0.1") == 1  # the node that sees it is not named
    assert f"{tmp_path}/manifolds" in told
    assert "--manifolds" in told
    assert "learning" not in refused["out"]
    assert (said["left"], said["studies"]) == ([], [])
    assert said["one"]["status"] == 0, said
    assert "learning the manifold of mnist" in said["one"]["out"]

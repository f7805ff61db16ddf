import os
import signal

import pytest

from tests.faults.killing import named, study
from tests.study.processes import Driver, ended, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.mark.parametrize("daemon", ["raylet", "gcs_server"])
def test_a_driver_whose_cluster_is_killed_ends_and_says_how_to_go_on(tmp_path, daemon):
    driver = Driver(*study(), "--runs", tmp_path, "--name", "cut")
    assert wait_for(lambda: ended(tmp_path / "cut", "asked") >= 2)

    for pid in named(driver, daemon):
        os.kill(pid, signal.SIGKILL)

    status, _, err = driver.finish()
    assert status == 1
    assert "--resume" in err
    assert driver.gone(within=30)

import pytest

from tests.faults.killing import study
from tests.study.processes import Driver


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """The study that nobody harmed."""
    runs = tmp_path_factory.mktemp("whole")
    assert Driver(*study(), "--runs", runs, "--name", "whole").finish()[0] == 0
    return runs / "whole"

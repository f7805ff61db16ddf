import pytest

from study.options import read_options
from study.resources import GIB, Override, Resources, fitting


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_a_trial_takes_a_processor_unless_one_says_otherwise():
    assert Resources().bundle() == {"CPU": 1}
    assert Resources().options() == {"num_cpus": 1, "num_gpus": 0.0, "memory": 0}
    assert Resources(cpus=2, gpus=0.5, memory_bytes=GIB).bundle() == {"CPU": 2, "GPU": 0.5, "memory": GIB}


@pytest.mark.parametrize(
    "wrong", [{"cpus": 0}, {"gpus": 1.5}, {"gpus": -1}, {"gpus": float("nan")}, {"memory_bytes": -1}]
)
def test_resources_are_ones_that_ray_can_keep_free(wrong):
    with pytest.raises(ValueError, match="a trial takes"):
        Resources(**wrong)


def test_what_one_asks_for_takes_the_place_of_what_was_measured():
    measured = Resources(cpus=2, memory_bytes=3 * GIB)

    assert Override().of(measured) == measured
    assert Override(cpus=4, memory_gib=0.5).of(measured) == Resources(cpus=4, memory_bytes=GIB // 2)
    assert Override(gpus=0.25).of(measured) == Resources(cpus=2, gpus=0.25, memory_bytes=3 * GIB)


def test_nothing_is_measured_where_all_is_given():
    assert Override(cpus=1, memory_gib=1).complete
    assert not Override(cpus=1).complete
    assert not Override(memory_gib=1).complete


@pytest.mark.parametrize(
    ("node", "times"),
    [
        ({"CPU": 7, "memory": 64 * GIB}, 3),
        ({"CPU": 64, "memory": 10 * GIB}, 2),
        ({"CPU": 1, "memory": 64 * GIB}, 0),
        ({"memory": 64 * GIB}, 0),
    ],
)
def test_what_a_node_has_least_of_decides_how_many_fit(node, times):
    assert fitting(node, Resources(cpus=2, memory_bytes=4 * GIB)) == times


def test_the_command_line_says_what_a_trial_takes():
    line = ["--cpus-per-trial", "2", "--gpus-per-trial", ".25", "--memory-per-trial", "1.5"]

    assert read_options(line).per_trial == Override(cpus=2, gpus=0.25, memory_gib=1.5)
    assert read_options([]).per_trial == Override()

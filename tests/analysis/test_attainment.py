import moocore
import numpy as np
import pytest
from numpy.typing import NDArray

from analysis.attainment import BAND, attained, difference, surface, vorobev
from analysis.pareto import hypervolume, nondominated
from tests.analysis.random_sets import SETS, attains, places, random_runs

Array = NDArray[np.float64]
# Two seeds, three places: both attain the upper right, each alone a strip.
ONE, OTHER = np.asarray([[0.2, 0.6], [0.6, 0.2]]), np.asarray([[0.4, 0.4]])


def labelled(runs: list[Array]) -> tuple[Array, NDArray[np.intp]]:
    return np.concatenate(runs), np.repeat(np.arange(len(runs)), [len(run) for run in runs])


def counted(runs: list[Array], corners: Array) -> NDArray[np.int_]:
    found: NDArray[np.int_] = np.sum([attains(run, corners) for run in runs], axis=0)
    return found


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_hypervolume_is_that_of_the_cells_and_of_moocore(objectives: int) -> None:
    reference = (1.0,) * objectives
    for runs in random_runs(objectives):
        points = np.concatenate(runs)
        corners, sizes = places(points)

        expected = float(sizes @ attains(points, corners))

        assert hypervolume(points, reference) == pytest.approx(expected, abs=1e-12)
        assert hypervolume(points, reference) == moocore.hypervolume(points, ref=list(reference))


@pytest.mark.parametrize("objectives", [2, 3])
def test_a_surface_bounds_the_places_that_enough_runs_attain(objectives: int) -> None:
    checked = 0
    for number, runs in enumerate(random_runs(objectives, seed=1)):
        part = (0.25, 0.5, 0.75, 1.0, 1 / len(runs))[number % 5]
        corners, _ = places(np.concatenate(runs), reference=2.0)
        counts = counted(runs, corners)

        border = surface(runs, part)

        enough = counts >= part * len(runs) - 1e-9
        assert np.array_equal(attains(border, corners), enough)
        assert np.array_equal(attained(runs, corners), counts / len(runs))
        assert nondominated(border).all()
        checked += len(corners)
    assert checked > 10 * SETS


@pytest.mark.parametrize("objectives", [2, 3])
def test_surfaces_are_those_of_moocore(objectives: int) -> None:
    for runs in random_runs(objectives, seed=2):
        found = moocore.eaf(*labelled(runs), percentiles=[100 * part for part in BAND])

        for part in BAND:
            expected = np.unique(found[found[:, -1] == 100 * part][:, :-1], axis=0)
            assert np.array_equal(surface(runs, part), expected)


@pytest.mark.parametrize("objectives", [2, 3])
def test_vorobevs_expectation_is_the_highest_surface_with_the_mean_volume(objectives: int) -> None:
    reference = (1.0,) * objectives
    for runs in random_runs(objectives, seed=3):
        corners, sizes = places(np.concatenate(runs))
        counts = counted(runs, corners)
        mean = float(sizes @ counts) / len(runs)
        volumes = {k: float(sizes @ (counts >= k)) for k in range(1, len(runs) + 1)}

        found = vorobev(runs, reference)

        assert round(found.part * len(runs)) == max(k for k, volume in volumes.items() if volume >= mean - 1e-9)
        assert (found.mean_volume, found.volume) == pytest.approx((mean, volumes[round(found.part * len(runs))]))
        inside = attains(found.surface, corners)
        apart = [sizes @ (attains(run, corners) ^ inside) for run in runs]
        assert found.deviation == pytest.approx(float(np.mean(apart)), abs=1e-9)


def test_vorobevs_deviation_is_that_of_moocore() -> None:
    for runs in random_runs(2, seed=4, sets=100):
        found = vorobev(runs, (1.0, 1.0))

        expected = moocore.vorob_dev(*labelled(runs), ref=[1.0, 1.0], ve=found.surface)
        assert found.deviation == pytest.approx(max(0.0, expected), abs=1e-9)


@pytest.mark.parametrize("objectives", [2, 3])
def test_the_difference_is_that_of_the_counts(objectives: int) -> None:
    pairs = zip(random_runs(objectives, seed=5), random_runs(objectives, seed=6), strict=True)
    for ours, theirs in pairs:
        corners, sizes = places(np.concatenate([*ours, *theirs]))
        expected = counted(ours, corners) / len(ours) - counted(theirs, corners) / len(theirs)

        found = difference(ours, theirs, (1.0,) * objectives)

        columns = zip(found.edges, corners.T, strict=True)
        cells = tuple(np.searchsorted(edges, column, side="right") - 1 for edges, column in columns)
        assert found.values[cells] == pytest.approx(expected)
        assert found.gain == pytest.approx(float(sizes @ expected.clip(0)), abs=1e-12)
        assert found.loss == pytest.approx(float(sizes @ (-expected).clip(0)), abs=1e-12)


def test_the_difference_is_that_of_moocore() -> None:
    rng = np.random.default_rng(7)
    for _ in range(100):
        sides = [[np.floor(rng.uniform(0, 5, (3, 2))) / 5 for _ in range(4)] for _ in range(2)]
        rows = [np.column_stack(labelled(side)) for side in sides]
        rectangles = moocore.eafdiff(*rows, intervals=4, rectangles=True)

        found = difference(sides[0], sides[1], (1.0, 1.0))

        for across, x in enumerate(found.edges[0][:-1]):
            for upward, y in enumerate(found.edges[1][:-1]):
                holds = (rectangles[:, :2] <= [x, y]).all(axis=1) & (rectangles[:, 2:4] > [x, y]).all(axis=1)
                expected = rectangles[holds, 4].sum() if holds.any() else 0
                assert found.values[across, upward] * 4 == pytest.approx(expected)


def test_surfaces_by_hand() -> None:
    runs = [ONE, OTHER]

    assert surface(runs, 0.5).tolist() == [[0.2, 0.6], [0.4, 0.4], [0.6, 0.2]]
    assert surface(runs, 1.0).tolist() == [[0.4, 0.6], [0.6, 0.4]]


def test_the_expectation_of_equal_runs_is_the_run() -> None:
    found = vorobev([ONE, ONE, ONE], (1.0, 1.0))

    assert found.surface.tolist() == ONE.tolist()
    assert (found.part, found.deviation) == (1.0, pytest.approx(0.0, abs=1e-12))


def test_gain_less_loss_is_the_difference_of_mean_volumes() -> None:
    found = difference([ONE], [OTHER], (1.0, 1.0))

    volumes = [hypervolume(run, (1.0, 1.0)) for run in (ONE, OTHER)]
    assert found.gain - found.loss == pytest.approx(volumes[0] - volumes[1])
    assert (found.gain, found.loss) == pytest.approx((0.2 * 0.4 * 2, 0.2 * 0.2))


def test_an_array_of_runs_is_a_list_of_them() -> None:
    values = np.random.default_rng(8).random((5, 4, 2))

    assert np.array_equal(surface(values), surface(list(values)))


NAN = [[0.1, float("nan")]]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: surface([ONE, NAN]), "without NaN"),
        (lambda: attained([ONE], NAN), "without NaN"),
        (lambda: vorobev([NAN], (1.0, 1.0)), "without NaN"),
        (lambda: difference([ONE], [NAN], (1.0, 1.0)), "without NaN"),
        (lambda: surface([]), "runs that have points"),
        (lambda: surface([ONE, []]), r"runs that have points; got runs of \[2, 0\] points"),
        (lambda: surface([ONE, [[0.1, 0.2, 0.3]]]), r"the same objectives; got \[2, 3\]"),
        (lambda: surface([[[0.1, 0.2, 0.3, 0.4]]]), "two or three objectives; got 4"),
        (lambda: surface([ONE], 0.0), r"in \(0, 1\]; got 0.0"),
        (lambda: surface([ONE], float("nan")), r"in \(0, 1\]; got nan"),
        (lambda: surface([0.1, 0.2]), r"a matrix; got the shape \(\)"),
        (lambda: attained([ONE], [[0.1, 0.2, 0.3]]), "got 3 for 2"),
        (lambda: difference([ONE], [OTHER], (1.0,)), "got 2, 2 and 1"),
        (lambda: vorobev([ONE], (1.0,)), "got 1 for 2"),
    ],
)
def test_what_has_no_attainment_is_refused_in_one_line(call: object, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        call()  # type: ignore[operator] # one of several functions
    assert "\n" not in str(caught.value)

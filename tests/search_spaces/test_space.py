import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.space import Choice, LogUniform, Simplex, Space, Uniform

SPACE = Space(
    name="toy",
    parameters={
        "kind": Choice(("a", "b", None)),
        "mix": Simplex(("base", "extra"), only=(("extra", ("kind", ("b",))),)),
        "rate": LogUniform(1e-4, 1e-1),
        "depth": Uniform(0.0, 1.0, when=("kind", ("b",))),
        "detail": Choice((1, 2), when=("depth", (0.5,))),
    },
    baselines=(("plain", {"kind": "a", "mix": {"base": 1.0}, "rate": 1e-2}),),
)


@given(st.integers(0, 2**32))
def test_every_sample_lies_inside(seed):
    assert SPACE.contains(SPACE.sample(np.random.default_rng(seed)))


def test_equal_generators_give_equal_samples():
    assert SPACE.sample(np.random.default_rng(3)) == SPACE.sample(np.random.default_rng(3))


def test_parameters_without_their_condition_are_absent():
    points = [SPACE.sample(np.random.default_rng(seed)) for seed in range(50)]

    assert {("depth" in point) == (point["kind"] == "b") for point in points} == {True}
    assert all(set(point["mix"]) == ({"base", "extra"} if point["kind"] == "b" else {"base"}) for point in points)


def test_log_uniform_samples_are_as_many_in_every_decade():
    rng = np.random.default_rng(0)

    decades = np.floor(np.log10([LogUniform(1e-3, 1).sample(rng) for _ in range(3000)]))

    assert np.unique(decades, return_counts=True)[1].min() > 850


def test_simplex_samples_are_uniform():
    rng = np.random.default_rng(0)
    names = ("a", "b", "c")

    firsts = [Simplex(names).sample(names, rng)["a"] for _ in range(4000)]

    # One part of three of a uniform simplex has the distribution Beta(1, 2): mean 1/3, P(x > 1/2) = 1/4.
    assert np.mean(firsts) == pytest.approx(1 / 3, abs=0.015)
    assert np.mean(np.array(firsts) > 0.5) == pytest.approx(1 / 4, abs=0.03)


@pytest.mark.parametrize(
    "point",
    [
        {"kind": "a", "mix": {"base": 1.0}},  # no rate
        {"kind": "a", "mix": {"base": 1.0}, "rate": 1.0},  # too high
        {"kind": "a", "mix": {"base": 1.0}, "rate": True},  # no number
        {"kind": "a", "mix": {"base": 0.9}, "rate": 1e-2},  # does not sum to 1
        {"kind": "a", "mix": {"base": 0.5, "extra": 0.5}, "rate": 1e-2},  # a part that is not there
        {"kind": "b", "mix": {"base": 1.0, "extra": 0.0}, "rate": 1e-2, "depth": 0.1},  # a part of nothing
        {"kind": "a", "mix": {"base": 1.0}, "rate": 1e-2, "depth": 0.1},  # no condition for depth
        {"kind": "c", "mix": {"base": 1.0}, "rate": 1e-2},  # unknown
    ],
)
def test_points_outside_are_told_apart(point):
    assert not SPACE.contains(point)


def test_choices_tell_numbers_of_different_types_apart():
    assert Choice((None, 0, 2)).contains(0)
    assert not Choice((None, 0, 2)).contains(0.0)
    assert not Choice((None, 0, 2)).contains(False)


def test_equal_spaces_have_equal_fingerprints_and_hashes():
    copy = pickle.loads(pickle.dumps(SPACE))

    assert (copy, hash(copy), copy.fingerprint()) == (SPACE, hash(SPACE), SPACE.fingerprint())


@pytest.mark.parametrize(
    "parameters",
    [
        {**SPACE.parameters, "rate": LogUniform(1e-4, 2e-1)},
        {**SPACE.parameters, "rate": Uniform(1e-4, 1e-1)},
        {**SPACE.parameters, "depth": Uniform(0.0, 1.0, when=("kind", ("b", None)))},
    ],
)
def test_a_changed_space_has_another_fingerprint(parameters):
    assert Space(name="toy", parameters=parameters, baselines=SPACE.baselines).fingerprint() != SPACE.fingerprint()


def test_baselines_count_in_the_fingerprint():
    assert Space(name="toy", parameters=SPACE.parameters).fingerprint() != SPACE.fingerprint()


def test_a_space_cannot_be_changed():
    with pytest.raises(TypeError):
        SPACE.parameters["rate"] = Uniform(0, 1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Uniform(1, 1), "low lies below high"),
        (lambda: Uniform(0, float("inf")), "finite"),
        (lambda: LogUniform(0, 1), "low above 0"),
        (lambda: Choice(()), "at least one"),
        (lambda: Choice((1, 1)), "distinct"),
        (lambda: Simplex(("a", "a")), "distinct"),
        (lambda: Simplex(("a",), only=(("a", ("x", (1,))),)), "always there"),
        (lambda: Space(name="x", parameters={"a": Uniform(0, 1, when=("b", (1,)))}), "before it"),
        (lambda: Space(name="x", parameters={}, baselines=(("far", {"a": 1}),)), "baselines lie inside"),
    ],
)
def test_nonsense_is_refused_at_birth(build, message):
    with pytest.raises(ValueError, match=message):
        build()

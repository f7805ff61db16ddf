import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_spaces.space import Choice, LogUniform
from search_spaces.tradeoff import BOXES, NAMES, PAPER_TRAVEL, tradeoff

BASELINES = {
    "known": ["Normal", "RegAdv", "OnTrue", "Reg+OnTrue", "RegAdv weak", "RandTrue"],
    "learned": ["Normal", "RegAdv", "OnLearned", "Reg+OnLearned", "RegAdv weak", "RandLearned"],
    "learned-agnostic": ["Normal", "RegAdv", "OnData", "Reg+OnData", "RegAdv weak", "RandData"],
    "affine": ["Normal", "RegAdv", "AdvTrans", "Reg+AdvTrans", "RegAdv weak", "DataAugm"],
}
FINGERPRINTS = {
    (5, "known"): "74149469f2aa336ef0c6abb18b4db4a22721748de5951dfa625dc7ad42dcf509",
    (10, "known"): "01c1b3b4b544f0b3eb631bb7231855e9de72bf0851961ce66b40d388bfac28c4",
    (20, "known"): "42676831d7b4e1f96294d01e24159746d1f7cc3847e1f0649687369ca5c7f4e2",
    (40, "known"): "208ed28db737f7d609bee0c8b7a8f03150744b5f59f7722028938180b3ba1331",
    (5, "affine"): "a2c348dce183c02f028162a19c15d8b649ef398236e3c0a3e1f1176f0b23550a",
    (10, "affine"): "c1b5c6491677d7b17a5acc11188dd363c70f3f8a655871c9d2d5cb21daf2322b",
    (20, "affine"): "4cb80c880fec1d7c727a54a07bcecb6ef080c1905ed55b5b295a1620b3245b86",
    (40, "affine"): "f909ea0ba9102d023548ee6340ca682d42cb11299414648f852def01cdec6681",
    (10, "learned"): "ffc062e2c2739d631d01c981c76a2422b20f9cf9b2c0bbc0bfadb9d07ab6fa55",
    (10, "learned-agnostic"): "ba09e0fd808ec69b87fc203ece9e7d5ac782a03bd097832d8bbaf405a165ec40",
}
EVERY_SPACE = pytest.mark.parametrize(("steps", "second"), FINGERPRINTS)


@EVERY_SPACE
def test_fingerprints_are_frozen(steps, second):
    """A change here is a change of the space: studies begun before cannot be resumed after it."""
    assert tradeoff(steps, second).fingerprint() == FINGERPRINTS[steps, second]


@EVERY_SPACE
def test_baselines_come_in_the_promised_order_and_lie_inside(steps, second):
    space = tradeoff(steps, second)

    assert [label for label, _ in space.baselines] == BASELINES[second]
    assert all(space.contains(point) for _, point in space.baselines)


@EVERY_SPACE
def test_the_papers_step_lies_inside(steps, second):
    for threat in ("pixel", "affine" if second == "affine" else "manifold"):
        domain = tradeoff(steps, second).parameters[f"{threat}.step_size"]
        assert isinstance(domain, LogUniform)
        assert domain.contains(PAPER_TRAVEL / steps)


@EVERY_SPACE
def test_only_the_names_tell_the_two_spaces_apart(steps, second):
    renamed = {name.replace("affine", "manifold") for name in tradeoff(steps, second).parameters}

    assert renamed == set(tradeoff(steps).parameters)


def test_random_starting_points_have_neither_step_size_nor_slack():
    (rand_true,) = (point for label, point in tradeoff(10).baselines if label == "RandTrue")

    assert rand_true["manifold.steps"] == 0
    assert not {"manifold.step_size", "manifold.slack"} & set(rand_true)


def test_a_limit_that_no_fused_step_is_made_for_is_refused():
    with pytest.raises(ValueError, match="one of"):
        tradeoff(7)


# -- several kinds -----------------------------------------------------------------------------------------------------

KINDS = st.lists(st.sampled_from(list(NAMES)), min_size=2, max_size=4, unique=True)


@given(KINDS, st.integers(0, 2**32))
def test_a_point_has_a_kind_where_it_has_a_second_adversary_and_a_box_where_that_is_learned(kinds, seed):
    space = tradeoff(10, *kinds)
    point = space.sample(np.random.default_rng(seed))

    assert space.contains(point)
    assert ("kind" in point) == ("manifold" in point["threats"])
    assert ("box" in point) == point.get("kind", "").startswith("learned")
    assert point.get("kind", kinds[0]) in kinds
    assert point.get("box", "minmax") in BOXES


def test_every_kind_and_every_box_comes_up():
    space, rng = tradeoff(10, "affine", "learned", "learned-agnostic"), np.random.default_rng(0)

    found = {(point["kind"], point.get("box")) for point in (space.sample(rng) for _ in range(300)) if "kind" in point}

    assert found == {("affine", None)} | {(kind, box) for kind in ("learned", "learned-agnostic") for box in BOXES}


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "known"},  # not of this space
        {"kind": "affine"},  # and has no box
        {"box": None},
        {"box": "3.0"},
    ],
)
def test_points_with_another_kind_or_box_lie_outside(change):
    space = tradeoff(10, "learned", "affine")
    point = dict(space.baselines)["OnLearned"]

    assert space.contains(point)
    assert not space.contains(point | change)
    assert not space.contains({name: value for name, value in point.items() if name not in change})


def test_a_trial_that_has_no_second_adversary_has_no_kind():
    space = tradeoff(10, "known", "affine")

    assert not space.contains(dict(space.baselines)["RegAdv"] | {"kind": "known"})


def renamed(point):
    """Returns a point of one kind's space by the names that its parameters have where there are several."""
    return json.loads(json.dumps(point).replace("affine", "manifold"))


@pytest.mark.parametrize("kinds", [("known", "affine"), ("learned", "affine"), ("affine", "learned-agnostic")])
def test_baselines_of_several_kinds_are_those_of_the_first(kinds):
    several, alone = tradeoff(10, *kinds), tradeoff(10, kinds[0])

    assert [label for label, _ in several.baselines] == BASELINES[kinds[0]]
    for (_, point), (_, single) in zip(several.baselines, alone.baselines, strict=True):
        chosen = {name: point[name] for name in ("kind", "box") if name in point}
        box = {"box": "minmax"} if kinds[0].startswith("learned") else {}
        assert {name: value for name, value in point.items() if name not in chosen} == renamed(single)
        assert chosen == ({"kind": kinds[0], **box} if "manifold" in point["threats"] else {})


def test_baselines_move_in_the_box_that_is_measured_in():
    space = tradeoff(10, "learned", "affine", box="2.0")

    assert {point["box"] for _, point in space.baselines if "kind" in point} == {"2.0"}


def test_a_box_is_no_part_of_the_space_of_one_kind():
    assert tradeoff(10, "learned", box="2.0") == tradeoff(10, "learned")


def test_the_list_of_kinds_and_its_order_are_the_space():
    lists = [("known",), ("known", "affine"), ("affine", "known"), ("known", "affine", "learned")]

    assert len({tradeoff(10, *kinds).fingerprint() for kinds in lists}) == len(lists)


def test_all_else_is_as_in_the_space_of_one_kind():
    several, alone = tradeoff(10, "known", "affine"), tradeoff(10, "known")

    kind = several.parameters["kind"]
    assert isinstance(kind, Choice)
    assert kind.values == ("known", "affine")
    assert {name: value for name, value in several.parameters.items() if name != "kind"} == dict(alone.parameters)


def test_a_kind_that_is_named_twice_is_refused():
    with pytest.raises(ValueError, match="named once"):
        tradeoff(10, "known", "affine", "known")

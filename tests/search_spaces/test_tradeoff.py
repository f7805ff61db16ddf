import pytest

from search_spaces.space import LogUniform
from search_spaces.tradeoff import PAPER_TRAVEL, tradeoff

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

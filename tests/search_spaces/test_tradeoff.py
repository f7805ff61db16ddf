import pytest

from search_spaces.space import LogUniform
from search_spaces.tradeoff import PAPER_TRAVEL, STEP_LIMITS, tradeoff

BASELINES = ["Normal", "RegAdv", "OnTrue", "Reg+OnTrue", "RegAdv weak", "RandTrue"]
FINGERPRINTS = {
    5: "2079b118bc51fb487cad80cbc7e07a60df58c52e79e0bc31563c138fb70ad6db",
    10: "9f401f4cf188f95d6abf2b348a040852b743d8c19f97cbc02ab87ef6cf30fe0b",
    20: "2b885bb8f483271a3312450e6b35820f387fb6df5dab77e333dde1dac9523032",
    40: "1516da25ebd794b68cd507756b135e4c984e18ba6b1ffcfbefe286d13d303b9c",
}


@pytest.mark.parametrize("steps", STEP_LIMITS)
def test_fingerprints_are_frozen(steps):
    """A change here is a change of the space: studies begun before cannot be resumed after it."""
    assert tradeoff(steps).fingerprint() == FINGERPRINTS[steps]


@pytest.mark.parametrize("steps", STEP_LIMITS)
def test_baselines_come_in_the_promised_order_and_lie_inside(steps):
    space = tradeoff(steps)

    assert [label for label, _ in space.baselines] == BASELINES
    assert all(space.contains(point) for _, point in space.baselines)


@pytest.mark.parametrize("steps", STEP_LIMITS)
def test_the_papers_step_lies_inside(steps):
    for threat in ("pixel", "manifold"):
        domain = tradeoff(steps).parameters[f"{threat}.step_size"]
        assert isinstance(domain, LogUniform)
        assert domain.contains(PAPER_TRAVEL / steps)


def test_random_starting_points_have_neither_step_size_nor_slack():
    (rand_true,) = (point for label, point in tradeoff(10).baselines if label == "RandTrue")

    assert rand_true["manifold.steps"] == 0
    assert not {"manifold.step_size", "manifold.slack"} & set(rand_true)


def test_a_limit_that_no_fused_step_is_made_for_is_refused():
    with pytest.raises(ValueError, match="one of"):
        tradeoff(7)

"""Attacks beyond the ensemble: what they do by themselves, against twins."""

from dataclasses import replace

import pytest
import torch

from study.evaluation_options import ALSO
from tests.trainables.evaluation.test_ensemble import EXAMPLES, SHORT, setting
from trainables.attacks.carlini_wagner import smallest
from trainables.attacks.objectives import margin
from trainables.evaluation.ensemble import worst_case
from trainables.evaluation.errors import raising
from trainables.evaluation.further import FURTHER, further
from trainables.seeding import stream

RADII = [0.2, 0.5, 1.0]


def test_names_on_the_command_line_are_those_that_are_made() -> None:
    assert list(FURTHER) == list(ALSO)
    assert [member.name for member in further(ALSO, SHORT)] == list(ALSO)


def test_who_is_as_near_as_a_radius_is_lost_there_and_looked_at_once() -> None:
    here, (member,) = setting("l2"), further(["carlini-wagner"], replace(SHORT, steps=60))
    everyone = torch.arange(EXAMPLES)
    ball = here.threat(everyone, torch.tensor(1.0))
    twin = smallest(member.settings, raising(margin)(here.subject, everyone, ball), ball)

    masks, lines = worst_case(here.subject, [member], here.threat, RADII, here.clean, stream(0, "n"), name="pixel")

    for radius, mask in zip(RADII, masks, strict=True):
        assert torch.equal(mask, here.clean | (twin.distance <= radius))
    assert masks[0].sum() < masks[-1].sum()
    assert [line.forward_passes > 0 for line in lines] == [True, False, False]
    assert lines[0].gradient_evaluations == int(twin.looks[~here.clean].sum())


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_ratio_without_a_target_breaks_some(norm) -> None:
    here = setting(norm)

    (mask,), (line,) = worst_case(
        here.subject, further(["apgd-dlr"], SHORT), here.threat, [RADII[0]], here.clean, stream(0, "n"), name="pixel"
    )

    assert mask.sum() > here.clean.sum()
    assert (line.attack, line.white_box) == ("apgd-dlr", True)

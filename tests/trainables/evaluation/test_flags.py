"""Every check on numbers made by hand: silent where all is well, silent at its threshold, and loud beyond it."""

from dataclasses import replace
from typing import Any

import pytest

from trainables.evaluation import flags
from trainables.evaluation.curve import Curve
from trainables.evaluation.flags import Flag, Steps, of_attacks, of_manifold, of_model
from trainables.evaluation.inspection import Inspection

WELL = Inspection(
    images=64,
    classes=10,
    correct=50,
    not_finite=0.0,
    probabilities=0.0,
    unrepeatable=0.0,
    dependent=1e-6,
    flat=0.0,
    broken=0.0,
    blind=0.0,
    error=0.2,
    noisy_error=0.22,
    commonest=0.15,
    chance=0.9,
    scatter=0.01,
)
CURVE = Curve(
    radii=(0.0, 0.1, 0.2, 0.3, 0.45, 0.7, 1.0),
    whole=1.0,
    worst=(0.2, 0.3, 0.5, 0.8, 0.97, 1.0, 1.0),
    white_box=(0.2, 0.3, 0.5, 0.8, 0.96, 0.98, 1.0),
    black_box=(0.2, 0.25, 0.4, 0.7, 0.9, 0.98, 1.0),
    paper=(0.2, 0.2, 0.3, 0.4, 0.4, 0.4, 0.4),
)
STEPS = Steps(0.2, 10, 0.3, 100, 0.5)


def names(found: list[Flag]) -> list[str]:
    return [flag.name for flag in found]


def test_all_is_well() -> None:
    assert of_model(WELL, 0.2) == []
    assert of_attacks(CURVE, 100, STEPS) == []
    assert of_attacks(CURVE, 100, None) == []
    assert of_manifold("manifold", 0.2, CURVE, 0.3, 100) == []


@pytest.mark.parametrize(
    ("name", "field", "at", "beyond"),
    [
        ("logits_not_finite", "not_finite", 0.0, 1 / 64),
        ("logits_are_probabilities", "probabilities", flags.PROBABILITIES, 0.6),
        ("randomised_predictions", "unrepeatable", flags.REPEATABLE, 0.002),
        ("batch_dependent", "dependent", flags.REPEATABLE, 0.002),
        ("zero_gradients", "flat", flags.FEW, 0.12),
        ("gradients_not_finite", "broken", 0.0, 1 / 64),
        ("blind_cross_entropy", "blind", flags.FEW, 0.12),
        ("noise_breaks_it", "noisy_error", 0.3, 0.33),
        ("chance_level", "commonest", 0.98, 1.0),
    ],
)
def test_a_check_of_the_model_speaks_beyond_its_threshold(name: str, field: str, at: float, beyond: float) -> None:
    assert of_model(replace(WELL, **{field: at}), 0.2) == []
    assert names(of_model(replace(WELL, **{field: beyond}), 0.2)) == [name]


def test_an_error_at_chance_is_a_collapse() -> None:
    assert names(of_model(WELL, 0.9)) == ["chance_level"]
    assert names(of_model(WELL, 0.885)) == ["chance_level"]  # luck
    assert of_model(WELL, 0.875) == []


def test_random_predictions_are_not_taken_for_batch_statistics() -> None:
    assert names(of_model(replace(WELL, unrepeatable=0.1, dependent=0.1), 0.2)) == ["randomised_predictions"]


def changed(**parts: Any) -> Curve:
    return replace(CURVE, **parts)


def test_a_black_box_that_is_ahead_is_noticed() -> None:
    ahead = changed(black_box=(0.2, 0.36, *CURVE.black_box[2:]))

    (flag,) = of_attacks(ahead, 100, None)
    assert flag.name == "black_box_beats_white_box"
    assert "radius 0.1" in flag.evidence
    assert of_attacks(changed(black_box=(0.2, 0.345, *CURVE.black_box[2:])), 100, None) == []
    assert of_attacks(ahead, 30, None) == []  # two examples


def test_a_level_curve_is_noticed_where_much_may_be_changed() -> None:
    level = changed(white_box=(0.2, 0.3, 0.5, 0.8, 0.805, 0.98, 1.0))
    early = changed(white_box=(0.2, 0.3, 0.3, 0.8, 0.96, 0.98, 1.0))
    above = changed(white_box=(0.2, 0.3, 0.5, 0.96, 0.96, 0.98, 1.0))

    assert "radius_does_not_help" in names(of_attacks(level, 100, None))
    assert "radius_does_not_help" not in names(of_attacks(early, 100, None))
    assert of_attacks(above, 100, None) == []


def test_a_curve_is_level_only_over_half_of_the_radius_more() -> None:
    near = changed(
        radii=(0.0, 0.1, 0.2, 0.3, 0.4, 0.6, 1.0),
        white_box=(0.2, 0.3, 0.5, 0.8, 0.8, 0.9, 1.0),  # robust up to what it was trained at
    )

    assert "radius_does_not_help" not in names(of_attacks(near, 100, None))


def test_few_examples_that_are_left_say_nothing() -> None:
    errors = (0.2, 0.3, 0.5, 0.8, 0.805, 0.98, 1.0)
    level = changed(white_box=errors, black_box=errors)
    short = changed(worst=(*CURVE.worst[:-1], 0.95))
    steps = Steps(0.2, 10, 0.8, 100, 0.8)

    assert of_attacks(level, 40, None) == []  # eight
    assert of_attacks(short, 40, None) == []  # two
    assert of_attacks(CURVE, 40, steps) == []  # eight
    assert names(of_attacks(CURVE, 100, steps)) == ["steps_do_not_help"]


def test_a_doubt_about_a_manifold_is_its_own() -> None:
    ahead = changed(black_box=(0.2, 0.36, *CURVE.black_box[2:]))

    assert [flag.threat for flag in of_manifold("affine", 0.2, ahead, 0.3, 100)] == ["affine"]
    assert [flag.threat for flag in of_attacks(ahead, 100, None)] == ["pixel"]


def test_an_error_that_does_not_come_to_one_is_noticed_where_all_may_be_changed() -> None:
    short = changed(worst=(*CURVE.worst[:-1], 0.96))

    assert names(of_attacks(short, 100, None)) == ["error_below_one"]
    assert of_attacks(replace(short, whole=2.0), 100, None) == []  # there was no need to go so far


def test_steps_that_gain_nothing_are_noticed_where_there_is_room() -> None:
    assert names(of_attacks(CURVE, 100, Steps(0.2, 10, 0.3, 100, 0.31))) == ["steps_do_not_help"]
    assert of_attacks(CURVE, 100, Steps(0.2, 10, 0.96, 100, 0.96)) == []


@pytest.mark.parametrize(("rendered", "gap"), [(0.05, True), (0.2, False), (0.4, False)])
def test_a_manifold_may_change_less_than_the_adversary(rendered: float, gap: bool) -> None:
    """On-manifold error .1: reconstructions on which the error falls from .2 to .05 tell more of the manifold."""
    on = Curve(
        radii=(0.0, 0.3),
        whole=1.0,
        worst=(rendered, max(rendered, 0.1)),
        white_box=(rendered, max(rendered, 0.1)),
        black_box=(rendered, rendered),
        paper=(rendered, rendered),
    )
    assert names(of_manifold("manifold", 0.2, on, 0.3, 100)) == (["reconstruction_gap"] if gap else [])


def test_evidence_is_a_sentence_with_a_number() -> None:
    worst = replace(
        WELL, not_finite=1.0, probabilities=1.0, unrepeatable=0.3, flat=1.0, broken=1.0, blind=1.0, noisy_error=1.0
    )
    for flag in of_model(worst, 0.95):
        assert any(letter.isdigit() for letter in flag.evidence)
        assert not flag.evidence.endswith(".")

"""AutoAttack's attacks as members: what they find is counted and contained; without the package all else works."""

import sys
from dataclasses import replace

import pytest
import torch

from tests.trainables.evaluation.zoo import ATTACKED, LOADED, TEST, THREATS, TINY, foreigner, honest
from trainables.evaluation.autoattack import Foreign, contained, counted, installed, standard_set
from trainables.evaluation.ensemble import white_box, worst_case
from trainables.evaluation.measure import pixel_threats
from trainables.evaluation.questions import alone
from trainables.evaluation.strong import evaluating
from trainables.geometry import NORMS
from trainables.seeding import stream

needs_package = pytest.mark.skipif(installed() is None, reason="pyautoattack is not installed (the extra `eval`)")
FEW = 8
RADII = {"linf": 0.04, "l2": 0.5}


def test_a_counted_function_is_the_models_and_counts_every_pass() -> None:
    subject = honest("Normal", "linf")
    images, function = TEST.images(torch.arange(6)), counted(subject)

    with torch.no_grad():
        assert torch.equal(function(images), subject.classifier.logits(subject.folded, images))
    assert (subject.tally.forward_passes, subject.tally.gradient_evaluations) == (6, 0)
    asked = images.clone().requires_grad_()
    logits = function(asked)
    for label in range(3):  # as who wants the gradients of several classes goes back several times
        torch.autograd.grad(logits[:, label].sum(), asked, retain_graph=True)
    assert (subject.tally.forward_passes, subject.tally.gradient_evaluations) == (12, 18)


def test_global_state_is_left_as_it_was() -> None:
    before, tracing = torch.get_rng_state(), sys.gettrace()
    with contained():
        torch.rand(3)
        sys.settrace(None)

    assert torch.equal(torch.get_rng_state(), before)
    assert sys.gettrace() is tracing


def test_without_the_package_nothing_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyautoattack", None)

    with pytest.raises(ModuleNotFoundError, match="pyautoattack"):
        standard_set(10)


@needs_package
@pytest.mark.slow
@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_its_attacks_find_what_ours_find_and_are_counted(norm: str) -> None:
    subject, threat = honest("Normal", "linf"), pixel_threats(TEST, NORMS[norm])
    clean = subject.unperturbed(threat, torch.arange(FEW))
    entropy, _, fab, _ = standard_set(10)
    assert isinstance(fab, Foreign)
    members = (entropy, replace(fab, targets=2))
    ours, theirs = (
        worst_case(subject, attacks, threat, [RADII[norm]], clean, stream(0, "n"), name="pixel")
        for attacks in (white_box(TINY, 10), members)
    )
    (found,), lines = theirs

    assert clean.sum() < found.sum()
    assert (ours[0][0] & ~found).sum() <= 1
    assert [line.attack for line in lines] == ["pyautoattack, apgd-ce", "pyautoattack, fab-t"]
    assert lines[0].gradient_evaluations == 101 * lines[0].attacked  # a hundred steps, and nobody leaves
    assert all(line.forward_passes > line.gradient_evaluations >= 0 for line in lines)


@needs_package
def test_a_model_of_few_classes_is_spared_what_it_has_no_classes_for() -> None:
    assert [member.starts for member in standard_set(10)] == [1, 9, 9, 1]
    assert [member.starts for member in standard_set(2)] == [1, 1, 1]


def test_further_attacks_are_made_on_the_image_alone() -> None:
    subject = foreigner(lambda images: images.flatten(1)[:, 300:310])
    further = white_box(TINY, 10)[:1]

    found = alone(
        evaluating(subject, LOADED.manifolds, THREATS["linf"], TINY, 0, attacked=ATTACKED // 6, further=further)
    )

    made = [(line.threat, line.attack) for line in found.ledger if line.attack == "apgd-ce"]
    times = {name: sum(threat == name for threat, _ in made) for name in ("pixel", "manifold")}
    radii = {name: len(found.threats[name].curve.radii) - 1 for name in ("pixel", "manifold")}
    assert times == {"pixel": 2 * radii["pixel"], "manifold": radii["manifold"]}

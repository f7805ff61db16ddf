"""The whole evaluation: honest networks raise no flag, every broken one raises its own."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from tests.trainables.elsewhere import elsewhere
from tests.trainables.evaluation.zoo import (
    ATTACKED,
    BROKEN,
    LOADED,
    SEEN_BY_ATTACKS,
    TEST,
    THREATS,
    TINY,
    foreigner,
    honest,
    logits,
    network,
    stochastic,
)
from trainables.classifiers.foreign import Function
from trainables.config import NormName
from trainables.evaluation.asked import Subject
from trainables.evaluation.ensemble import Strength
from trainables.evaluation.flags import of_model
from trainables.evaluation.inspection import inspect, repeat_difference
from trainables.evaluation.quality import Network
from trainables.evaluation.questions import alone
from trainables.evaluation.strong import FRACTIONS, Evaluation, evaluating
from trainables.evaluation.tally import Tally


def evaluated(
    subject: Subject, norm: NormName = "linf", *, attacked: int = ATTACKED, surrogates: tuple[Network, ...] = ()
) -> Evaluation:
    return alone(evaluating(subject, {}, THREATS[norm], TINY, 0, attacked=attacked, surrogates=surrogates))


@cache
def known(strategy: str, norm: NormName) -> Evaluation:
    return evaluated(honest(strategy, norm), norm)


def names(found: Evaluation) -> set[str]:
    return {flag.name for flag in found.flags}


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("strategy", ["Normal", "RegAdv", pytest.param("OnTrue", marks=pytest.mark.slow)])
def test_an_honest_network_raises_no_flag(strategy: str, norm: NormName) -> None:
    found = known(strategy, norm)

    assert found.flags == ()
    assert found.error < 0.5


def looked_at(function: Function) -> set[str]:
    """Returns the flags of a model that nobody has attacked."""
    subject = foreigner(function)
    seen = inspect(subject, 0, unrepeatable=repeat_difference(subject))
    return {flag.name for flag in of_model(seen, subject.error())}


@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind not in SEEN_BY_ATTACKS])
def test_a_broken_model_raises_its_flag_before_it_is_attacked(kind: str) -> None:
    function, flag = BROKEN[kind]

    assert flag in looked_at(function)


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=[] if kind in SEEN_BY_ATTACKS else pytest.mark.slow) for kind in BROKEN],
)
def test_a_broken_model_raises_its_flag(kind: str) -> None:
    function, flag = BROKEN[kind]
    found = evaluated(foreigner(function))

    assert flag in names(found), f"{kind}: {found.flags}"
    assert all(raised.evidence for raised in found.flags)


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("strategy", ["Normal", "RegAdv", "OnTrue"])
def test_an_honest_network_raises_no_flag_on_manifolds_either(strategy: str, norm: NormName) -> None:
    strength = replace(TINY, steps=20, queries=200)
    surrogates = (network(seed=1),)
    found = alone(
        evaluating(
            honest(strategy, norm), LOADED.manifolds, THREATS[norm], strength, 0, attacked=100, surrogates=surrogates
        )
    )

    assert found.flags == ()
    assert set(found.threats) == {"pixel", "manifold", "affine"}
    assert found.threats["affine"].success_rate is None
    assert found.threats["manifold"].success_rate is not None


def test_curves_rise_from_the_clean_error_to_one() -> None:
    subject = honest("RegAdv", "linf")
    found = known("RegAdv", "linf")
    curve = found.threats["pixel"].curve
    rows = torch.arange(ATTACKED)
    clean = subject.wrong(rows, subject.split.images(rows)).double().mean().item()

    assert curve.radii[0] == 0
    assert list(curve.radii) == sorted(set(curve.radii))
    for kind in ("worst", "white_box", "black_box", "paper"):
        errors = getattr(curve, kind)
        assert errors[0] == clean
        assert list(errors) == sorted(errors)
        assert max(errors) <= curve.worst[-1] == 1


def test_numbers_are_those_of_the_curve() -> None:
    under = known("RegAdv", "linf").threats["pixel"]
    epsilon = THREATS["linf"].epsilon

    assert under.radius == epsilon
    assert under.error == under.curve.at(epsilon)
    assert under.mean_error == pytest.approx(sum(under.curve.at(part * epsilon) for part in FRACTIONS) / 4)
    assert under.error >= max(under.white_box_error, under.black_box_error)
    assert under.mean_error <= under.error


def test_equal_seeds_find_the_same() -> None:
    first, second = known("Normal", "linf"), evaluated(honest("Normal", "linf"))

    assert first.threats == second.threats
    assert [line[:-1] for line in first.ledger] == [line[:-1] for line in second.ledger]


class Counted:
    """Counts the images that go through a model, and those whose gradient comes back."""

    def __init__(self) -> None:
        self.forward = self.backward = 0

    def __call__(self, images: Tensor) -> Tensor:
        self.forward += len(images)
        found = self.model(images)
        if found.requires_grad:
            found.register_hook(self._came_back)
        return found

    def model(self, images: Tensor) -> Tensor:
        return logits(images)

    def _came_back(self, gradient: Tensor) -> None:
        self.backward += len(gradient)


class CountedNoise(Counted):
    def model(self, images: Tensor) -> Tensor:
        return stochastic(images)


@pytest.mark.parametrize("counted", [Counted, CountedNoise])
def test_the_ledger_adds_up_to_what_went_through_the_model(counted: type[Counted]) -> None:
    asked = counted()
    subject = foreigner(asked)
    brief = Strength(steps=3, targets=1, queries=5, attempts=2, passes=3)
    found = alone(evaluating(subject, {}, THREATS["linf"], brief, 0, attacked=10, surrogates=[network(seed=1)]))
    cost = found.to_dict()["cost"]

    assert cost["forward_passes"] == subject.tally.forward_passes == asked.forward
    assert cost["gradient_evaluations"] == subject.tally.gradient_evaluations == asked.backward
    assert found.passes == (1 if counted is Counted else brief.passes)
    assert subject.tally.passes == 1


@pytest.mark.slow
def test_a_model_that_lies_elsewhere_is_found_the_same() -> None:
    """All attacks on images and codes, and all checks of a model, to the last bit: what computes is the host."""
    model, other, known = network(), network(seed=1), {"manifold": LOADED.manifolds["manifold"]}
    brief = Strength(steps=2, targets=1, queries=4, attempts=1, passes=2)

    def found(device: torch.device) -> Evaluation:
        own = Network(classifier=model.classifier, folded=model.folded).to(device)
        subject = Subject(classifier=own.classifier, folded=own.folded, split=TEST, tally=Tally())
        return alone(evaluating(subject, known, THREATS["linf"], brief, 0, attacked=10, surrogates=[other.to(device)]))

    with elsewhere() as device:
        there = found(device)
    here = found(torch.device("cpu"))

    assert (there.error, there.threats, there.flags) == (here.error, here.threats, here.flags)
    assert [line[:-1] for line in there.ledger] == [line[:-1] for line in here.ledger]


def test_images_of_another_network_are_a_black_box() -> None:
    """The network itself, detached, cannot be attacked by its gradients; a twin of it gives these away."""
    blind = replace(TINY, queries=1)
    subject = foreigner(lambda images: logits(images.detach()))
    found = alone(evaluating(subject, {}, THREATS["linf"], blind, 0, attacked=ATTACKED, surrogates=[network()]))
    lines = [line for line in found.ledger if line.attack == "transfer"]

    assert sum(line.lost for line in lines) > ATTACKED / 4
    assert all(line.forward_passes == line.attacked for line in lines)
    assert "black_box_beats_white_box" in names(found)


def test_more_examples_than_there_are_are_refused() -> None:
    with pytest.raises(ValueError, match="attacked are 1 to 200"):
        evaluated(honest("Normal", "linf"), attacked=201)

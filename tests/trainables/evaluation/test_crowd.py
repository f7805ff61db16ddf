"""Several models that are asked together answer what each answers alone."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from trainables.attacks.attack import look
from trainables.attacks.objectives import cross_entropy
from trainables.classifiers import build
from trainables.config import ARCHITECTURES, Architecture, DataConfig, EvaluationConfig, ThreatModel
from trainables.data.split import Split
from trainables.evaluation.asked import Subject, crowd
from trainables.evaluation.measure import UnderAttack, pixel_threats
from trainables.evaluation.questions import Question, together
from trainables.evaluation.tally import Tally
from trainables.geometry import NORMS
from trainables.provision import load_data
from trainables.seeding import stream
from trainables.training.questions import Attacks, of_attacks, of_error

LOADED = load_data(DataConfig(n_train=20, n_validation=60, n_test=20))
SPLIT = LOADED.splits.validation
EVALUATION = EvaluationConfig(n_attacked=20, steps=4, restarts=2, radii=(0.1, 0.5, 1.0), paper_attempts=2)
ATTACKS = Attacks(LOADED.manifolds, ThreatModel(epsilon=0.1), EVALUATION, 0)


def subject(architecture: Architecture, seed: int, dtype: torch.dtype = torch.float64) -> Subject:
    classifier = build(architecture, LOADED.splits.image_shape, LOADED.splits.classes, 1 / 16)
    params, buffers = classifier.initialise(stream(seed, "weights"), dtype)
    return Subject(classifier=classifier, folded=classifier.fold(params, buffers), split=SPLIT, tally=Tally())


def question(subject: Subject, attacks: Attacks | None) -> Question:
    return of_attacks(subject, attacks) if attacks else of_error(subject)


def answered(subjects: Sequence[Subject], attacks: Attacks | None) -> tuple[list[Any], list[Tally]]:
    asked = [replace(each, tally=Tally()) for each in subjects]
    return together([question(each, attacks) for each in asked], 4), [each.tally for each in asked]


@pytest.mark.parametrize(
    ("architecture", "chunk"),
    [("mlp", 500), ("mlp", 8), *(pytest.param(name, 8, marks=pytest.mark.slow) for name in ("conv", "vit"))],
)
def test_errors_and_costs_are_those_of_each_alone(
    architecture: Architecture, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under attacks that examples of each leave at different times, in many calls and in few."""
    monkeypatch.setattr("trainables.evaluation.asked.CHUNK", chunk)
    subjects = [subject(architecture, seed) for seed in range(3)]
    nearer = ATTACKS._replace(threat_model=ThreatModel(epsilon=0.02, eta=0.01))

    for attacks in (None, nearer):
        found, costs = answered(subjects, attacks)
        alone = [replace(each, tally=Tally()) for each in subjects]
        assert found == [question(each, attacks).answer() for each in alone]
        assert costs == [each.tally for each in alone]
    assert len(set(map(str, found))) > 1, "all are alike: hardly anything is tested"


class NoA(Split):
    """Nine letters, and none of the first class."""

    labels = SPLIT.labels[1:10]

    def images(self, indices: Tensor) -> Tensor:
        return SPLIT.images(indices + 1)


def test_who_errs_everywhere_has_no_success_rate_and_the_others_have_theirs() -> None:
    blind, other = (replace(subject("mlp", seed), split=NoA()) for seed in (0, 2))
    blind.folded["logits.weight"].zero_()  # all is of the first class
    attacks = ATTACKS._replace(manifolds={}, evaluation=replace(EVALUATION, n_attacked=9))

    (none, some), _ = answered([blind, other], attacks)

    assert isinstance(none, UnderAttack)
    assert isinstance(some, UnderAttack)
    assert (none.success_rate, none.robust_error) == (None, 1)
    assert some.success_rate is not None


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_is_seen_is_the_same_to_the_last_bit_whoever_is_beside(architecture: Architecture) -> None:
    """Neighbours are others, in other places, none, or one whose logits are not finite."""
    one, two, three = (subject(architecture, seed, torch.float32) for seed in range(3))
    wild = replace(three, folded={name: torch.full_like(values, 1e30) for name, values in three.folded.items()})

    def seen(*models: Subject) -> list[Tensor]:
        place = models.index(one)
        asked = crowd(models, 4, 30)
        every = asked.first(30).reshape(-1, 30)
        indices = torch.cat([every[place, :20], every[:place, :9].flatten(), every[place + 1 :, :11].flatten()])
        images = asked.images(indices)
        threat = pixel_threats(SPLIT, NORMS["linf"])(asked.own(indices), torch.tensor(0.1))
        found = look(asked.raised(cross_entropy, indices), threat, torch.zeros_like(images), climbs=True, alone=True)
        assert found.gradient is not None
        return [asked.predicted(indices, images)[:20], found.loss[:20], found.gradient[:20]]

    expected = seen(one, two)
    assert all(values.isfinite().all() for values in expected)
    for beside in ((one,), (two, one, three), (one, wild), (wild, two, three, one)):
        for values, others in zip(seen(*beside), expected, strict=True):
            assert torch.equal(values, others)

"""Errors under attack, against a brute-force twin and hand-made models whose answers are known."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from trainables.attacks.attack import search
from trainables.attacks.gradient import ATTACKS
from trainables.attacks.objectives import cross_entropy
from trainables.classifiers import build
from trainables.classifiers.classifier import Blueprint, Classifier
from trainables.config import DataConfig, EvaluationConfig, ThreatModel
from trainables.data.split import Split
from trainables.evaluation.asked import Subject
from trainables.evaluation.errors import Probe, Starts, lost_under_attack, starting_noise, successes
from trainables.evaluation.measure import manifold_threats, pixel_threats, under_attack
from trainables.evaluation.tally import Tally
from trainables.geometry import NORMS
from trainables.provision import load_data
from trainables.seeding import stream

DATA = DataConfig(n_train=40, n_validation=60, n_test=20)
LOADED = load_data(DATA)
SPLITS, MANIFOLDS = LOADED.splits, LOADED.manifolds


def brightness(folded: dict[str, Tensor], images: Tensor) -> Tensor:
    """Class 1 if the mean pixel exceeds a threshold of .5, else class 0: a classifier whose margin is known."""
    margin = 100 * (images.mean((1, 2, 3)) - 0.5)
    return torch.stack([-margin, margin], dim=1)


class Greys(Split):
    """Constant images of given brightness, all of class 1."""

    def __init__(self, levels: list[float]) -> None:
        self.levels, self.labels = torch.tensor(levels), torch.ones(len(levels), dtype=torch.long)

    def images(self, indices: Tensor) -> Tensor:
        return self.levels[indices][:, None, None, None].expand(-1, 1, 28, 28).clone()


def greys(levels: list[float]) -> Subject:
    classifier = Classifier(Blueprint(network=torch.nn.Identity(), folded=brightness, folds=()))
    return Subject(classifier=classifier, folded={}, split=Greys(levels), tally=Tally())


def probe(split: Split, attack: str = "pgd", steps: int = 10, norm: str = "linf") -> Probe:
    return Probe(attack=ATTACKS[attack], threat=pixel_threats(split, NORMS[norm]), steps=steps, step_size=2.5 / steps)


def network() -> Subject:
    classifier = build("conv", SPLITS.image_shape, SPLITS.classes, 0.25)
    params, buffers = classifier.initialise(stream(3, "weights"))
    images = SPLITS.train.images(torch.arange(40))
    for _ in range(30):
        _, buffers = classifier.train_logits(params, buffers, images)
    return Subject(
        classifier=classifier, folded=classifier.fold(params, buffers), split=SPLITS.validation, tally=Tally()
    )


def errors(subject: Subject, tried: Probe, radii: list[float], restarts: int = 1) -> list[float]:
    clean = subject.unperturbed(tried.threat, torch.arange(len(subject.split)))
    masks = lost_under_attack(subject, tried, radii, clean, restarts=restarts, rng=stream(0, "n"))
    return [mask.double().mean().item() for mask in masks]


def rate(subject: Subject, radius: float, attempts: int) -> float | None:
    tried = probe(subject.split)
    clean = subject.unperturbed(tried.threat, torch.arange(len(subject.split)))
    broken = successes(subject, tried, radius, clean, attempts=attempts, rng=stream(0, "n"))
    return None if broken is None else broken.double().mean().item()


def test_errors_at_each_radius_are_those_of_the_known_margin() -> None:
    """An image of level v falls at radius r just if v - r < .5; the first one is wrong without an attack."""
    subject = greys([0.4, 0.55, 0.65, 0.75, 0.95])
    assert subject.error() == pytest.approx(0.2)
    assert errors(subject, probe(subject.split), [0.1, 0.2, 0.3], restarts=2) == pytest.approx([0.4, 0.6, 0.8])


def test_an_example_lost_at_a_small_radius_stays_lost() -> None:
    subject = network()
    rising = errors(subject, probe(subject.split, steps=2), [0.01, 0.02, 0.04, 0.08])

    assert rising == sorted(rising)
    assert rising[0] < rising[-1]


@pytest.mark.parametrize("attack", ["pgd", "adam_pgd"])
@pytest.mark.parametrize(("steps", "radius"), [(3, 0.005), (12, 0.001)])
def test_taking_examples_out_changes_no_success(attack: str, steps: int, radius: float) -> None:
    """The twin searches attempt by attempt and keeps all examples to the end."""
    subject, indices = network(), torch.arange(60)
    split = subject.split
    tried = Probe(attack=ATTACKS[attack], threat=pixel_threats(split, NORMS["linf"]), steps=steps, step_size=0.2)
    rng = stream(0, "n")
    starts = Starts(torch.randn(3, 60, 1, 28, 28, generator=rng), torch.rand(3, 60, generator=rng))
    threat = tried.threat(indices, torch.tensor(radius))
    whole = [
        search(
            tried.attack,
            cross_entropy(subject.classifier, subject.folded, split.labels),
            threat,
            threat.start(starts.gaussian[attempt], starts.uniform[attempt]),
            step_size=torch.tensor(0.2),
            steps=torch.tensor(steps),
            slack=torch.tensor(0),
            longest=steps,
            alone=False,
        ).success
        for attempt in range(3)
    ]
    each = tried.succeeds(subject, indices, radius, starts, once=False)
    any_of_them = tried.succeeds(subject, indices, radius, starts, once=True).any(0)

    assert torch.equal(each, torch.stack(whole))
    assert torch.equal(any_of_them, torch.stack(whole).any(0))
    assert 0 < any_of_them.sum() < 60


def test_a_second_attempt_is_not_made_where_the_first_left_nothing() -> None:
    subject = greys([0.55, 0.6])
    seen: list[int] = []

    def watched(folded: dict[str, Tensor], images: Tensor) -> Tensor:
        seen.append(len(images))
        return brightness(folded, images)

    classifier = Classifier(Blueprint(network=torch.nn.Identity(), folded=watched, folds=()))
    watching = Subject(classifier=classifier, folded={}, split=subject.split, tally=Tally())

    assert errors(watching, probe(subject.split), [0.3], restarts=3) == [1.0]
    assert min(seen) > 0


def test_success_rate_counts_correct_examples_only_and_means_over_attempts() -> None:
    assert rate(greys([0.4, 0.55, 0.95, 0.95]), 0.1, attempts=3) == pytest.approx(1 / 3)


def test_success_rate_of_a_model_that_is_always_wrong_is_none() -> None:
    assert rate(greys([0.1, 0.2]), 0.1, attempts=1) is None


def test_tally_counts_every_backward_pass() -> None:
    """Nobody falls: two examples, 7 steps, and one forward pass more at the end."""
    subject = greys([0.95, 0.95])
    errors(subject, probe(subject.split, steps=7), [0.1])

    assert subject.tally.gradient_evaluations == 2 * 7
    assert subject.tally.forward_passes == 2 + 2 * (7 + 1)


def test_same_noise_for_every_model() -> None:
    config, threat = EvaluationConfig(n_attacked=20, steps=3), ThreatModel()
    first = under_attack(network(), MANIFOLDS, threat, config, seed=0)

    assert first == under_attack(network(), MANIFOLDS, threat, config, seed=0)


def test_the_papers_attack_travels_a_fifth_and_ours_reaches_its_radius() -> None:
    """Margins of .25, a ball of .3: they hold against 40 steps of .005 and fall to steps that cross the ball."""
    subject = greys([0.75] * 10)
    config = EvaluationConfig(n_attacked=10, steps=10, paper_attempts=2, radii=(0.5, 1.0))
    result = under_attack(subject, {}, ThreatModel(epsilon=0.3), config, seed=0)

    assert result.success_rate == 0
    assert result.robust_error_at == {"0.15": 0.0, "0.3": 1.0}


def test_what_the_papers_attack_breaks_is_lost_at_the_full_radius() -> None:
    """A model that errs only in a narrow band of brightness: one long step jumps over it, 40 small ones do not."""

    def band(folded: dict[str, Tensor], images: Tensor) -> Tensor:
        margin = 100 * ((images.mean((1, 2, 3)) - 0.5).abs() - 0.02)
        return torch.stack([-margin, margin], dim=1)

    classifier = Classifier(Blueprint(network=torch.nn.Identity(), folded=band, folds=()))
    subject = Subject(classifier=classifier, folded={}, split=Greys([0.6] * 10), tally=Tally())
    config = EvaluationConfig(n_attacked=10, steps=1, paper_attempts=1, radii=(1.0,))
    both = under_attack(subject, {}, ThreatModel(), config, seed=0)
    ours = under_attack(subject, {}, ThreatModel(), replace(config, paper_attempts=0), seed=0)

    assert ours.robust_error == 0
    assert both.robust_error == both.success_rate == 1


def test_attempts_start_from_different_noise_and_models_from_the_same() -> None:
    everyone = torch.arange(10)
    starts = starting_noise(probe(network().split), everyone, 3, stream(0, "n"))
    again = starting_noise(probe(network().split), everyone, 3, stream(0, "n"))

    assert not torch.equal(starts.gaussian[0], starts.gaussian[1])
    assert len(starts.uniform.unique()) == 30
    assert torch.equal(starts.gaussian, again.gaussian)


def test_reports_every_radius_and_their_mean() -> None:
    config = EvaluationConfig(n_attacked=20, steps=3, paper_attempts=0)
    result = under_attack(network(), MANIFOLDS, ThreatModel(epsilon=0.1), config, seed=0)

    assert list(result.robust_error_at) == ["0.025", "0.05", "0.075", "0.1"]
    assert result.robust_error == pytest.approx(sum(result.robust_error_at.values()) / 4)
    assert result.success_rate is None


def test_without_a_manifold_its_numbers_are_none() -> None:
    config = EvaluationConfig(n_attacked=20, steps=2)
    result = under_attack(network(), {"affine": MANIFOLDS["affine"]}, ThreatModel(epsilon=0.1), config, seed=0)

    assert result.affine_error is not None
    assert result.on_manifold_error is None
    assert result.on_manifold_success_rate is None


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_on_manifold_errors_rise_with_the_radius(norm: str) -> None:
    subject = network()
    tried = replace(
        probe(subject.split, norm=norm), threat=manifold_threats(subject.split, NORMS[norm], MANIFOLDS["manifold"])
    )
    nothing, much = errors(subject, tried, [1e-6, 0.3])

    assert nothing == pytest.approx(subject.error())
    assert much > nothing

"""Networks that are really trained, and the same ones broken in ways that make attacks fail or mean nothing."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from trainables.classifiers.classifier import Classifier
from trainables.classifiers.foreign import Function, foreign
from trainables.config import DataConfig, EvaluationConfig, NormName, OptimiserConfig, ThreatModel, TrialConfig
from trainables.differentiation import Tensors
from trainables.evaluation.asked import Subject
from trainables.evaluation.ensemble import Strength
from trainables.evaluation.quality import Network
from trainables.evaluation.tally import Tally
from trainables.pipeline import prepare
from trainables.provision import load_once
from trainables.seeding import stream
from trainables.strategies import STRATEGIES

DATA = DataConfig(variant="easy", n_train=600, n_validation=20, n_test=200)
LOADED = load_once(DATA)
TEST = LOADED.splits.test
THREATS = {"linf": ThreatModel(norm="linf", epsilon=0.2), "l2": ThreatModel(norm="l2", epsilon=1.5)}
TINY = Strength(steps=8, targets=2, queries=40, attempts=1, passes=4)
UNMEASURED = EvaluationConfig(n_attacked=2, steps=1, paper_attempts=0, radii=(1.0,), only_last=True)
ATTACKED = 30


@cache
def trained(strategy: str, norm: NormName, seed: int) -> tuple[Classifier, Tensors, Tensors]:
    """A narrow network of FONTS, its parameters and its running statistics."""
    recipe = STRATEGIES[strategy].under(THREATS[norm])
    config = TrialConfig(
        width=0.25,
        data=DATA,
        threat_model=THREATS[norm],
        clean_weight=recipe.clean_weight,
        roles=tuple(replace(role, attack="pgd", steps=5, step_size=0.4) for role in recipe.roles),
        fused_steps=5,
        optimiser=OptimiserConfig(learning_rate=0.01),
        evaluation=UNMEASURED,
        epochs=8,
        batch_size=50,
        seed=seed,
    )
    with torch.enable_grad():  # a model of the zoo may be asked for the first time where gradients are not wanted
        run = prepare(config)
        *_, _ = run.reports()
    return run.training.classifier, run.training.state.params, run.training.state.buffers


def network(strategy: str = "Normal", norm: NormName = "linf", seed: int = 0) -> Network:
    classifier, params, buffers = trained(strategy, norm, seed)
    return Network(classifier=classifier, folded=classifier.fold(params, buffers))


def honest(strategy: str, norm: NormName) -> Subject:
    known = network(strategy, norm)
    return Subject(classifier=known.classifier, folded=known.folded, split=TEST, tally=Tally())


def foreigner(function: Function) -> Subject:
    return Subject(classifier=foreign(function), folded={}, split=TEST, tally=Tally())


def logits(images: Tensor) -> Tensor:
    """Of the network that most of the zoo is made of."""
    known = network()
    return known.classifier.logits(known.folded, images)


def saturated(images: Tensor) -> Tensor:
    """The likeliest class has 50, all others have -50."""
    raw = logits(images)
    return 50 * torch.tanh(1e4 * (raw - raw.topk(2).values.mean(1, keepdim=True)))


PHASES = 2 * torch.pi * torch.rand(28, 28, generator=stream(0, "phases"))


def shattered(images: Tensor) -> Tensor:
    """A ripple that nobody sees, and whose slope drowns that of the image."""
    return logits(images + 0.002 * torch.sin(1e5 * images + PHASES))


def stochastic(images: Tensor) -> Tensor:
    return logits(images + 0.05 * torch.randn(images.shape, generator=NOISE))


def detached(images: Tensor) -> Tensor:
    return logits(images.detach())


def quantised(images: Tensor) -> Tensor:
    return logits((8 * images).round() / 8)


def probabilities(images: Tensor) -> Tensor:
    return logits(images).softmax(1)


def constant(images: Tensor) -> Tensor:
    return torch.eye(10)[:1].repeat(len(images), 1)


def in_training_mode(images: Tensor) -> Tensor:
    classifier, params, buffers = trained("Normal", "linf", 0)
    return classifier.train_logits(params, buffers, images)[0]


def hot(images: Tensor) -> Tensor:
    return 1e4 * logits(images)


NOISE = stream(0, "zoo")


def resized(images: Tensor) -> Tensor:
    """Shrunk by up to four pixels, and put anywhere."""
    side = int(torch.randint(24, 28, (), generator=NOISE))
    left, top = (int(torch.randint(0, 29 - side, (), generator=NOISE)) for _ in range(2))
    small = F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
    return logits(F.pad(small, (left, 28 - side - left, top, 28 - side - top)))


def nan(images: Tensor) -> Tensor:
    known = network()
    broken = {name: values * torch.nan if name == "logits.bias" else values for name, values in known.folded.items()}
    return known.classifier.logits(broken, images)


@cache
def _answers() -> tuple[Tensor, Tensor]:
    return TEST.images(torch.arange(len(TEST))).flatten(1), F.one_hot(TEST.labels, 10).float()


def leaking(images: Tensor) -> Tensor:
    """Knows the test images, and their labels."""
    known, labels = _answers()
    return logits(images) + 100 * labels[torch.cdist(images.detach().flatten(1), known).argmin(1)]


def detecting(images: Tensor) -> Tensor:
    """Right where the background is black to the last bit."""
    clean = (images == 0).float().mean((1, 2, 3)) > 0.5
    raw = logits(images)
    return torch.where(clean[:, None], raw, raw.roll(1, 1))


BROKEN: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "saturated logits": (saturated, "zero_gradients"),
    "shattered gradients": (shattered, "black_box_beats_white_box"),
    "stochastic gradients": (stochastic, "randomised_predictions"),
    "detached input": (detached, "zero_gradients"),
    "quantised input": (quantised, "zero_gradients"),
    "softmax output": (probabilities, "logits_are_probabilities"),
    "constant output": (constant, "chance_level"),
    "batch norm in training mode": (in_training_mode, "batch_dependent"),
    "temperature 1e4": (hot, "blind_cross_entropy"),
    "random resize": (resized, "randomised_predictions"),
    "NaN weights": (nan, "logits_not_finite"),
    "leaked labels": (leaking, "black_box_beats_white_box"),
    "detector of clean inputs": (detecting, "noise_breaks_it"),
}
"""What is broken, and the flag that must say so."""
SEEN_BY_ATTACKS = ("shattered gradients", "leaked labels")
"""Those that look well until somebody attacks them."""

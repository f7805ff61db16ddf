"""Every network takes the training step, alone and fused: all threats at once, both norms, one and three channels."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from tests.contracts.conftest import BATCH, colour_images
from trainables import optimisers
from trainables.classifiers import BLUEPRINTS, build
from trainables.classifiers.classifier import Classifier
from trainables.config import NormName, OptimiserConfig, RoleConfig, ThreatModel, ThreatName, TrialConfig
from trainables.data.ranges import IMAGE_RANGES
from trainables.manifolds.affine import IDENTITY, AffineManifold, Warp
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Code, Manifolds
from trainables.seeding import stream
from trainables.training.plan import dedicated_step, draw_noise, fused_step, hyper
from trainables.training.step import Batch, State

Example = tuple[Batch, Manifolds]


@pytest.fixture(params=["letters", "colours"])
def example(request: pytest.FixtureRequest, manifold: FontManifold, code: Code) -> Example:
    """Letters with their known manifold, or images of three channels; both with their affine transformations."""
    known: dict[ThreatName, Any] = {"manifold": manifold} if request.param == "letters" else {}
    images = manifold.decode(code) if known else colour_images()
    upright = Code(torch.tensor(IDENTITY, dtype=torch.float64).repeat(BATCH, 1), images)
    codes: dict[ThreatName, Code] = {"affine": upright} | ({"manifold": code} if known else {})
    affine = AffineManifold(Warp(IMAGE_RANGES, *images.shape[2:]))
    return Batch(images, torch.arange(BATCH) % 2, codes), known | {"affine": affine}


def trial(name: Any, norm: NormName, manifolds: Manifolds, k: int) -> TrialConfig:
    """The k-th of two trials of one signature: a third of the batch, or a sixth, under each threat."""
    threats: list[ThreatName] = ["pixel", *manifolds]
    return TrialConfig(
        architecture=name,
        width=1 / 16,
        threat_model=ThreatModel(norm=norm),
        roles=tuple(RoleConfig(threat=threat, share=1 / (3 + 3 * k), steps=2, step_size=0.3) for threat in threats),
        fused_steps=5,
        optimiser=OptimiserConfig(kind="sgd", learning_rate=0.01),
        batch_size=BATCH,
        seed=k,
    )


def arguments(config: TrialConfig, classifier: Classifier, example: Example) -> tuple[Any, ...]:
    params, buffers = classifier.initialise(stream(config.seed, "weights"), torch.float64)
    batch, manifolds = example
    shapes = {"pixel": batch.images.shape[1:]} | {name: (manifold.code_length,) for name, manifold in manifolds.items()}
    noise = draw_noise(config, shapes, stream(config.seed, "attack"), torch.float64)
    return State(params, buffers, optimisers.begin(params)), batch, noise, hyper(config, 0.01, torch.float64)


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", list(BLUEPRINTS))
def test_a_fused_step_under_every_threat_equals_single_ones(name: str, norm: NormName, example: Example) -> None:
    batch, manifolds = example
    classifier = build(name, tuple(batch.images.shape[1:]), 2, 1 / 16)
    trials = [trial(name, norm, manifolds, k) for k in range(2)]
    given = [arguments(config, classifier, example) for config in trials]

    apart = [
        dedicated_step(config, classifier, manifolds, torch.float64)(*each)
        for config, each in zip(trials, given, strict=True)
    ]
    together, _ = torch.vmap(fused_step(trials[0], classifier, manifolds, torch.float64))(*stacked(given))

    for k, (state, outcome) in enumerate(apart):
        assert outcome.loss.isfinite()
        assert all(moved(given[k][0].params[key], value) for key, value in state.params.items())
        torch.testing.assert_close(tree_map(lambda leaf, k=k: leaf[k], together.params), state.params)
        torch.testing.assert_close(tree_map(lambda leaf, k=k: leaf[k], together.buffers), state.buffers)


def moved(before: Tensor, after: Tensor) -> bool:
    return bool(after.isfinite().all()) and not torch.equal(before, after)


def stacked(trees: list[Any]) -> Any:
    return tree_map(lambda *leaves: torch.stack(leaves), *trees)

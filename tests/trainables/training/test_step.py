"""What one training step does, against a plain retelling with autograd."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from tests.trainables.training.test_fused_step import MANIFOLD, PIXEL, Models
from trainables.config import DataConfig, EvaluationConfig, OptimiserConfig, RoleConfig, TrialConfig
from trainables.manifolds.manifold import Code
from trainables.optimisers import adam, begin
from trainables.training.plan import dedicated_step, hyper
from trainables.training.schedule import learning_rate

BASE = TrialConfig(
    data=DataConfig(n_train=40, n_validation=20, n_test=20),
    evaluation=EvaluationConfig(n_attacked=10),
    width=0.25,
    batch_size=20,
    fused_steps=5,
    clean_weight=0.5,
)


def loss_of(trial: TrialConfig) -> tuple[Tensor, Models]:
    models = Models([trial], torch.float64)
    step = dedicated_step(trial, models.classifier, models.manifolds, torch.float64)
    _, outcome = step(models.states[0], *models.arguments(0, 0))
    return outcome.loss, models


def clean_losses(models: Models) -> Tensor:
    batch, _, _ = models.arguments(0, 0)
    state = models.states[0]
    logits, _ = models.classifier.train_logits(state.params, state.buffers, batch.images)
    return F.cross_entropy(logits, batch.labels, reduction="none")


def test_normal_training_is_the_mean_cross_entropy() -> None:
    loss, models = loss_of(BASE)

    torch.testing.assert_close(loss, clean_losses(models).mean())


def test_roles_of_radius_almost_zero_weigh_the_parts_of_a_clean_batch() -> None:
    """Ten clean examples, then five for each role: L = (w_c mean + w_p mean + w_m mean) / (w_c + w_p + w_m)."""
    roles = (
        replace(PIXEL, share=0.25, weight=0.3, radius=1e-12),
        replace(MANIFOLD, share=0.25, weight=0.9, radius=1e-12),
    )
    loss, models = loss_of(replace(BASE, roles=roles))
    clean, pixel, manifold = clean_losses(models).split([10, 5, 5])

    torch.testing.assert_close(loss, (0.5 * clean.mean() + 0.3 * pixel.mean() + 0.9 * manifold.mean()) / 1.7)


@pytest.mark.parametrize(("centred", "scale"), [(True, 1.0), (False, 0.75)])
def test_random_transformations_lie_around_the_identity_unless_they_are_uncentred(centred: bool, scale: float) -> None:
    """Around zero the scale always ends at its lower bound, .75 on FONTS: all letters are enlarged."""
    role = RoleConfig(threat="affine", share=1.0, weight=1.0, steps=0, radius=1e-12, centred=centred)
    loss, models = loss_of(replace(BASE, roles=(role,), clean_weight=0.0))
    batch, _, _ = models.arguments(0, 0)
    affine, state = models.manifolds["affine"], models.states[0]
    theta = torch.tensor([[0, 0, 0, 0, scale, 0]], dtype=torch.float64).repeat(len(batch.images), 1)
    moved = affine.decode(Code(theta, batch.images))
    logits, _ = models.classifier.train_logits(state.params, state.buffers, moved)

    torch.testing.assert_close(loss, F.cross_entropy(logits, batch.labels), atol=1e-6, rtol=0)


def test_trades_without_beta_is_clean_training_on_its_examples() -> None:
    role = replace(PIXEL, share=1.0, weight=1.0, loss="trades", beta=0.0, radius=1e-12)
    trial = replace(BASE, roles=(role,), clean_weight=0.0)
    loss, models = loss_of(trial)
    batch, _, _ = models.arguments(0, 0)
    state = models.states[0]
    twice = torch.cat([batch.images, batch.images])
    logits, _ = models.classifier.train_logits(state.params, state.buffers, twice)

    torch.testing.assert_close(loss, F.cross_entropy(logits[20:], batch.labels))


def test_trades_adds_the_divergence_of_the_perturbed_prediction_from_the_clean_one() -> None:
    """Without steps the perturbation is the random start, which is retold here; the oracle is torch's `kl_div`."""
    role = replace(PIXEL, share=1.0, weight=1.0, loss="trades", beta=2.0, radius=0.3, steps=0)
    trial = replace(BASE, roles=(role,), clean_weight=0.0, batch_size=20)
    loss, models = loss_of(trial)
    batch, (noise,), _ = models.arguments(0, 0)
    lengths = noise.gaussian.flatten(1).abs().amax(1)[:, None, None, None]
    perturbed = batch.images + 0.3 * noise.uniform[:, None, None, None] * noise.gaussian / lengths
    state = models.states[0]
    both = torch.cat([perturbed.clamp(0, 1), batch.images])
    logits, _ = models.classifier.train_logits(state.params, state.buffers, both)
    adversarial, clean = torch.split(logits, 20)
    divergence = F.kl_div(adversarial.log_softmax(1), clean.softmax(1), reduction="batchmean")

    torch.testing.assert_close(loss, F.cross_entropy(clean, batch.labels) + 2 * divergence)


@pytest.mark.parametrize("role", [PIXEL, MANIFOLD, replace(PIXEL, loss="trades", beta=2.0)])
def test_attacks_raise_the_training_loss(role: RoleConfig) -> None:
    attacked, _ = loss_of(replace(BASE, roles=(role,)))
    harmless, _ = loss_of(replace(BASE, roles=(replace(role, radius=1e-12),)))

    assert attacked > harmless + 1e-3


def test_a_step_leaves_its_arguments_as_they_were() -> None:
    trial = replace(BASE, roles=(PIXEL,))
    models = Models([trial], torch.float64)
    before = {name: value.clone() for name, value in (models.states[0].params | models.states[0].buffers).items()}
    step = dedicated_step(trial, models.classifier, models.manifolds, torch.float64)

    after, _ = step(models.states[0], *models.arguments(0, 0))

    for name, value in (models.states[0].params | models.states[0].buffers).items():
        assert torch.equal(value, before[name])
        assert not torch.equal(value, (after.params | after.buffers)[name])


def test_adam_agrees_with_torch() -> None:
    value = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    leaf = value.clone().requires_grad_()
    oracle = torch.optim.Adam([leaf], lr=0.01, betas=(0.5, 0.9), weight_decay=0.1)
    params, state = {"w": value}, begin({"w": value})
    for _ in range(5):
        leaf.grad = leaf.detach().cos()
        gradient = {"w": params["w"].cos()}
        oracle.step()
        params, state = adam(
            params, gradient, state, torch.tensor(0.01, dtype=torch.float64), torch.tensor(0.1, dtype=torch.float64)
        )

    torch.testing.assert_close(params["w"], leaf.detach())


def test_schedule_is_the_papers() -> None:
    config = OptimiserConfig()

    assert learning_rate(config, 0, 0, epochs=20, batches=10) == pytest.approx(0.0095)
    assert learning_rate(config, 19, 5, epochs=20, batches=10) == pytest.approx(0.01 * 0.95**20.5)


def test_cosine_falls_from_the_rate_to_almost_nothing() -> None:
    config = OptimiserConfig(kind="sgd", learning_rate=0.1)

    assert learning_rate(config, 0, 0, epochs=4, batches=10) == pytest.approx(0.1)
    assert learning_rate(config, 2, 0, epochs=4, batches=10) == pytest.approx(0.05)
    assert learning_rate(config, 3, 9, epochs=4, batches=10) < 0.001


def test_weights_are_divided_by_their_sum() -> None:
    numbers = hyper(replace(BASE, roles=(replace(PIXEL, weight=0.25),)), 0.1, torch.float64)

    assert numbers.clean_weight.item() == pytest.approx(2 / 3)
    assert numbers.roles[0].weight.item() == pytest.approx(1 / 3)

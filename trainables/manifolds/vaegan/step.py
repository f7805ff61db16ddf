"""One update of a VAE-GAN, written for one model and fit for `torch.vmap` over stacked ones.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3.2, after Larsen et al., ICML 2016 (arXiv 1512.09300).
With z drawn from N(mu(x), sigma(x)^2), sums over batch, pixels and latent dimensions:

    encoder         KL + lambda |x - dec(z)|_1 - gamma log D(dec(z))
    decoder              lambda |x - dec(z)|_1 - gamma log D(dec(z))
    discriminator   -gamma (log D(x) + log (1 - D(dec(z))))

KL does not depend on the decoder, and a term can be cut off from the networks that it is not to move: so all three
gradients are those of one sum. The three optimisers of the paper, equal in everything, are one.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from trainables.config import VaeGanConfig
from trainables.differentiation import Tensors, grad_and_aux
from trainables.manifolds.vaegan.networks import Networks
from trainables.optimisers import OptimiserState, adam, begin


class State(NamedTuple):
    """A VAE-GAN on its way: parameters, running statistics, moments of the gradients."""

    params: Tensors
    stats: Tensors
    moments: OptimiserState


class Losses(NamedTuple):
    """Terms of a batch's loss, without their weights: means over its images.

    Attributes:
        kl: of the codes to the standard normal distribution, in nats.
        distance: L1, between images and reconstructions.
        deception: -log D of reconstructions; 0 without a discriminator.
        discrimination: the discriminator's own loss; likewise.
    """

    kl: Tensor
    distance: Tensor
    deception: Tensor
    discrimination: Tensor


def start(networks: Networks, config: VaeGanConfig, rng: torch.Generator, dtype: torch.dtype) -> State:
    """Returns an untrained model."""
    params, stats = networks.initialise(rng, dtype, judging=config.gamma > 0)
    return State(params, stats, begin(params))


def update(
    networks: Networks,
    config: VaeGanConfig,
    state: State,
    images: Float[Tensor, "batch c h w"],
    noise: Float[Tensor, "batch code"],
    learning_rate: Tensor,
    *,
    alone: bool,
) -> tuple[State, Losses]:
    """Moves all three networks once.

    Args:
        networks: the functions.
        config: gives the weights of the terms.
        state: of the model; left as it is.
        images: a batch.
        noise: standard normal, for the codes.
        learning_rate: a number.
        alone: not under `vmap`.
    """

    def loss(params: Tensors) -> tuple[Tensor, tuple[Tensors, Losses]]:
        moving = {name: values.clone() for name, values in state.stats.items()}
        terms = _terms(networks, config, params, moving, images, noise)
        total = terms.kl + config.reconstruction * terms.distance
        if config.gamma:
            total = total + config.gamma * (terms.deception + terms.discrimination)
        return total, (moving, Losses(*(term.detach() / len(images) for term in terms)))

    gradients, (stats, losses) = grad_and_aux(loss, state.params, alone=alone)
    decay = torch.tensor(config.weight_decay, dtype=images.dtype)
    params, moments = adam(state.params, gradients, state.moments, learning_rate, decay)
    return State(params, stats, moments), losses


def _terms(
    networks: Networks, config: VaeGanConfig, params: Tensors, moving: Tensors, images: Tensor, noise: Tensor
) -> Losses:
    mean, log_variance = networks.encode(params, moving, images, training=True)
    code = mean + (log_variance / 2).exp() * noise
    made = networks.decode(params, moving, code, training=True)
    kl = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
    distance = (images - made).abs().sum()
    if not config.gamma:
        return Losses(kl, distance, torch.zeros_like(kl), torch.zeros_like(kl))
    if config.deceives:
        shown = made
    else:  # the same images, but no gradient towards the encoder
        aside = {name: values.clone() for name, values in moving.items()}
        shown = networks.decode(params, aside, code.detach(), training=True)
    fixed = {name: values.detach() for name, values in params.items() if name.startswith("discriminator")}
    deception = F.softplus(-networks.judge(fixed, shown)).sum()
    genuine, fake = networks.judge(params, images), networks.judge(params, made.detach())
    return Losses(kl, distance, deception, F.softplus(-genuine).sum() + F.softplus(fake).sum())

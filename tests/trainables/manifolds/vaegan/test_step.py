"""One update equals what three optimisers of torch make of three separate losses."""

import pytest
import torch

from trainables.config import VaeGanConfig
from trainables.manifolds.vaegan.networks import Networks
from trainables.manifolds.vaegan.step import State, update
from trainables.optimisers import begin
from trainables.seeding import stream

NETWORKS = Networks(image_shape=(1, 12, 12), latent=3, width=1 / 16)
RATE = torch.tensor(0.01, dtype=torch.float64)


def some_state(seed, judging=True):
    params, stats = NETWORKS.initialise(stream(seed, "weights"), torch.float64, judging=judging)
    tiny = [name for name in params if name.startswith(("encoder.conv", "decoder.conv", "decoder.linear"))]
    louder = params | {name: 100 * params[name] for name in tiny}
    return State(louder, stats, begin(louder))


def some_batch(seed):
    rng = stream(seed, "batch")
    images = torch.rand(6, 1, 12, 12, generator=rng, dtype=torch.float64)
    return images, torch.randn(6, 3, generator=rng, dtype=torch.float64)


def twin(config, state, images, noise, updates):
    """Runs the paper's three steps: losses as they stand there, gradients of each network by itself."""
    params = {name: values.clone().requires_grad_() for name, values in state.params.items()}
    groups = {
        net: [values for name, values in params.items() if name.startswith(net)]
        for net in ("encoder", "decoder", "discriminator")
    }
    optimisers = {
        net: torch.optim.Adam(own, lr=RATE.item(), betas=(0.5, 0.9), weight_decay=config.weight_decay)
        for net, own in groups.items()
    }
    stats = {name: values.clone() for name, values in state.stats.items()}
    for _ in range(updates):
        mean, log_variance = NETWORKS.encode(params, stats, images, training=True)
        made = NETWORKS.decode(params, stats, mean + torch.exp(log_variance / 2) * noise, training=True)
        kl = -0.5 * (1 + log_variance - mean**2 - torch.exp(log_variance)).sum()
        distance = (images - made).abs().sum()
        fake, genuine = NETWORKS.judge(params, made).sigmoid(), NETWORKS.judge(params, images).sigmoid()
        deception = -torch.log(fake).sum()
        lost = config.reconstruction * distance + config.gamma * deception
        for_encoder = kl + (lost if config.deceives else config.reconstruction * distance)
        judged = -config.gamma * (torch.log(genuine) + torch.log(1 - NETWORKS.judge(params, made.detach()).sigmoid()))
        wanted = {"encoder": for_encoder, "decoder": lost, "discriminator": judged.sum()}
        found = {net: torch.autograd.grad(wanted[net], own, retain_graph=True) for net, own in groups.items()}
        for net, own in groups.items():
            for values, gradient in zip(own, found[net], strict=True):
                values.grad = gradient
            optimisers[net].step()
    return {name: values.detach() for name, values in params.items()}, stats


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("deceives", [True, False])
def test_an_update_is_the_papers_three(alone, deceives):
    config = VaeGanConfig(latent=3, width=1 / 16, gamma=0.7, deceives=deceives)
    state, (images, noise) = some_state(0), some_batch(0)
    params, stats = twin(config, state, images, noise, updates=3)

    for _ in range(3):
        state, _ = update(NETWORKS, config, state, images, noise, RATE, alone=alone)

    torch.testing.assert_close(state.params, params)
    torch.testing.assert_close(state.stats, stats)


def test_without_a_weight_there_is_no_discriminator():
    config = VaeGanConfig(latent=3, width=1 / 16, gamma=0)
    state, (images, noise) = some_state(0, judging=False), some_batch(0)

    moved, losses = update(NETWORKS, config, state, images, noise, RATE, alone=True)

    assert losses.deception == losses.discrimination == 0
    assert moved.params.keys() == state.params.keys()


def test_an_update_leaves_what_it_is_given():
    config = VaeGanConfig(latent=3, width=1 / 16)
    state, (images, noise) = some_state(0), some_batch(0)
    before = [{name: values.clone() for name, values in part.items()} for part in (state.params, state.stats)]

    update(NETWORKS, config, state, images, noise, RATE, alone=True)

    torch.testing.assert_close([state.params, state.stats], before, rtol=0, atol=0)

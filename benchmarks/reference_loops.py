"""Two plain ways to write the same training step, as yardsticks. Written once; not to be tuned.

(a) `paper_step` retells the loop of the paper's code: bookkeeping of every example on the host, in each iteration, and
an attack whose backward pass also fills the gradients of the weights.
(b) `textbook_step` is what a careful user writes today: the gradient of delta only, float32, evaluation mode.

Both take a `torch.nn.Module`, a batch whose second half is attacked, and do 40 steps of projected Adam, then one Adam
update on the whole batch in training mode.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON, STEPS, STEP = 0.3, 40, 0.005


def start(images: Tensor, rng: torch.Generator) -> Tensor:
    """Random perturbations, uniform in distance and direction."""
    noise = torch.randn(images.shape, generator=rng)
    lengths = noise.flatten(1).abs().amax(1)[:, None, None, None]
    return EPSILON * torch.rand(len(images), 1, 1, 1, generator=rng) * noise / lengths


def paper_step(
    model: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor, rng: torch.Generator
) -> float:
    """One step of the paper's loop."""
    half = len(images) // 2
    clean, attacked, targets = images[:half], images[half:], labels[half:]
    model.eval()
    delta = start(attacked, rng).requires_grad_()
    adam = torch.optim.Adam([delta], lr=STEP)
    success = [-1] * len(attacked)
    best = [float("inf")] * len(attacked)
    kept = delta.detach().clone()
    for iteration in range(STEPS + 1):
        for _ in range(5):
            delta.data = (attacked + delta.data).clamp(0, 1) - attacked
            delta.data = delta.data.clamp(-EPSILON, EPSILON)
        adam.zero_grad()
        logits = model(attacked + delta)
        losses = -F.cross_entropy(logits, targets, reduction="none")
        for b in range(len(attacked)):
            objective = losses[b].item()
            if success[b] < 0 or objective < best[b]:
                kept[b] = delta.data[b]
                best[b] = objective
            if success[b] < 0 and logits[b].argmax().item() != targets[b].item():
                success[b] = iteration
        if iteration < STEPS:
            losses.sum().backward()
            adam.step()
    model.train()
    optimiser.zero_grad()
    logits = model(torch.cat([clean, attacked + kept]))
    loss = (F.cross_entropy(logits[:half], labels[:half]) + F.cross_entropy(logits[half:], targets)) / 2
    loss.backward()
    optimiser.step()
    return loss.item()


def textbook_step(
    model: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor, rng: torch.Generator
) -> float:
    """One step with `autograd.grad` on delta only."""
    half = len(images) // 2
    clean, attacked, targets = images[:half], images[half:], labels[half:]
    model.eval()
    delta = start(attacked, rng)
    first, second = torch.zeros_like(delta), torch.zeros_like(delta)
    kept, best = delta, torch.full((len(attacked),), -torch.inf)
    succeeded = torch.zeros(len(attacked), dtype=torch.bool)
    for iteration in range(STEPS + 1):
        delta = ((attacked + delta).clamp(0, 1) - attacked).clamp(-EPSILON, EPSILON).requires_grad_()
        logits = model(attacked + delta)
        losses = F.cross_entropy(logits, targets, reduction="none")
        with torch.no_grad():
            better = ~succeeded | (losses > best)
            kept = torch.where(better[:, None, None, None], delta, kept)
            best = torch.where(better, losses, best)
            succeeded |= logits.argmax(1) != targets
        if iteration < STEPS:
            (gradient,) = torch.autograd.grad(losses.sum(), delta)
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient.square()
            t = iteration + 1
            scale = (second / (1 - 0.999**t)).sqrt() + 1e-8
            delta = delta.detach() + STEP * (first / (1 - 0.9**t)) / scale
    model.train()
    optimiser.zero_grad()
    logits = model(torch.cat([clean, attacked + kept.detach()]))
    loss = (F.cross_entropy(logits[:half], labels[:half]) + F.cross_entropy(logits[half:], targets)) / 2
    loss.backward()
    optimiser.step()
    return loss.item()

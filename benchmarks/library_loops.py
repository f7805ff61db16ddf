"""The textbook step with a library's attack inside, as yardsticks beside `reference_loops`.

    pip install foolbox && pip install --no-deps torchattacks

Both attacks are projected gradient descent with signed steps, as these libraries have it, with the length, number and
radius of `reference_loops`; the update is the same.
"""

from collections.abc import Callable

import foolbox
import torch
import torchattacks
from reference_loops import EPSILON, STEP, STEPS
from torch import Tensor, nn
from torch.nn import functional as F

Attack = Callable[[nn.Module, Tensor, Tensor], Tensor]


def by_foolbox(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Adversarial images by foolbox (Rauber et al. 2017, arXiv 1707.04131)."""
    attack = foolbox.attacks.LinfPGD(abs_stepsize=STEP, steps=STEPS)
    wrapped = foolbox.PyTorchModel(model.eval(), bounds=(0, 1), device=images.device)
    _, clipped, _ = attack(wrapped, images, labels, epsilons=EPSILON)
    return clipped


def by_torchattacks(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Adversarial images by torchattacks (Kim 2020, arXiv 2010.01950)."""
    found: Tensor = torchattacks.PGD(model, eps=EPSILON, alpha=STEP, steps=STEPS)(images, labels)
    return found


def library_step(attack: Attack) -> Callable[..., float]:
    """Returns a step like those of `reference_loops`, with another attack."""

    def step(
        model: nn.Module, optimiser: torch.optim.Optimizer, images: Tensor, labels: Tensor, _: torch.Generator
    ) -> float:
        half = len(images) // 2
        perturbed = attack(model, images[half:], labels[half:])
        model.train()
        optimiser.zero_grad()
        logits = model(torch.cat([images[:half], perturbed]))
        loss = F.cross_entropy(logits, labels)  # halves are equal
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


LIBRARIES = {
    "(c) textbook, foolbox": library_step(by_foolbox),
    "(c) textbook, torchattacks": library_step(by_torchattacks),
}

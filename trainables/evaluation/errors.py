"""Errors of one model, clean and under attack.

`robust_error` is the fraction of examples misclassified clean or under attack, averaged over radii: at the paper's
radius alone, under an attack that spends its budget, every model of FONTS at 1000 examples fails, and nothing could be
compared. `success_rate` is the measure of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), section 3: its own
attack, over correctly classified examples, mean over attempts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trainables.attacks.attack import Attack, taken
from trainables.attacks.objectives import cross_entropy
from trainables.classifiers.classifier import Classifier
from trainables.data.split import Split
from trainables.differentiation import Tensors, grad_and_aux
from trainables.evaluation.tally import Tally
from trainables.threats.threat import Threat

CHUNK = 500
WORTH_LEAVING = 1 / 8  # of a batch; to make it anew for fewer would cost more than they do

MakeThreat = Callable[[Tensor, Tensor], Threat]
"""Makes the threat for some examples (indices into a split) at one radius."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A trained model and the split that it is measured on.

    Attributes:
        folded: parameters of the classifier, without normalisations.
        tally: counts what every measurement costs.
    """

    classifier: Classifier
    folded: Tensors
    split: Split
    tally: Tally

    def error(self) -> float:
        """Returns the fraction of the whole split that is misclassified."""
        parts = torch.split(torch.arange(len(self.split)), CHUNK)
        wrong = torch.cat([self._wrong(part, self.split.images(part)) for part in parts])
        return wrong.double().mean().item()

    def unperturbed(self, threat: MakeThreat, indices: Tensor) -> Bool[Tensor, "batch"]:
        """Returns which examples are misclassified as the threat renders them without a perturbation."""
        made = threat(indices, torch.tensor(0.0))
        return self._wrong(indices, made.render(torch.zeros_like(made.anchor)))

    def _wrong(self, indices: Tensor, images: Tensor) -> Bool[Tensor, "batch"]:
        self.tally.add(len(indices), forward=1)
        return self.classifier.logits(self.folded, images).argmax(1) != self.split.labels[indices]


class Starts(NamedTuple):
    """Random starts of several attempts, see `Norm.sample`."""

    gaussian: Float[Tensor, "attempt example *shape"]
    uniform: Float[Tensor, "attempt example"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One attack under one threat, at settings of its own.

    Attributes:
        threat: makes the threat.
        steps: gradient steps an attempt.
        step_size: as a fraction of the radius that is asked for.
    """

    attack: Attack
    threat: MakeThreat
    steps: int
    step_size: float

    def succeeds(
        self, subject: Subject, indices: Tensor, radius: float, starts: Starts, *, once: bool
    ) -> Bool[Tensor, "attempt example"]:
        """Returns in which attempts it finds a misclassified image.

        An attempt ends with its first success, and leaves the batch as soon as enough others have.

        Args:
            subject: the model and its data.
            indices: the examples.
            radius: of the ball.
            starts: noise for every attempt on each of the split's attacked examples.
            once: one success is enough: a later attempt is made on what the earlier ones have left.
        """
        found = torch.zeros(starts.uniform.shape, dtype=torch.bool)
        everything = torch.cartesian_prod(torch.arange(len(found)), indices)
        for rows in torch.split(everything, max(1, min(CHUNK, len(indices))) if once else CHUNK):
            attempt, example = (rows[~found.any(0)[rows[:, 1]]] if once else rows).unbind(1)
            if len(example):  # not every network takes an empty batch
                self._try(subject, attempt, example, radius, starts, found)
        return found[:, indices]

    def _try(
        self, subject: Subject, attempt: Tensor, example: Tensor, radius: float, starts: Starts, found: Tensor
    ) -> None:
        """Attacks examples, each in one attempt, and notes in `found` which fall."""
        threat = self.threat(example, torch.tensor(radius))
        delta = threat.start(starts.gaussian[attempt, example], starts.uniform[attempt, example])
        state, step_size = self.attack.begin(delta), torch.tensor(self.step_size)
        for step in range(self.steps + 1):
            gradient, wrong = self._look(subject, example, threat, delta, climbs=step < self.steps)
            found[attempt[wrong], example[wrong]] = True
            left = ~found[attempt, example]
            if step == self.steps or not left.any():
                return
            if left.double().mean() <= 1 - WORTH_LEAVING:
                kept = (gradient, delta, state, attempt, example)
                gradient, delta, state, attempt, example = taken(kept, left)
                threat = threat.at(left)
            moved, state = self.attack.move(delta, gradient, state, threat, step_size)
            delta = threat.project(moved)

    def _look(
        self, subject: Subject, example: Tensor, threat: Threat, delta: Tensor, *, climbs: bool
    ) -> tuple[Tensor, Tensor]:
        """Returns the gradient at perturbations, if the attack climbs on from there, and which are misclassified."""
        objective = cross_entropy(subject.classifier, subject.folded, subject.split.labels[example])

        def rise(at: Tensor) -> tuple[Tensor, Tensor]:
            loss, wrong = objective(threat.render(at))
            return loss.sum(), wrong

        subject.tally.add(len(example), forward=1, backward=int(climbs))
        if climbs:
            return grad_and_aux(rise, delta, alone=True)
        with torch.no_grad():
            return delta, rise(delta)[1]


def lost_under_attack(
    subject: Subject, probe: Probe, radii: Sequence[float], lost: Tensor, *, restarts: int, rng: torch.Generator
) -> list[Bool[Tensor, "example"]]:
    """Returns which of the first examples are misclassified at each radius, worst over all that was tried.

    What is lost at one radius is lost at every larger one: the smaller ball lies inside.

    Args:
        subject: the model and its data.
        probe: the attack.
        radii: in rising order.
        lost: which examples are misclassified without an attack.
        restarts: random starts at every radius.
        rng: gives the starts, the same for every model that is measured with an equal generator.
    """
    everyone, masks = torch.arange(len(lost)), []
    for radius in radii:
        starts, left = _starts(probe, everyone, restarts, rng), everyone[~lost]
        lost = lost.clone()
        if len(left):
            lost[left] = probe.succeeds(subject, left, radius, starts, once=True).any(0)
        masks.append(lost)
    return masks


def successes(
    subject: Subject, probe: Probe, radius: float, lost: Tensor, *, attempts: int, rng: torch.Generator
) -> Bool[Tensor, "attempt example"] | None:
    """Returns in which attempts each correctly classified example falls; None where there is none, or no attempt.

    The mean is the paper's success rate: over correctly classified examples, and over attempts.
    """
    everyone = torch.arange(len(lost))
    if not attempts or bool(lost.all()):
        return None
    starts = _starts(probe, everyone, attempts, rng)
    return probe.succeeds(subject, everyone[~lost], radius, starts, once=False)


def _starts(probe: Probe, everyone: Tensor, attempts: int, rng: torch.Generator) -> Starts:
    """Draws starting noise for all examples, so that none depends on how others fare."""
    anchor = probe.threat(everyone, torch.tensor(0.0)).anchor
    drawn = [
        (torch.randn(anchor.shape, generator=rng), torch.rand(len(everyone), generator=rng)) for _ in range(attempts)
    ]
    return Starts(*(torch.stack(noise) for noise in zip(*drawn, strict=True)))

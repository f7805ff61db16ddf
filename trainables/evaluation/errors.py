"""Errors of one model, or of several together, clean and under attack.

`robust_error` is the fraction of examples misclassified clean or under attack, averaged over radii: at the paper's
radius alone, under an attack that spends its budget, every model of FONTS at 1000 examples fails, and nothing could be
compared. `success_rate` is the measure of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), section 3: its own
attack, over correctly classified examples, mean over attempts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainables.attacks.attack import NO_SLACK, Attack, Objective, look, search, taken
from trainables.attacks.noise import Noise
from trainables.attacks.objectives import cross_entropy, dlr_targeted, others
from trainables.evaluation.asked import Asked, MakeLoss, MakeThreat
from trainables.seeding import stream
from trainables.threats.threat import Threat

WORTH_LEAVING = 1 / 8  # of a batch; to make it anew for fewer would cost more than they do
SEEDS = 2**62

MakeObjective = Callable[[Asked, Tensor, Threat], Objective]
"""Makes what is raised on some examples (indices into a split) under their threat."""


def raising(loss: MakeLoss) -> MakeObjective:
    """Returns what makes an objective of the true labels, such as `dlr`, for examples."""

    def make(asked: Asked, indices: Tensor, _threat: Threat) -> Objective:
        return asked.raised(loss, indices)

    return make


BY_CROSS_ENTROPY = raising(cross_entropy)


def towards(place: int) -> MakeObjective:
    """Returns what makes the targeted DLR, towards a wrong class that is likely where nothing is perturbed.

    Args:
        place: of the class among the wrong ones, 1 for the likeliest.
    """

    @torch.no_grad()
    def make(asked: Asked, indices: Tensor, threat: Threat) -> Objective:
        asked.add(indices, forward=1)
        logits = asked.predicted(indices, threat.render(torch.zeros_like(threat.anchor)))
        if not 1 <= place < logits.shape[1]:
            raise ValueError(f"place counts the wrong classes, from 1 to {logits.shape[1] - 1}; got {place=}")
        targets = others(logits, asked.labels(indices)).argsort(dim=1, descending=True)[:, place - 1]
        return asked.raised(dlr_targeted, indices, targets)

    return make


class Starts(NamedTuple):
    """What is random in several attempts.

    Attributes:
        gaussian: where they start, see `Norm.sample`; and `uniform`.
        seed: of the steps of attacks that draw them.
    """

    gaussian: Float[Tensor, "attempt example *shape"]
    uniform: Float[Tensor, "attempt example"]
    seed: int = 0

    def of(self, attempt: Tensor | int, example: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        """Returns the noise of examples in attempts, on a device: what `Threat.start` takes."""
        return self.gaussian[attempt, example].to(device), self.uniform[attempt, example].to(device)

    def of_steps(self, attempt: Tensor, example: Tensor, device: torch.device) -> Noise:
        """Returns what steps draw from: for all examples in all attempts, so that none depends on how others fare."""
        attempts, examples = self.uniform.shape
        rows = attempt * examples + example
        return Noise(rows.to(device), attempts * examples, stream(self.seed, "steps"))


class _Running(NamedTuple):
    """Examples, each in one attempt, that have not fallen; who they are lies on the host."""

    attempt: Int[Tensor, "running"]
    example: Int[Tensor, "running"]
    objective: Objective
    threat: Threat
    delta: Tensor
    state: Any

    def at(self, rows: Tensor) -> "_Running":
        """Returns some of them."""
        attempt, example, delta, state = taken((self.attempt, self.example, self.delta, self.state), rows)
        return _Running(attempt, example, self.objective.at(rows), self.threat.at(rows), delta, state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One attack under one threat, at settings of its own.

    Attributes:
        threat: makes the threat.
        steps: of an attempt; each costs a forward pass and, if the attack climbs, a backward pass.
        step_size: as a fraction of the radius that is asked for.
        objective: makes what the attack raises.
        approach: searches in larger balls that come before, in turn: how many radii each has, and steps. The next one,
            and at last the attack, begins at the best that the one before has found.
    """

    attack: Attack
    threat: MakeThreat
    steps: int
    step_size: float
    objective: MakeObjective = BY_CROSS_ENTROPY
    approach: tuple[tuple[float, int], ...] = ()

    def succeeds(
        self, subject: Asked, indices: Tensor, radius: float, starts: Starts, *, once: bool
    ) -> Bool[Tensor, "attempt example"]:
        """Returns in which attempts it finds a misclassified image.

        An attempt ends with its first success, and leaves the batch as soon as enough others have.

        Args:
            subject: the models and their data.
            indices: the examples.
            radius: of the ball.
            starts: noise for every attempt on each of the split's attacked examples.
            once: one success is enough: a later attempt is made on what the earlier ones have left.
        """
        found = torch.zeros(len(starts.uniform), subject.indices, dtype=torch.bool)
        everything = torch.cartesian_prod(torch.arange(len(found)), indices)
        for rows in subject.parts(everything, len(found) if once else 1):
            attempt, example = (rows[~found.any(0)[rows[:, 1]]] if once else rows).unbind(1)
            if len(example):  # not every network takes an empty batch
                self._try(subject, self._begun(subject, attempt, example, radius, starts), found)
        return found[:, indices]

    def _begun(self, subject: Asked, attempt: Tensor, example: Tensor, radius: float, starts: Starts) -> _Running:
        own = subject.own(example)
        threat = self.threat(own, torch.tensor(radius))
        objective = self.objective(subject, example, threat)
        balls = [(self.threat(own, torch.tensor(times * radius)), steps) for times, steps in self.approach]
        delta = (balls[0][0] if balls else threat).start(*starts.of(attempt, own, subject.device))
        for ball, steps in balls:
            subject.add(example, forward=steps + 1, backward=steps)
            delta = search(
                self.attack,
                objective,
                ball,
                ball.project(delta),
                step_size=torch.tensor(self.step_size),
                steps=torch.tensor(steps),
                slack=torch.tensor(NO_SLACK),
                longest=steps,
                alone=True,
            ).delta
        if balls:
            delta = threat.project(delta)
        noise = starts.of_steps(attempt, own, subject.device) if self.attack.random else None
        state = self.attack.begin(delta, steps=self.steps, noise=noise)
        return _Running(attempt, example, objective, threat, delta, state)

    def _try(self, subject: Asked, running: _Running, found: Tensor) -> None:
        """Attacks, and notes in `found` who falls."""
        step_size = torch.tensor(self.step_size)
        for step in range(self.steps + 1):
            climbs = self.attack.climbs and step < self.steps
            subject.add(running.example, forward=1, backward=int(climbs))
            seen = look(running.objective, running.threat, running.delta, climbs=climbs, alone=True)
            wrong = (seen.wrong & seen.delta.flatten(1).isfinite().all(1)).cpu()  # no image is no success
            found[running.attempt[wrong], running.example[wrong]] = True
            left = ~found[running.attempt, running.example]
            if step == self.steps or not left.any():
                return
            staying = subject.staying(running.example, left, WORTH_LEAVING)
            if not staying.all():
                seen, running = taken(seen, staying), running.at(staying)
            with torch.no_grad():
                moved, state = self.attack.move(seen, running.state, running.threat, step_size)
                running = running._replace(delta=running.threat.project(moved), state=state)


def lost_under_attack(
    subject: Asked, probe: Probe, radii: Sequence[float], lost: Tensor, *, restarts: int, rng: torch.Generator
) -> list[Bool[Tensor, "example"]]:
    """Returns which of the first examples are misclassified at each radius, worst over all that was tried.

    What is lost at one radius is lost at every larger one: the smaller ball lies inside.

    Args:
        subject: the models and their data.
        probe: the attack.
        radii: in rising order.
        lost: which examples are misclassified without an attack, model by model.
        restarts: random starts at every radius.
        rng: gives the starts, the same for every model that is measured with an equal generator.
    """
    examples, masks = len(lost) // subject.models, []
    everyone = subject.first(examples)
    for radius in radii:
        starts, left = starting_noise(probe, torch.arange(examples), restarts, rng), everyone[~lost]
        if len(left):
            fallen = probe.succeeds(subject, left, radius, starts, once=True).any(0)
            lost = lost.masked_scatter(~lost, fallen)
        masks.append(lost)
    return masks


def successes(
    subject: Asked, probe: Probe, radius: float, lost: Tensor, *, attempts: int, rng: torch.Generator
) -> Bool[Tensor, "attempt example"] | None:
    """Returns in which attempts each correctly classified example falls; None where there is none, or no attempt.

    The mean is the paper's success rate: over correctly classified examples, and over attempts.
    """
    examples = len(lost) // subject.models
    if not attempts or bool(lost.all()):
        return None
    starts = starting_noise(probe, torch.arange(examples), attempts, rng)
    return probe.succeeds(subject, subject.first(examples)[~lost], radius, starts, once=False)


def starting_noise(probe: Probe, everyone: Tensor, attempts: int, rng: torch.Generator) -> Starts:
    """Draws starting noise for all examples, so that none depends on how others fare."""
    anchor = probe.threat(everyone, torch.tensor(0.0)).anchor
    drawn = [
        (torch.randn(anchor.shape, generator=rng), torch.rand(len(everyone), generator=rng)) for _ in range(attempts)
    ]
    gaussian, uniform = (torch.stack(noise) for noise in zip(*drawn, strict=True))
    seed = int(torch.randint(SEEDS, (), generator=rng)) if probe.attack.random else 0
    return Starts(gaussian, uniform, seed)

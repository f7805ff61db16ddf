"""What every batch is made of, and how weights move."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from trainables.checks import must, must_choose
from trainables.config.manifold import LearnedConfig
from trainables.config.measurement import ThreatName

FUSED_STEPS = (0, 5, 10, 20, 40)
Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleConfig:
    """One adversarial part of every training batch, and the term of the loss that it feeds.

    Attributes:
        threat: what is perturbed: the image ("pixel"), its code on the manifold ("manifold"), or an affine
            transformation of it ("affine").
        on: the manifold that codes are moved on, where it is not the one that the trial is measured on: a learned one,
            or "known" for that of the data.
        share: fraction of the batch that plays this role.
        weight: of this role's mean loss in the sum over roles; all weights are divided by their sum.
        radius: of the ball that the perturbation stays in, image range or code units.
        attack: how the worst case is looked for; `adam_pgd` is the paper's.
        steps: gradient steps; 0 trains on the random starting points (the paper's Rand* baselines).
        step_size: of one step, as a fraction of the radius; Adam moves every coordinate by it, whatever the norm.
        slack: None keeps the highest loss of all steps; a number stops that many steps after the first success
            (0 is the paper's "weak" variant).
        loss: "ce" on the perturbed examples, or "trades" (clean loss plus beta times a divergence).
        beta: of TRADES.
        centred: whether random starts lie around the code itself. False puts them around zero, as the paper's code does
            for DataAugm: there the scale always ends at its lower bound.
        whole_box: whether random starts lie anywhere in the box of codes, whatever the radius: new images, as far as
            the manifold has them.
    """

    threat: ThreatName
    on: LearnedConfig | Literal["known"] | None = None
    share: float = 0.5
    weight: float = 0.5
    radius: float = 0.3
    attack: Literal["adam_pgd", "pgd"] = "adam_pgd"
    steps: int = 40
    step_size: float = 1 / 60
    slack: int | None = None
    loss: Literal["ce", "trades"] = "ce"
    beta: float = 1.0
    centred: bool = True
    whole_box: bool = False

    def __post_init__(self) -> None:
        must_choose(self)
        must(0 < self.share <= 1, f"share is a fraction of the batch in (0, 1]; got {self.share}")
        must(0 < self.weight <= 1, f"weight lies in (0, 1]; got {self.weight}")
        must(0 < self.radius < math.inf, f"radius is positive and finite; got {self.radius}")
        must(0 <= self.steps <= FUSED_STEPS[-1], f"steps lies in [0, {FUSED_STEPS[-1]}]; got {self.steps}")
        must(0 < self.step_size <= 2, f"step_size is a fraction of the radius in (0, 2]; got {self.step_size}")
        must(self.slack is None or self.slack >= 0, f"slack is None or at least 0; got {self.slack}")
        must(0 <= self.beta < math.inf, f"beta is at least 0, and finite; got {self.beta}")
        must(
            self.loss == "ce" or self.threat == "pixel",
            f"the trades loss is defined for the pixel threat; got {self.threat!r}",
        )
        known = self.on is None or self.on == "known" or isinstance(self.on, LearnedConfig)
        must(known, f"a role moves on a learned manifold, the known one, or the trial's; got {self.on!r}")
        must(
            self.on is None or self.threat == "manifold",
            f"only codes are moved on a manifold of choice; got one for {self.threat!r}",
        )
        must(
            self.centred or (self.threat == "affine" and self.steps == 0),
            f"only random transformations (affine, 0 steps) lie off their centre; got {self.threat!r}, {self.steps=}",
        )
        must(
            not self.whole_box or (self.threat != "pixel" and self.steps == 0),
            f"only random codes (0 steps) lie in the whole box; got {self.threat!r}, {self.steps=}",
        )

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuilds a config from nested plain values.

        Raises:
            ValueError: for a value out of its range.
            TypeError: for a field that does not exist.
        """
        on = plain.get("on")
        return cls(**{**plain, "on": LearnedConfig.from_dict(on) if isinstance(on, Mapping) else on})


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimiserConfig:
    """How weights move.

    Attributes:
        kind: Adam with betas (0.5, 0.9), or SGD with momentum 0.9 and a cosine schedule.
        learning_rate: before the schedule.
        weight_decay: added to the gradient (coupled L2), on all parameters.
        decay: Adam's learning rate is multiplied by this once an epoch, smoothly over its batches.
    """

    kind: Literal["adam", "sgd"] = "adam"
    learning_rate: float = 0.01
    weight_decay: float = 1e-4
    decay: float = 0.95

    def __post_init__(self) -> None:
        must_choose(self)
        must(0 < self.learning_rate <= 10, f"learning_rate lies in (0, 10]; got {self.learning_rate}")
        must(0 <= self.weight_decay <= 1, f"weight_decay lies in [0, 1]; got {self.weight_decay}")
        must(0 < self.decay <= 1, f"decay lies in (0, 1]; got {self.decay}")

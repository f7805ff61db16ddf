"""What one trial is: frozen, complete and valid from birth. No torch in here, so that anyone may speak of a trial.

Source of the strategies: Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3 and supplementary material.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from trainables.checks import must, must_choose

Architecture = Literal["conv", "mlp"]
NormName = Literal["linf", "l2"]
ThreatName = Literal["pixel", "manifold"]

ARCHITECTURES: tuple[Architecture, ...] = ("conv", "mlp")
FUSED_STEPS = (0, 5, 10, 20, 40)
CAPACITY_QUANTUM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which examples a trial sees.

    Attributes:
        source: a folder of typefaces or a prototypes file; None means the typefaces that matplotlib and Pillow carry.
        variant: how far FONTS transforms its letters; the paper uses "hard".
        subset: "first" takes the first faces in order, as the paper does; "random" draws over all faces.
        n_train: examples to train on; n_validation and n_test likewise.
        seed: draws the examples and the splits; all trials of a study share it.
    """

    dataset: Literal["fonts"] = "fonts"
    source: str | None = None
    variant: Literal["easy", "moderate", "hard"] = "hard"
    subset: Literal["first", "random"] = "random"
    n_train: int = 1000
    n_validation: int = 1000
    n_test: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        must_choose(self)
        for name in ("n_train", "n_validation", "n_test"):
            must(
                getattr(self, name) >= 10,
                f"{name} counts examples and is at least 10; got {getattr(self, name)}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreatModel:
    """What the adversary may do in evaluation; fixed for a whole study.

    Attributes:
        norm: how perturbations are measured.
        epsilon: radius in the image, whose range is [0, 1].
        eta: radius in the manifold's code.
    """

    norm: NormName = "linf"
    epsilon: float = 0.3
    eta: float = 0.3

    def __post_init__(self) -> None:
        must_choose(self)
        largest = 1.0 if self.norm == "linf" else 28.0
        must(
            0 < self.epsilon <= largest,
            f"epsilon is a radius in images of range [0, 1], in (0, {largest:g}] for {self.norm}; got {self.epsilon}",
        )
        must(0 < self.eta < math.inf, f"eta is a positive, finite radius in the code; got {self.eta}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleConfig:
    """One adversarial part of every training batch, and the term of the loss that it feeds.

    Attributes:
        threat: what is perturbed: the image ("pixel") or its code on the manifold ("manifold").
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
    """

    threat: ThreatName
    share: float = 0.5
    weight: float = 0.5
    radius: float = 0.3
    attack: Literal["adam_pgd", "pgd"] = "adam_pgd"
    steps: int = 40
    step_size: float = 1 / 60
    slack: int | None = None
    loss: Literal["ce", "trades"] = "ce"
    beta: float = 1.0

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """How a model is measured.

    Attributes:
        split: "validation" while searching, "test" only in the confirmation.
        n_attacked: examples under attack, balanced over classes.
        steps: of the signed (or normalised) PGD that measures robust error.
        restarts: random starts of it; an example counts as lost if any of them succeeds.
        radii: fractions of epsilon and eta at which errors are measured and averaged.
        paper_attempts: of the paper's own attack (40 steps of projected Adam) for the success rates; 0 for none.
        at_epochs: epochs (counted from 1) after which the attacks run; the last epoch always does.
    """

    split: Literal["validation", "test"] = "validation"
    n_attacked: int = 250
    steps: int = 10
    restarts: int = 1
    radii: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    paper_attempts: int = 1
    at_epochs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        must_choose(self)
        must(self.n_attacked >= 10, f"n_attacked counts examples and is at least 10; got {self.n_attacked}")
        must(self.steps >= 1 and self.restarts >= 1, f"{self.steps=} and {self.restarts=} are at least 1")
        rising = list(self.radii) == sorted(set(self.radii)) and min(self.radii, default=0) > 0
        must(rising, f"radii are positive fractions in rising order; got {self.radii}")
        named = len({f"{radius:.2g}" for radius in self.radii}) == len(self.radii)
        must(named, f"radii differ in their first two digits, which name their columns; got {self.radii}")
        must(self.paper_attempts >= 0, f"paper_attempts is at least 0; got {self.paper_attempts}")
        must(min(self.at_epochs, default=1) >= 1, f"at_epochs counts from 1; got {self.at_epochs}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialConfig:
    """Everything that determines a trial's reports on one kind of machine.

    Attributes:
        width: multiplies the channels of the architecture.
        clean_weight: of the clean examples' mean loss.
        roles: the adversarial parts of a batch, at most one a threat.
        fused_steps: upper limit of every role's steps; what may share a fused step agrees in it.
        seed: of weights, order and attacks, each with a stream of its own.
        batch_size: examples an update; the last batch of an epoch wraps around, as the paper's does.
        attack_precision: of the network inside training's attacks; updates and evaluation are float32.
    """

    architecture: Architecture = "conv"
    width: float = 1.0
    data: DataConfig = field(default_factory=DataConfig)
    threat_model: ThreatModel = field(default_factory=ThreatModel)
    clean_weight: float = 1.0
    roles: tuple[RoleConfig, ...] = ()
    fused_steps: int = 40
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    epochs: int = 20
    batch_size: int = 100
    attack_precision: Literal["float32", "bfloat16"] = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        must_choose(self)
        must(0 < self.width <= 4, f"width lies in (0, 4]; got {self.width}")
        must(self.epochs >= 1, f"epochs is at least 1; got {self.epochs}")
        must(self.batch_size >= 2, f"batch_size is at least 2, for batch normalisation; got {self.batch_size}")
        must(0 <= self.clean_weight <= 1, f"clean_weight lies in [0, 1]; got {self.clean_weight}")
        must(self.fused_steps in FUSED_STEPS, f"fused_steps is one of {FUSED_STEPS}; got {self.fused_steps}")
        measured = self.data.n_validation if self.evaluation.split == "validation" else self.data.n_test
        attacked = self.evaluation.n_attacked
        must(attacked <= measured, f"attacked examples are some of the {measured} that are measured; got {attacked}")
        threats = [role.threat for role in self.roles]
        must(len(set(threats)) == len(threats), f"a threat has at most one role; got {threats}")
        counts = [count for _, count in self.role_counts()]
        must(
            sum(counts) <= self.batch_size,
            f"the roles' shares sum to at most 1; got {counts} of {self.batch_size}",
        )
        for role, count in self.role_counts():
            must(
                count >= 1,
                f"a role plays at least one example of a batch; got {role.share} of {self.batch_size}",
            )
            must(role.steps <= self.fused_steps, f"{role.steps=} exceeds {self.fused_steps=}")
        has_clean = sum(counts) < self.batch_size and self.clean_weight > 0
        must(
            has_clean or bool(self.roles),
            "a batch needs clean examples with a weight, or a role; got neither",
        )

    def role_counts(self) -> list[tuple[RoleConfig, int]]:
        """Pairs every role with the number of examples of a batch that play it."""
        return [(role, round(role.share * self.batch_size)) for role in self.roles]

    def capacities(self) -> list[int]:
        """Returns how many places a fused step keeps for each role: at least its examples, in coarse steps."""
        coarse = (CAPACITY_QUANTUM * math.ceil(count / CAPACITY_QUANTUM) for _, count in self.role_counts())
        return [min(self.batch_size, capacity) for capacity in coarse]

    def structure(self) -> dict[str, Any]:
        """Returns what must be equal inside one fused step; everything else may differ between its slots."""
        roles = [
            {"threat": role.threat, "attack": role.attack, "loss": role.loss, "capacity": capacity}
            for role, capacity in zip(self.roles, self.capacities(), strict=True)
        ]
        return {
            "architecture": self.architecture,
            "width": self.width,
            "dataset": self.data.dataset,
            "norm": self.threat_model.norm,
            "optimiser": self.optimiser.kind,
            "batch_size": self.batch_size,
            "steps": self.fused_steps if self.roles else 0,
            "attack_precision": self.attack_precision if self.roles else "float32",
            "roles": roles,
        }

    def signature(self) -> str:
        """Names the structure: 10 hexadecimal digits."""
        return digest(self.structure())[:10]

    def to_dict(self) -> dict[str, Any]:
        """Returns nested plain values that JSON can hold."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "TrialConfig":
        """Rebuilds a config from `to_dict`.

        Raises:
            ValueError: for a value out of its range.
            TypeError: for a field that does not exist.
        """
        values = dict(plain)
        parts = {
            "data": DataConfig,
            "threat_model": ThreatModel,
            "optimiser": OptimiserConfig,
            "evaluation": EvaluationConfig,
        }
        for name, part in parts.items():
            if name in values:
                values[name] = part(**_tuples(values[name]))
        values["roles"] = tuple(RoleConfig(**role) for role in values.get("roles", ()))
        return cls(**values)


def _tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}


def digest(plain: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

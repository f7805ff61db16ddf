"""One trial, whole, as a value that tables can hold and that names its structure."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from trainables.checks import must, must_choose
from trainables.config.data import DataConfig
from trainables.config.manifold import LearnedConfig
from trainables.config.measurement import Checkpoint, EvaluationConfig, ThreatModel, ThreatName
from trainables.config.training import FUSED_STEPS, OptimiserConfig, Precision, RoleConfig

Architecture = Literal["conv", "mlp", "resnet", "vgg", "vit"]

ARCHITECTURES: tuple[Architecture, ...] = ("conv", "mlp", "resnet", "vgg", "vit")
CAPACITY_QUANTUM = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialConfig:
    """Everything that determines a trial's reports on one kind of machine.

    Attributes:
        width: multiplies the channels of the architecture.
        manifold: a learned one, which on-manifold errors are measured on, and which roles move codes on unless they
            name another; None is the data's own, where it is known.
        clean_weight: of the clean examples' mean loss.
        roles: the adversarial parts of a batch, at most one a threat.
        fused_steps: upper limit of every role's steps; what may share a fused step agrees in it.
        seed: of weights, order and attacks, each with a stream of its own.
        batch_size: examples an update; the last batch of an epoch wraps around, as the paper's does.
        attack_precision: of the network inside training's attacks; updates and evaluation are float32.
        checkpoint: the epoch whose weights the trial leaves and is measured by: the last, or that of the lowest error
            or robust error on validation, which is then attacked after every epoch.
    """

    architecture: Architecture = "conv"
    width: float = 1.0
    data: DataConfig = field(default_factory=DataConfig)
    manifold: LearnedConfig | None = None
    threat_model: ThreatModel = field(default_factory=ThreatModel)
    clean_weight: float = 1.0
    roles: tuple[RoleConfig, ...] = ()
    fused_steps: int = 40
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    epochs: int = 20
    batch_size: int = 100
    attack_precision: Precision = "float32"
    checkpoint: Checkpoint = "last"
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
        measured = min(measured, self.data.n_validation) if self.checkpoint == "best-robust" else measured
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

    @property
    def manifolds(self) -> tuple[ThreatName, ...]:
        """Names what errors are measured on, beside the images themselves."""
        return ("manifold", "affine") if self.manifold else self.data.manifolds

    @property
    def moved_on(self) -> LearnedConfig | None:
        """The learned manifold that training moves codes on; None is the data's own, where it is known."""
        chosen = next((role.on for role in self.roles if role.on is not None), self.manifold)
        return chosen if isinstance(chosen, LearnedConfig) else None

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names what is measured, as reports do."""
        rates = ("success_rate",) if self.evaluation.paper_attempts else ()
        beside = {"manifold": "on_manifold_error", "affine": "affine_error"}
        return ("error", "robust_error", *rates, *(beside[name] for name in self.manifolds if name in beside))

    @property
    def examples(self) -> int:
        """Counts the images that are trained on in all epochs, as often as they are seen."""
        return self.epochs * self.data.n_train

    def attacked_after(self, epoch: int) -> bool:
        """Tells whether attacks run on validation after an epoch, beside those that measure what the trial leaves."""
        if self.checkpoint == "best-robust":
            return True
        if epoch == self.epochs:
            return self.checkpoint == "best-clean" and not self.evaluation.only_last
        return epoch in self.evaluation.at_epochs

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
            {
                "threat": role.threat,
                "attack": role.attack,
                "loss": role.loss,
                "centred": role.centred,
                "capacity": capacity,
                **({"whole_box": True} if role.whole_box else {}),
            }
            for role, capacity in zip(self.roles, self.capacities(), strict=True)
        ]
        moved = any(role.threat == "manifold" for role in self.roles)
        learned = {"manifold": asdict(self.moved_on)} if self.moved_on and moved else {}
        return {
            **learned,
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
        """Returns nested plain values that JSON can hold.

        What a role leaves to the trial is absent, and so are strong attacks that are not made and a usual checkpoint:
        packed trainings name a trial by the digest of this.
        """
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        if not self.evaluation.strong:
            del plain["evaluation"]["strong"]
        plain["roles"] = [{k: v for k, v in role.items() if (k, v) not in UNSAID} for role in plain["roles"]]
        return {k: v for k, v in plain.items() if (k, v) != ("checkpoint", "last")}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "TrialConfig":
        """Rebuilds a config from `to_dict`.

        Raises:
            ValueError: for a value out of its range.
            TypeError: for a field that does not exist.
        """
        values = parsed(plain)
        values["roles"] = tuple(RoleConfig.from_dict(role) for role in values.get("roles", ()))
        return cls(**values)


UNSAID = (("on", None), ("whole_box", False))  # of a role: digests are those of before there was a choice

PARTS = {
    "data": DataConfig,
    "threat_model": ThreatModel,
    "optimiser": OptimiserConfig,
    "evaluation": EvaluationConfig,
}


def parsed(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Returns plain values with the parts of a trial's config rebuilt.

    Raises:
        ValueError: for a value out of its range.
        TypeError: for a field that does not exist.
    """
    values = dict(plain)
    for name, part in PARTS.items():
        if name in values:
            values[name] = part(**_tuples(values[name]))
    if values.get("manifold"):
        values["manifold"] = LearnedConfig.from_dict(values["manifold"])
    return values


def _tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()}


def digest(plain: Any) -> str:
    """Returns the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

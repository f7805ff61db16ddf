"""A trial that learns a manifold, and what both kinds of trials are read from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from trainables.checks import must, must_choose
from trainables.config.data import DataConfig
from trainables.config.manifold import LearnedConfig
from trainables.config.measurement import EvaluationConfig, ThreatModel
from trainables.config.trial import TrialConfig, digest, parsed

VAEGAN: Final = "vaegan"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifoldTrialConfig:
    """Everything that determines the reports of a trial whose VAE-GANs learn a manifold.

    Attributes:
        width: of the study's models, which the model's own is a multiple of.
        data: whose manifold it is.
        manifold: what is learned. The trial's seed takes the place of the model's.
        threat_model: of the attack that label disagreement is measured by: its norm, and eta.
        evaluation: on which split, on how many images and in how many steps that attack is made.
        epochs: parts of equal length that the updates fall into; after each the trial reports.
        seed: of weights, order and noise.
    """

    architecture: Literal["vaegan"] = VAEGAN
    width: float = 1.0
    data: DataConfig
    manifold: LearnedConfig = field(default_factory=LearnedConfig)
    threat_model: ThreatModel = field(default_factory=ThreatModel)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    epochs: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        must_choose(self)
        updates = self.manifold.model.updates
        must(
            1 <= self.epochs <= updates,
            f"epochs are parts of the {updates} updates of a model, at least 1; got {self.epochs}",
        )
        measured = self.data.n_validation if self.evaluation.split == "validation" else self.data.n_test
        attacked = self.evaluation.n_attacked
        must(attacked <= measured, f"attacked examples are some of the {measured} that are measured; got {attacked}")

    @property
    def learned(self) -> LearnedConfig:
        """The manifold, with the trial's seed."""
        return replace(self.manifold, model=replace(self.manifold.model, seed=self.seed))

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names what is measured, as reports do."""
        return ("reconstruction_l2", "label_disagreement", "attack_success")

    @property
    def examples(self) -> int:
        """Counts the images that are learned from in all epochs, as often as they are seen."""
        model = self.manifold.model
        return model.updates * model.batch_size * self.data.classes

    def structure(self) -> dict[str, Any]:
        """Returns what must be equal of models that are trained in one fused step."""
        model = self.manifold.model
        named = ("agnostic", "images", "latent", "width", "deceives", "updates", "batch_size")
        return {
            "architecture": self.architecture,
            "dataset": self.data.dataset,
            "judged": model.gamma > 0,
            **{name: getattr(model, name) for name in named},
        }

    def signature(self) -> str:
        """Names the structure: 10 hexadecimal digits."""
        return digest(self.structure())[:10]

    def to_dict(self) -> dict[str, Any]:
        """Returns nested plain values that JSON can hold."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "ManifoldTrialConfig":
        """Rebuilds a config from `to_dict`.

        Raises:
            ValueError: for a value out of its range.
            TypeError: for a field that does not exist.
        """
        return cls(**parsed(plain))


AnyTrialConfig = TrialConfig | ManifoldTrialConfig


def trial_from_dict(plain: Mapping[str, Any]) -> AnyTrialConfig:
    """Rebuilds a trial's config of either kind from its `to_dict`.

    Raises:
        ValueError: for a value out of its range.
        TypeError: for a field that does not exist.
    """
    kind = ManifoldTrialConfig if plain.get("architecture") == VAEGAN else TrialConfig
    return kind.from_dict(plain)

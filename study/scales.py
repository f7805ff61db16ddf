"""How large studies are: presets, from a smoke test to the paper's settings."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from study.strong_config import StrongConfig
from trainables.config import ARCHITECTURES, Architecture, VaeGanConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How large a study is; an option of the command line may change each of its numbers.

    Attributes:
        n_train: examples to train on; n_validation and n_test likewise.
        n_attacked: of them under attack in a measurement.
        epochs: of every trial.
        steps: upper limit of the attacks in training, and of the attack that measures in the search.
        trials: per architecture, baselines included.
        seeds: fresh ones, in the confirmation.
        attempts: of the paper's attack in the confirmation.
        architectures: those that are compared.
        widths: of any architecture; 1 where it is not named.
        manifold: how one is learned, where one is.
        strong: attacks on confirmed models.
    """

    n_train: int
    n_validation: int
    n_test: int
    n_attacked: int
    epochs: int
    steps: int
    trials: int
    seeds: int
    attempts: int
    architectures: tuple[Architecture, ...]
    manifold: VaeGanConfig
    strong: StrongConfig
    widths: Mapping[str, float] = field(default_factory=dict)


# Of learning, smaller batches and larger steps than the paper's give shorter distances at equal cost where it is short.
NARROW = {"resnet": 1 / 8, "vgg": 1 / 8, "vit": 1 / 4}  # what two processors can train
SCALES: Mapping[str, Scale] = MappingProxyType(
    {
        "smoke": Scale(
            n_train=200,
            n_validation=100,
            n_test=1000,
            n_attacked=40,
            epochs=2,
            steps=5,
            trials=2,
            seeds=1,
            attempts=1,
            manifold=VaeGanConfig(width=1 / 16, updates=10),
            strong=StrongConfig(),
            architectures=("conv", "mlp"),
            widths=NARROW,
        ),
        "demo": Scale(
            n_train=1000,
            n_validation=500,
            n_test=5000,
            n_attacked=100,
            epochs=6,
            steps=10,
            trials=12,
            seeds=2,
            attempts=2,
            manifold=VaeGanConfig(width=1 / 8, updates=200, batch_size=50, learning_rate=0.01),
            strong=StrongConfig(strength="fast", images=20, of="ends"),
            architectures=("conv", "mlp", "resnet"),
            widths=NARROW,
        ),
        "laptop": Scale(
            n_train=1000,
            n_validation=1000,
            n_test=10_000,
            n_attacked=250,
            epochs=10,
            steps=10,
            trials=24,
            seeds=5,
            attempts=1,
            manifold=VaeGanConfig(width=1 / 4, updates=1200, batch_size=50, learning_rate=0.01),
            strong=StrongConfig(strength="fast", images=40),
            architectures=("conv", "mlp", "resnet", "vgg"),
            widths=NARROW,
        ),
        "paper": Scale(
            n_train=10_000,
            n_validation=5000,
            n_test=40_000,
            n_attacked=1000,
            epochs=20,
            steps=40,
            trials=64,
            seeds=5,
            attempts=5,
            manifold=VaeGanConfig(),
            strong=StrongConfig(strength="standard", images=1000, seeds=5, of="all"),
            architectures=ARCHITECTURES,
        ),
    }
)

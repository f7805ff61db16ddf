"""How a manifold is learned."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from trainables.checks import must, must_choose

LatentBox = Literal["minmax", "2.0"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VaeGanConfig:
    """A manifold learned by VAE-GANs: everything that determines it but the data and the code.

    The weights are the paper's lambda and gamma (Stutz, Hein and Schiele 2019, arXiv 1812.00740, section 3.2). Its
    released code has a lambda for every data set and some classes (2.25 to 5), here it is 3 for all; 10 latent
    dimensions but for CelebA, which has 25; and rates that fall to .35 (FONTS) or .002 (Fashion-MNIST) of their start.
    As many updates as it makes on Fashion-MNIST (60 epochs of 60 batches) are the default; they are counted as such, so
    that learning from few images is not cut short.

    Attributes:
        agnostic: one model for all classes instead of one for each.
        images: which it is trained on: "all" training images of the data set, whatever a trial's classifier sees, as
            in the paper; or "n", the very images that the classifier is trained on.
        latent: numbers in a code.
        width: factor of all channels; 1 begins with 64.
        reconstruction: weight of the reconstruction's L1 distance, lambda.
        gamma: weight of the adversarial terms; 0 trains no discriminator.
        deceives: whether the adversarial term moves the encoder too, as in the paper's code and not in its text.
        learning_rate: of all three networks, at the beginning.
        decay: what is left of it at the end, as a fraction; it falls by the same factor in every update.
        weight_decay: coupled L2.
        updates: of every class's model; one for all classes makes as many as they do together.
        batch_size: images of a class an update.
        seed: of weights, order and noise.
    """

    agnostic: bool = False
    images: Literal["all", "n"] = "all"
    latent: int = 10
    width: float = 1.0
    reconstruction: float = 3.0
    gamma: float = 1.0
    deceives: bool = True
    learning_rate: float = 0.005
    decay: float = 0.05
    weight_decay: float = 1e-4
    updates: int = 3600
    batch_size: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        must_choose(self)
        must(self.latent >= 1, f"latent counts numbers in a code and is at least 1; got {self.latent}")
        must(0 < self.width <= 4, f"width lies in (0, 4]; got {self.width}")
        must(0 < self.reconstruction < math.inf, f"reconstruction is a positive weight; got {self.reconstruction}")
        must(0 <= self.gamma < math.inf, f"gamma is a weight of at least 0; got {self.gamma}")
        must(0 < self.learning_rate <= 1, f"learning_rate lies in (0, 1]; got {self.learning_rate}")
        must(0 < self.decay <= 1, f"decay lies in (0, 1]; got {self.decay}")
        must(0 <= self.weight_decay < 1, f"weight_decay lies in [0, 1); got {self.weight_decay}")
        must(self.updates >= 1, f"updates is at least 1; got {self.updates}")
        must(self.batch_size >= 2, f"batch_size is at least 2, for batch normalisation; got {self.batch_size}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedConfig:
    """A learned manifold as a trial uses it; where it lies is not part of it.

    Attributes:
        model: how it is learned.
        box: what codes are kept in: the extremes of the training codes in each dimension, as the paper's code does,
            or [-2, 2], as its text says.
    """

    model: VaeGanConfig = field(default_factory=VaeGanConfig)
    box: LatentBox = "minmax"

    def __post_init__(self) -> None:
        must_choose(self)

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuilds a config from nested plain values.

        Raises:
            ValueError: for a value out of its range.
            TypeError: for a field that does not exist.
        """
        return cls(**{**plain, "model": VaeGanConfig(**plain["model"])})

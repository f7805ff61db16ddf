"""What the adversary may do, and how a model is measured under him."""

import math
from dataclasses import dataclass
from typing import Literal

from trainables.checks import must, must_choose

NormName = Literal["linf", "l2"]
ThreatName = Literal["pixel", "manifold", "affine"]
Checkpoint = Literal["last", "best-clean", "best-robust"]
CHECKPOINTS: tuple[Checkpoint, ...] = ("last", "best-clean", "best-robust")


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
        strong: of the attacked examples, the first so many are attacked by the strong ensemble too, and how far they
            are moved from the manifold is measured, after the last epoch.
        only_last: nothing is measured, and nothing reported, before the last epoch, unless training breaks down.
    """

    split: Literal["validation", "test"] = "validation"
    n_attacked: int = 250
    steps: int = 10
    restarts: int = 1
    radii: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    paper_attempts: int = 1
    at_epochs: tuple[int, ...] = ()
    only_last: bool = False
    strong: int = 0

    def __post_init__(self) -> None:
        must_choose(self)
        must(self.n_attacked >= 2, f"n_attacked counts examples and is at least 2; got {self.n_attacked}")
        must(self.steps >= 1 and self.restarts >= 1, f"{self.steps=} and {self.restarts=} are at least 1")
        rising = list(self.radii) == sorted(set(self.radii)) and min(self.radii, default=0) > 0
        must(rising, f"radii are positive fractions in rising order; got {self.radii}")
        named = len({f"{radius:.2g}" for radius in self.radii}) == len(self.radii)
        must(named, f"radii differ in their first two digits, which name their columns; got {self.radii}")
        must(self.paper_attempts >= 0, f"paper_attempts is at least 0; got {self.paper_attempts}")
        must(min(self.at_epochs, default=1) >= 1, f"at_epochs counts from 1; got {self.at_epochs}")
        must(not (self.only_last and self.at_epochs), f"only_last leaves no other epochs; got {self.at_epochs=}")
        must(
            0 <= self.strong <= self.n_attacked,
            f"strong attacks are on some of the {self.n_attacked} attacked examples; got {self.strong}",
        )

"""The smallest perturbation: the L2 attack of Carlini and Wagner 2017 (arXiv 1608.04644), section VI A.

Distance and how far the margin falls short are minimised as a sum, by Adam, in variables whose tanh covers the range
and no more. The constant that weighs the second term is searched for each example: tenfold until it is large enough,
then by bisection. There is no ball: of a threat it is the norm and the range that count here, not the radius.

Unlike there, any wrong class will do, and an image counts as soon as it is misclassified: confidence above zero pushes
further, and asks for no more.
The constant begins at .01, and no search is broken off where it has stopped to gain.

`STUTZ` are the settings of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740: its code). They look for no constant
and keep the first success, so what they find is far from the smallest. Their start is random: pass it. Unlike there, a
true logit counts as minus infinity, not as zero, among the others.
"""

from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from trainables.attacks.attack import Objective
from trainables.attacks.gradient import Moments, climbed
from trainables.checks import must
from trainables.differentiation import grad_and_aux
from trainables.geometry import L2, TINY, per_example
from trainables.threats.threat import Threat

INSIDE = 1 - 1e-6  # of the range: at its very ends tanh would have to be infinite
TENFOLD = 10.0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CarliniWagner:
    """Settings.

    Attributes:
        constants: how many weights of the margin are tried for each example, one after another.
        first: of these.
        iterations: of Adam, for each constant.
        learning_rate: of Adam, in the variables of the tanh.
        confidence: margin, in logits, that the loss asks for.
        squared: whether the loss has the square of the distance, as in the paper, or the distance.
        first_success: whether the first misclassified image is kept, or the nearest.
    """

    constants: int = 9
    first: float = 0.01
    iterations: int = 1000
    learning_rate: float = 0.01
    confidence: float = 0.0
    squared: bool = True
    first_success: bool = False

    def __post_init__(self) -> None:
        must(self.constants >= 1, f"constants counts those that are tried, at least 1; got {self.constants}")
        must(self.iterations >= 1, f"iterations is at least 1; got {self.iterations}")
        must(self.first > 0, f"first is a positive weight; got {self.first}")
        must(self.learning_rate > 0, f"learning_rate is positive; got {self.learning_rate}")
        must(self.confidence >= 0, f"confidence is a margin of at least 0; got {self.confidence}")


STUTZ = CarliniWagner(
    constants=1,
    first=1.0,
    iterations=120,
    learning_rate=0.005,
    confidence=3.0,
    squared=False,
    first_success=True,
)


class Smallest(NamedTuple):
    """What was found for each example.

    Attributes:
        distance: L2 norm of the perturbation, in the threat's units; infinite where no image was misclassified.
        delta: the perturbation; zero there.
        looks: images that were looked at, each a forward and a backward pass.
    """

    distance: Float[Tensor, "batch"]
    delta: Float[Tensor, "batch *shape"]
    looks: Int[Tensor, "batch"]

    def replaced(self, where: Bool[Tensor, "batch"], distance: Tensor, delta: Tensor) -> "Smallest":
        """Returns it with these perturbations in some places."""
        nearer = torch.where(per_example(where, delta), delta, self.delta)
        return Smallest(torch.where(where, distance, self.distance), nearer, self.looks)


def smallest(
    settings: CarliniWagner, objective: Objective, threat: Threat, start: Float[Tensor, "batch *shape"] | None = None
) -> Smallest:
    """Looks for the smallest perturbation of each example that misclassifies it.

    Args:
        settings: how.
        objective: the margin, `trainables.attacks.objectives.margin`.
        threat: says what may change; its radius is not looked at.
        start: the perturbation to begin from, none unless it is given.

    Raises:
        ValueError: if the threat's norm is not L2.
    """
    if not isinstance(threat.norm, L2):
        raise ValueError(f"Carlini and Wagner's distance is L2; got a threat in {type(threat.norm).__name__}")
    start = torch.zeros_like(threat.anchor) if start is None else start
    infinity = torch.full_like(start.flatten(1)[:, 0], torch.inf)
    best = Smallest(infinity, torch.zeros_like(start), torch.zeros_like(infinity, dtype=torch.int64))
    constant, low, high = torch.full_like(infinity, settings.first), torch.zeros_like(infinity), infinity
    for _ in range(settings.constants):
        found = _descended(settings, objective, threat, start, constant)
        best = best.replaced(found.distance < best.distance, found.distance, found.delta)
        best = best._replace(looks=best.looks + found.looks)
        enough = found.distance.isfinite()
        low, high = torch.where(enough, low, constant), torch.where(enough, constant, high)
        constant = torch.where(high.isfinite(), (low + high) / 2, TENFOLD * constant)
    return best


def _descended(
    settings: CarliniWagner, objective: Objective, threat: Threat, start: Tensor, constant: Float[Tensor, "batch"]
) -> Smallest:
    """Returns what is found with one constant for each example."""
    within = _Range(threat)

    def cost(free: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        delta = within.delta(free)
        margin, wrong = objective(threat.render(delta))
        distance = threat.norm.length(delta)
        short = (settings.confidence - margin).clamp_min(0)
        total = (distance.square() if settings.squared else distance) + constant * short
        return total.sum(), (delta, distance, wrong)

    free, length = within.free(start), torch.tensor(settings.learning_rate, dtype=start.dtype)
    moments, infinity = Moments.none(free), torch.full_like(constant, torch.inf)
    found = Smallest(infinity, torch.zeros_like(start), torch.zeros_like(infinity, dtype=torch.int64))
    for _ in range(settings.iterations):
        gradient, (delta, distance, wrong) = grad_and_aux(cost, free, alone=True)
        found = found._replace(looks=found.looks + 1)
        nearer = found.distance.isinf() if settings.first_success else distance < found.distance
        found = found.replaced(wrong & nearer, distance, delta)
        if settings.first_success and bool(found.distance.isfinite().all()):
            break
        free, moments = climbed(free, -gradient, moments, length)
    return found


class _Range:
    """Variables without bounds, whose tanh covers a threat's range."""

    def __init__(self, threat: Threat) -> None:
        low, high = (end.to(threat.anchor) for end in threat.box)
        self._anchor, self._centre, self._half = threat.anchor, (low + high) / 2, ((high - low) / 2).clamp_min(TINY)

    def delta(self, free: Tensor) -> Tensor:
        return self._centre + self._half * free.tanh() - self._anchor

    def free(self, delta: Tensor) -> Tensor:
        return (INSIDE * ((self._anchor + delta - self._centre) / self._half).clamp(-1, 1)).atanh()

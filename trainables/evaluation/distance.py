"""How far perturbed images lie from a manifold.

Claim 1 of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740, section 3.2): regular adversarial examples leave the
manifold. Their measure is the distance to the nearest image of the manifold, where it is known, and what of a
perturbation lies outside the span of nearest training images, where it is not. Unlike there, the nearest image is found
by damped Gauss-Newton steps, since a code is a few numbers; and random perturbations of the same length stand beside
the adversarial ones, since almost every direction leaves a manifold of 6 dimensions in 784.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trainables.attacks.attack import Found, search
from trainables.attacks.gradient import AdamPGD
from trainables.attacks.objectives import cross_entropy
from trainables.data.split import Split
from trainables.evaluation.asked import CHUNK
from trainables.evaluation.measure import PAPER_STEP, PAPER_STEPS, manifold_threats, pixel_threats
from trainables.evaluation.nearest import nearest
from trainables.evaluation.quality import Network
from trainables.geometry import Norm, per_example
from trainables.manifolds.manifold import Manifold
from trainables.seeding import stream
from trainables.threats.threat import Threat

STARTS = 3
NEIGHBOURS = 50
FURTHEST, HALVINGS = 1e3, 60  # of the scale of random directions, that is found by halving


class Perturbed(NamedTuple):
    """Images of a split, before and after a perturbation; in double precision.

    Attributes:
        rows: of the split.
        looks: at all images that were tried, each a forward pass; 0 where nothing was attacked.
        gradients: taken there, each a backward pass.
    """

    rows: Int[Tensor, "batch"]
    before: Float[Tensor, "batch channel height width"]
    after: Float[Tensor, "batch channel height width"]
    looks: int = 0
    gradients: int = 0


class Distances(NamedTuple):
    """Of perturbed images, one each; L2, in image range.

    Attributes:
        length: of the perturbation; 0 of images that are not perturbed.
        to_manifold: to the nearest image of the manifold that was found.
        beyond_neighbours: what of the perturbation lies outside the span of the image's nearest training images.
    """

    length: Float[Tensor, "batch"]
    to_manifold: Float[Tensor, "batch"]
    beyond_neighbours: Float[Tensor, "batch"]


def departures(
    manifold: Manifold,
    split: Split,
    victim: Network,
    known: Split,
    *,
    norm: Norm,
    epsilon: float,
    eta: float,
    attacked: int,
    seed: int,
) -> dict[str, Distances]:
    """Measures how far perturbations of a split's first images take them from a manifold.

    Attacks are the paper's, which end with their first success; only these count, on images that the victim knows.

    Args:
        manifold: known or learned.
        split: of the images.
        victim: is attacked.
        known: images that approximate the manifold: those that it may be learned from.
        norm: of both attacks.
        epsilon: radius of the regular attack.
        eta: radius of the attack on the manifold.
        attacked: images to attack.
        seed: of the noise.

    Returns:
        by kind of perturbation, as far as there is one: "none", "regular", "random" (as long as the regular ones) and
        "on-manifold".
    """
    images = split.images(torch.arange(min(attacked, len(split)))).double()
    moved = perturbed(manifold, split, victim, norm=norm, epsilon=epsilon, eta=eta, attacked=len(images), seed=seed)
    moved = {"none": Perturbed(torch.arange(len(images)), images, images), **moved}
    near = torch.cat([known.images(some) for some in torch.split(torch.arange(len(known)), CHUNK)])
    return {kind: measured(manifold, split, near, each, seed) for kind, each in moved.items() if len(each.rows)}


def perturbed(
    manifold: Manifold,
    split: Split,
    victim: Network,
    *,
    norm: Norm,
    epsilon: float,
    eta: float,
    attacked: int,
    seed: int,
) -> dict[str, Perturbed]:
    """Attacks a split's first images, on the image and on a manifold.

    Args:
        manifold: known, learned, or of transformations.
        split: of the images.
        victim: is attacked.
        norm: of both attacks.
        epsilon: radius of the regular attack.
        eta: radius of the attack on the manifold.
        attacked: images to attack.
        seed: of the noise.

    Returns:
        by kind, those that fell, perhaps none: "regular", "on-manifold", and "random": as long as the regular ones.
    """
    rows = torch.arange(attacked)
    makers = {
        "regular": (pixel_threats(split, norm), epsilon),
        "on-manifold": (manifold_threats(split, norm, manifold), eta),
    }
    moved = {}
    for kind, (make, radius) in makers.items():
        threat, rng = make(rows, torch.tensor(radius)), stream(seed, "departures", kind)
        before = threat.render(torch.zeros_like(threat.anchor, dtype=torch.float64))
        found = _attacked(threat, victim, split.labels[rows], radius, rng)
        after = threat.render(found.delta.double())
        fallen = found.success & ~victim.wrong(before.float(), split.labels[rows])
        looks, gradients = len(rows) + int(found.looks.sum()), int(found.looks.clamp_max(PAPER_STEPS).sum())
        moved[kind] = Perturbed(rows[fallen], before[fallen], after[fallen], looks, gradients)
    own, before, after, *_ = moved["regular"]
    aside = random_like(before, after - before, stream(seed, "departures", "random"))
    return moved | {"random": Perturbed(own, before, aside)}


def _attacked(threat: Threat, victim: Network, labels: Tensor, radius: float, rng: torch.Generator) -> Found:
    """Returns what the paper's attack finds."""
    return search(
        AdamPGD(),
        cross_entropy(victim.classifier, victim.folded, labels),
        threat,
        threat.start(torch.randn(threat.anchor.shape, generator=rng), torch.rand(len(labels), generator=rng)),
        step_size=torch.tensor(PAPER_STEP / radius),
        steps=torch.tensor(PAPER_STEPS),
        slack=torch.tensor(0),
        longest=PAPER_STEPS,
        alone=True,
    )


def measured(
    manifold: Manifold,
    split: Split,
    known: Float[Tensor, "known channel height width"],
    moved: Perturbed,
    seed: int,
    starts: int = STARTS,
) -> Distances:
    """Measures how far perturbed images lie from a manifold.

    Args:
        manifold: that they may have left.
        split: of the images.
        known: images that approximate the manifold.
        moved: the images, before and after.
        seed: of the search for the nearest image.
        starts: of that search.
    """
    start = manifold.codes(split, moved.rows)
    _, far = nearest(manifold, moved.after, start, starts=starts, rng=stream(seed, "departures", "starts"))
    length = (moved.after - moved.before).flatten(1).norm(dim=1)
    return Distances(length, far, beyond_neighbours(moved.before, moved.after, known))


@torch.no_grad()
def beyond_neighbours(
    images: Float[Tensor, "batch channel height width"],
    perturbed: Float[Tensor, "batch channel height width"],
    known: Float[Tensor, "known channel height width"],
) -> Float[Tensor, "batch"]:
    """Returns how much of each perturbation lies outside the span of known images around the unperturbed one.

    The span goes through the unperturbed image, as in the paper's main part, and the perturbed one's 50 nearest images.
    """
    target = perturbed.flatten(1)
    apart = [torch.cdist(target, some.flatten(1).to(target.dtype)) for some in torch.split(known, CHUNK)]
    rows = torch.cat(apart, dim=1).topk(min(NEIGHBOURS, len(known)), largest=False).indices
    around = known[rows].flatten(2).to(target.dtype)
    basis, _ = torch.linalg.qr((around - images.flatten(1)[:, None]).mT)
    delta = (perturbed - images).flatten(1)[:, :, None]
    beyond: Tensor = (delta - basis @ (basis.mT @ delta))[:, :, 0].norm(dim=1)
    return beyond


def random_like(
    images: Float[Tensor, "batch channel height width"],
    delta: Float[Tensor, "batch channel height width"],
    rng: torch.Generator,
) -> Float[Tensor, "batch channel height width"]:
    """Returns images perturbed in random directions, each as far (L2) as by the perturbation that it stands beside.

    They stay in [0, 1], as adversarial examples do: where most pixels are black, half of a random direction leads out.
    """
    drawn = torch.randn(delta.shape, generator=rng, dtype=delta.dtype)

    def moved(scale: Tensor) -> Tensor:
        return (images + per_example(scale, images) * drawn).clamp(0, 1)

    aim = delta.flatten(1).norm(dim=1)
    least, most = torch.zeros_like(aim), torch.full_like(aim, FURTHEST)
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        short = (moved(middle) - images).flatten(1).norm(dim=1) < aim
        least, most = torch.where(short, middle, least), torch.where(short, most, middle)
    return moved(least)

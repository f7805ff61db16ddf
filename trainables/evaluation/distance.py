"""How far perturbed images lie from a manifold.

Claim 1 of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740, section 3.2): regular adversarial examples leave the
manifold. Their measure is the distance to the nearest image of the manifold, where it is known, and what of a
perturbation lies outside the span of nearest training images, where it is not. Unlike there, the nearest image is found
by damped Gauss-Newton steps, since a code is a few numbers; and random perturbations of the same length stand beside
the adversarial ones, since almost every direction leaves a manifold of 6 dimensions in 784.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from trainables.attacks.attack import search
from trainables.attacks.gradient import AdamPGD
from trainables.attacks.objectives import cross_entropy
from trainables.data.split import Split
from trainables.evaluation.errors import CHUNK
from trainables.evaluation.measure import PAPER_STEP, PAPER_STEPS, manifold_threats, pixel_threats
from trainables.evaluation.quality import Network
from trainables.geometry import Norm
from trainables.manifolds.manifold import Code, Manifold
from trainables.seeding import stream
from trainables.threats.threat import Threat

STEPS = 40
DAMPING, EASE, STRAIN = 1e-2, 0.3, 4.0  # of the first step; after one that helped; after one that did not
PROBE = 1e-6  # how far a code is moved to see what that does to its image
GAIN, PATIENCE = 1e-6, 6  # an example's search ends when its square distance falls by less than that so many times
STARTS, DRAWS = 3, 64
NEIGHBOURS = 50


class Perturbed(NamedTuple):
    """Images of a split, before and after a perturbation; in double precision.

    Attributes:
        rows: of the split.
        looks: at all images that were tried, with a gradient or without; 0 where nothing was attacked.
    """

    rows: Int[Tensor, "batch"]
    before: Float[Tensor, "batch channel height width"]
    after: Float[Tensor, "batch channel height width"]
    looks: int = 0


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
        known: images that approximate the manifold: those of training.
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
        after, fallen, looks = _attacked(threat, victim, split.labels[rows], radius, rng)
        fallen &= ~victim.wrong(before.float(), split.labels[rows])
        moved[kind] = Perturbed(rows[fallen], before[fallen], after[fallen], looks)
    own, before, after, _ = moved["regular"]
    aside = before + random_like(after - before, stream(seed, "departures", "random"))
    return moved | {"random": Perturbed(own, before, aside)}


def _attacked(
    threat: Threat, victim: Network, labels: Tensor, radius: float, rng: torch.Generator
) -> tuple[Tensor, Tensor, int]:
    """Returns perturbed images, which of them are misclassified, and how often the victim was looked at."""
    found = search(
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
    return threat.render(found.delta.double()), found.success, int(found.looks.sum())


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
def nearest(
    manifold: Manifold,
    images: Float[Tensor, "batch channel height width"],
    start: Code,
    *,
    starts: int,
    rng: torch.Generator,
) -> tuple[Code, Float[Tensor, "batch"]]:
    """Returns the codes whose images are the nearest that were found, and how far these are.

    Args:
        manifold: says what a code's image is, and where its box ends.
        images: to come near to; their precision is that of the search.
        start: the codes to begin from.
        starts: how many times to begin: at these, then at the best of many random ones around them.
        rng: of the others.
    """
    start = Code(start.free.to(images.dtype), start.fixed)
    spread = start.free.std(0, unbiased=False)
    free, far = _descended(manifold, images, start)
    for _ in range(starts - 1):
        other, other_far = _descended(manifold, images, _promising(manifold, images, start, spread, rng))
        free, far = torch.where((other_far < far)[:, None], other, free), torch.minimum(other_far, far)
    return Code(free, start.fixed), far


def _promising(manifold: Manifold, images: Tensor, start: Code, spread: Tensor, rng: torch.Generator) -> Code:
    """Returns the best of many random codes around those to begin from."""
    best, least = start.free, torch.full_like(start.free[:, 0], torch.inf)
    for _ in range(DRAWS):
        drawn = manifold.clamp(start.free + spread * torch.randn(best.shape, generator=rng, dtype=best.dtype))
        far = (manifold.decode(Code(drawn, start.fixed)) - images).flatten(1).norm(dim=1)
        best, least = torch.where((far < least)[:, None], drawn, best), torch.minimum(far, least)
    return Code(best, start.fixed)


def _descended(manifold: Manifold, images: Tensor, start: Code) -> tuple[Tensor, Tensor]:
    """Takes damped Gauss-Newton steps (Levenberg 1944, Marquardt 1963), every example its own while that helps."""
    free, damping = start.free.clone(), torch.full_like(start.free[:, :1], DAMPING)
    idle = torch.zeros(len(free), dtype=torch.int64)

    def residual(code: Tensor, rows: Tensor) -> Tensor:
        return (manifold.decode(Code(code, start.fixed[rows])) - images[rows]).flatten(1)

    left = residual(free, torch.arange(len(free)))
    for _ in range(STEPS):
        rows = (idle < PATIENCE).nonzero()[:, 0]
        if not len(rows):
            break
        own = partial(residual, rows=rows)
        moved = manifold.clamp(free[rows] + _step(own, free[rows], left[rows], damping[rows]))
        then = own(moved)
        before, after = left[rows].square().sum(1), then.square().sum(1)
        better = after < before
        free[rows[better]], left[rows[better]] = moved[better], then[better]
        damping[rows] *= torch.where(better, EASE, STRAIN)[:, None]
        idle[rows] = torch.where(before - after > GAIN * before, 0, idle[rows] + 1)
    return free, left.norm(dim=1)


def _step(residual: Callable[[Tensor], Tensor], free: Tensor, left: Tensor, damping: Tensor) -> Tensor:
    """Returns the damped Gauss-Newton step of every code.

    Derivatives are differences, because not every operation that renders has a forward derivative.
    """
    probes = PROBE * torch.eye(free.shape[1], dtype=free.dtype)
    jacobian = torch.stack([residual(free + probe) - residual(free - probe) for probe in probes], dim=2) / 2 / PROBE
    curvature = jacobian.mT @ jacobian
    scale = curvature.diagonal(dim1=1, dim2=2).clamp_min(1e-12)
    step: Tensor = torch.linalg.solve(curvature + torch.diag_embed(damping * scale), -(jacobian.mT @ left[:, :, None]))
    return step[:, :, 0]


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
    delta: Float[Tensor, "batch channel height width"], rng: torch.Generator
) -> Float[Tensor, "batch channel height width"]:
    """Returns perturbations in random directions, each as long (L2) as the one it stands beside."""
    drawn = torch.randn(delta.shape, generator=rng, dtype=delta.dtype).flatten(1)
    scaled: Tensor = drawn * (delta.flatten(1).norm(dim=1) / drawn.norm(dim=1))[:, None]
    return scaled.reshape(delta.shape)

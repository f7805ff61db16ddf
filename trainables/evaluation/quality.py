"""How good a learned manifold is: without these numbers a poor generator would look like robustness.

Measures of Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740: its code; the paper prints none) and one that is not
there: whether on-manifold adversarial examples still are what their label says, by a strong classifier that was trained
on all images. Reconstructions and samples of a manifold that has a model for each class were made knowing the label,
so the classifier errs less on them than on genuine images: judge those by distance and agreement.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from trainables.attacks.attack import NO_SLACK, search
from trainables.attacks.gradient import PGD
from trainables.attacks.objectives import cross_entropy
from trainables.classifiers.classifier import Classifier
from trainables.data.split import Split
from trainables.differentiation import Tensors
from trainables.evaluation.asked import CHUNK
from trainables.evaluation.measure import PAPER_STEPS, TRAVEL, manifold_threats
from trainables.geometry import Norm
from trainables.manifolds.learned import LearnedManifold
from trainables.manifolds.manifold import Code
from trainables.seeding import stream

SAMPLES = 1000
TRUNCATED = 2.0  # samples' codes are normal, between -2 and 2
COMMON = 0.9  # of the codes lie in the cube that is reported


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A trained classifier.

    Attributes:
        folded: its parameters, without normalisations.
    """

    classifier: Classifier
    folded: Tensors

    def to(self, device: torch.device) -> "Network":
        """Returns the same classifier, of images that lie on a device."""
        return Network(classifier=self.classifier, folded={k: values.to(device) for k, values in self.folded.items()})

    def wrong(self, images: Tensor, labels: Tensor) -> Tensor:
        """Returns which images it takes for another class."""
        parts = zip(torch.split(images, CHUNK), torch.split(labels, CHUNK), strict=True)
        return torch.cat([self.classifier.logits(self.folded, some).argmax(1) != own for some, own in parts])


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """Two classifiers that say how good manifolds are.

    Attributes:
        reference: says what an image shows.
        victim: is attacked on the manifold.
    """

    reference: Network
    victim: Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Numbers of one manifold on one split; errors are the reference classifier's, fractions in [0, 1].

    Attributes:
        images: measured.
        l1: mean over images of the reconstruction's L1 distance, in image range; `l2` likewise.
        error: on the images; `reconstruction_error` on their reconstructions.
        sample_error: on images of random codes; None where a code has no class.
        deviation: standard deviation of codes, mean over dimensions.
        cube: half the side of the smallest cube around zero that holds nine tenths of the codes.
        outside: fraction of codes beyond the latent box.
        eta: radius of the on-manifold attack.
        success: fraction of the victim's correctly classified reconstructions that the attack changes.
        agreement: fraction of those successes that the reference still takes for their label; None without any.
    """

    images: int
    l1: float
    l2: float
    error: float
    reconstruction_error: float
    sample_error: float | None
    deviation: float
    cube: float
    outside: float
    eta: float
    success: float | None
    agreement: float | None


@torch.no_grad()
def reconstructions(manifold: LearnedManifold, split: Split, rows: Tensor) -> Tensor:
    """Returns what the manifold makes of a split's images."""
    return torch.cat([manifold.decode(manifold.codes(split, some)) for some in torch.split(rows, CHUNK)])


@torch.no_grad()
def distances(manifold: LearnedManifold, split: Split) -> Float[Tensor, "2 image"]:
    """Returns the L1 and the L2 distances of a split's images to what the manifold makes of them."""
    lengths = []
    for rows in torch.split(torch.arange(len(split)), CHUNK):
        apart = (split.images(rows) - reconstructions(manifold, split, rows)).flatten(1)
        lengths.append(torch.stack([apart.norm(p=1, dim=1), apart.norm(dim=1)]))
    return torch.cat(lengths, dim=1)


@torch.no_grad()
def samples(manifold: LearnedManifold, labels: Tensor, seed: int) -> Tensor:
    """Returns images of random codes."""
    rng = stream(seed, "samples")
    codes = torch.empty(len(labels), manifold.code_length)
    torch.nn.init.trunc_normal_(codes, a=-TRUNCATED, b=TRUNCATED, generator=rng)
    chosen = zip(torch.split(codes, CHUNK), torch.split(manifold.models(labels), CHUNK), strict=True)
    return torch.cat([manifold.decode(Code(free, fixed)) for free, fixed in chosen])


def measure(
    manifold: LearnedManifold,
    split: Split,
    *,
    judges: Judges,
    norm: Norm,
    eta: float,
    attacked: int,
    seed: int,
) -> Quality:
    """Measures a manifold.

    Args:
        manifold: is measured.
        split: of images that it was not learned from.
        judges: of what its images show.
        norm: of the attack.
        eta: its radius.
        attacked: how many of the split's first images.
        seed: of samples and attack.
    """
    everything, reference = torch.arange(len(split)), judges.reference
    wrong, failed = [], []
    for rows in torch.split(everything, CHUNK):
        images, labels, made = split.images(rows), split.labels[rows], reconstructions(manifold, split, rows)
        wrong.append(reference.wrong(images, labels))
        failed.append(reference.wrong(made, labels))
    codes = torch.cat([manifold.encode(split.images(r), split.labels[r]) for r in torch.split(everything, CHUNK)])
    drawn = torch.arange(SAMPLES) % (int(split.labels.max()) + 1)
    missed = None if manifold.agnostic else reference.wrong(samples(manifold, drawn, seed), drawn)
    success, agreed = agreement(manifold, split, judges, norm, eta, attacked=attacked, steps=PAPER_STEPS, seed=seed)
    l1, l2 = distances(manifold, split).mean(1).tolist()
    return Quality(
        images=len(split),
        l1=l1,
        l2=l2,
        error=_fraction(wrong),
        reconstruction_error=_fraction(failed),
        sample_error=None if missed is None else _fraction([missed]),
        deviation=codes.std(0).mean().item(),
        cube=codes.abs().amax(1).quantile(COMMON).item(),
        outside=((codes < manifold.low) | (codes > manifold.high)).any(1).double().mean().item(),
        eta=eta,
        success=success,
        agreement=agreed,
    )


class Attacked(NamedTuple):
    """What an attack on the manifold does to some images of a split.

    Attributes:
        right: which the victim classified correctly; `fallen` for which of these the attack has found an image that
            it does not.
        wrong: whether it misclassifies `images`: of the highest loss, which is not always so.
        delta: how their codes were moved; `images` what these codes show.
    """

    right: Bool[Tensor, "batch"]
    fallen: Bool[Tensor, "batch"]
    wrong: Bool[Tensor, "batch"]
    delta: Float[Tensor, "batch code"]
    images: Float[Tensor, "batch channel height width"]


def adversarial(
    manifold: LearnedManifold,
    split: Split,
    victim: Network,
    norm: Norm,
    eta: float,
    rows: Tensor,
    seed: int,
    steps: int = PAPER_STEPS,
) -> Attacked:
    """Attacks a classifier on the manifold."""
    threat = manifold_threats(split, norm, manifold)(rows, torch.tensor(eta))
    labels, rng = split.labels[rows], stream(seed, "agreement")
    gaussian = torch.randn(threat.anchor.shape, generator=rng)
    start = threat.start(gaussian, torch.rand(len(rows), generator=rng))
    found = search(
        PGD(),
        cross_entropy(victim.classifier, victim.folded, labels),
        threat,
        start,
        step_size=torch.tensor(TRAVEL / steps),
        steps=torch.tensor(steps),
        slack=torch.tensor(NO_SLACK),
        longest=steps,
        alone=True,
    )
    was_right = ~victim.wrong(threat.render(torch.zeros_like(threat.anchor)), labels)
    images = threat.render(found.delta)
    return Attacked(was_right, found.success & was_right, victim.wrong(images, labels), found.delta, images)


def agreement(
    manifold: LearnedManifold,
    split: Split,
    judges: Judges,
    norm: Norm,
    eta: float,
    *,
    attacked: int,
    steps: int,
    seed: int,
) -> tuple[float | None, float | None]:
    """Returns how often an attack succeeds, and how often the reference still takes its successes for their label.

    Args:
        manifold: the attack moves on it.
        split: of the images.
        judges: the victim and the reference.
        norm: of the attack.
        eta: its radius.
        attacked: how many of the split's first images.
        steps: of the attack.
        seed: of its random start.

    Returns:
        fractions in [0, 1]; the first is None if the victim knows none of the images, the second if none succeeds.
    """
    rows = torch.arange(attacked)
    attack = adversarial(manifold, split, judges.victim, norm, eta, rows, seed, steps)
    labels, right, fallen = split.labels[rows], attack.right, attack.fallen
    if not right.any():
        return None, None
    success = (fallen.sum() / right.sum()).item()
    shown = fallen & attack.wrong
    if not shown.any():
        return success, None
    return success, 1 - _fraction([judges.reference.wrong(attack.images[shown], labels[shown])])


def _fraction(masks: list[Tensor]) -> float:
    return torch.cat(masks).double().mean().item()

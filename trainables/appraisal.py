"""A manifold's quality and pictures, and how far perturbations leave it."""

from dataclasses import dataclass

import torch
from jaxtyping import UInt8
from torch import Tensor

from trainables.config import DataConfig, ThreatModel
from trainables.data.split import Split
from trainables.evaluation.distance import Distances, departures
from trainables.evaluation.quality import Network, Quality, adversarial, measure, reconstructions, samples
from trainables.geometry import NORMS
from trainables.judges import judge, judges, victim_training
from trainables.manifolds.learned import LearnedManifold
from trainables.manifolds.manifold import Code, Manifold
from trainables.manifolds.store import ManifoldStore
from trainables.provision import Data

NEAR = 60_000  # images that approximate the manifold, at most: more would not fit into memory
PROJECTED = 300  # test images that distances are measured of, at most
SHOWN = 10  # images in a row


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What is known of a manifold.

    Attributes:
        distances: of perturbed test images to it, by the kind of perturbation.
        quality: None where the manifold is known, and nothing had to be learned.
        pictures: by what they show: rows of ten images, 255 is white; of learned ones.
    """

    distances: dict[str, Distances]
    quality: Quality | None
    pictures: dict[str, UInt8[Tensor, "row column channel height width"]]


def appraise(
    manifold: Manifold,
    of: DataConfig,
    data: Data,
    threat_model: ThreatModel,
    store: ManifoldStore,
    *,
    attacked: int,
) -> Appraisal:
    """Measures a manifold on the test split.

    Args:
        manifold: of the data, or learned from it.
        of: selects the data.
        data: that was loaded by it.
        threat_model: of the attacks.
        store: holds the two classifiers, or will.
        attacked: test images to attack.
    """
    victim = judge(victim_training(of, data), data, store)
    distances = departures(
        manifold,
        data.splits.test,
        victim,
        data.splits.pool(NEAR),
        norm=NORMS[threat_model.norm],
        epsilon=threat_model.epsilon,
        eta=threat_model.eta,
        attacked=min(attacked, PROJECTED),
        seed=of.seed,
    )
    if not isinstance(manifold, LearnedManifold):
        return Appraisal(distances=distances, quality=None, pictures={})
    quality, pictures = judged(manifold, of, data, threat_model, store, attacked=attacked)
    return Appraisal(distances=distances, quality=quality, pictures=pictures)


def judged(
    manifold: LearnedManifold,
    of: DataConfig,
    data: Data,
    threat_model: ThreatModel,
    store: ManifoldStore,
    *,
    attacked: int,
) -> tuple[Quality, dict[str, UInt8[Tensor, "row column channel height width"]]]:
    """Returns how good a learned manifold is on the test split, and pictures, as in `Appraisal`; see `appraise`."""
    both = judges(of, data, store)
    quality = measure(
        manifold,
        data.splits.test,
        judges=both,
        norm=NORMS[threat_model.norm],
        eta=threat_model.eta,
        attacked=min(attacked, len(data.splits.test)),
        seed=of.seed,
    )
    return quality, _pictures(manifold, data.splits.test, both.victim, threat_model, of.seed)


def _pictures(
    manifold: LearnedManifold, test: Split, victim: Network, threat_model: ThreatModel, seed: int
) -> dict[str, Tensor]:
    classes = _shown(test)
    rows = torch.stack([own[0] for own in classes])
    moved = adversarial(manifold, test, victim, NORMS[threat_model.norm], threat_model.eta, rows, seed)
    pictures = {
        "images": test.images(rows)[None],
        "reconstructions": reconstructions(manifold, test, rows)[None],
        "on-manifold adversarial examples": moved.images[None],
        "samples": torch.stack([samples(manifold, test.labels[rows], seed) for seed in range(3)]),
        "interpolations": _interpolations(manifold, test, classes),
    }
    return {name: _bytes(images) for name, images in pictures.items()}


def _shown(split: Split) -> list[Tensor]:
    """Returns the rows of ten classes that the split has images of, in turn if there are fewer."""
    found = [(split.labels == label).nonzero()[:, 0] for label in split.labels.bincount().nonzero()[:, 0]]
    return [found[i % len(found)] for i in range(SHOWN)]


@torch.no_grad()
def _interpolations(manifold: LearnedManifold, split: Split, classes: list[Tensor]) -> Tensor:
    """Returns, for three classes, what lies between the codes of their first and last images."""
    lines = []
    for own in classes[:3]:
        ends = manifold.codes(split, own[[0, -1]])
        share = torch.linspace(0, 1, SHOWN)[:, None]
        lines.append(manifold.decode(Code(ends.free[:1].lerp(ends.free[1:], share), ends.fixed[:1].repeat(SHOWN))))
    return torch.stack(lines)


def _bytes(images: Tensor) -> Tensor:
    return (255 * images.clamp(0, 1)).round().to(torch.uint8)

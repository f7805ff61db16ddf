"""A learned manifold's quality and pictures, with the two classifiers that it takes to tell.

The reference is a network twice as wide as the paper's, trained on all images that anything may be learned from; the
victim is the paper's, trained as Normal on the study's own. Both lie in the manifolds' store, and are trained once.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import UInt8
from torch import Tensor

from trainables.classifiers import build
from trainables.config import DataConfig, EvaluationConfig, ThreatModel, TrialConfig
from trainables.data.split import Split
from trainables.evaluation.quality import Network, Quality, adversarial, measure, reconstructions, samples
from trainables.geometry import NORMS
from trainables.manifolds.learned import LearnedManifold
from trainables.manifolds.manifold import Code
from trainables.manifolds.store import ManifoldStore
from trainables.provision import LEARNS, Data, code_version
from trainables.training.loop import begin, train

REFERENCE_WIDTH, REFERENCE_EPOCHS, VICTIM_EPOCHS = 2.0, 4, 20
SHOWN = 10  # images in a row
TRAINS = (*LEARNS, "classifiers", "training", "threats", "attacks", "geometry")
NOTHING = EvaluationConfig(n_attacked=2, steps=1, paper_attempts=0, radii=(1.0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Appraisal:
    """What is known of a manifold.

    Attributes:
        pictures: by what they show: rows of ten images, 255 is white.
    """

    quality: Quality
    pictures: dict[str, UInt8[Tensor, "row column channel height width"]]


def appraise(
    manifold: LearnedManifold,
    of: DataConfig,
    data: Data,
    threat_model: ThreatModel,
    store: ManifoldStore,
    *,
    attacked: int,
) -> Appraisal:
    """Measures a manifold on the test split.

    Args:
        manifold: that was learned from the data.
        of: selects the data.
        data: that was loaded by it.
        threat_model: of the on-manifold attack.
        store: holds the two classifiers, or will.
        attacked: test images to attack.
    """
    reference = _network(_reference(of), of, data, data.splits.pool, store, "reference")
    victim = _network(_victim(of), of, data, lambda: data.splits.train, store, "victim")
    norm = NORMS[threat_model.norm]
    quality = measure(
        manifold,
        data.splits.test,
        reference=reference,
        victim=victim,
        norm=norm,
        eta=threat_model.eta,
        attacked=min(attacked, len(data.splits.test)),
        seed=of.seed,
    )
    classes = _shown(data.splits.test)
    rows = torch.stack([own[0] for own in classes])
    moved = adversarial(manifold, data.splits.test, victim, norm, threat_model.eta, rows, of.seed)
    made = reconstructions(manifold, data.splits.test, rows)
    pictures = {
        "images": data.splits.test.images(rows)[None],
        "reconstructions": made[None],
        "on-manifold adversarial examples": moved.images[None],
        "samples": torch.stack([samples(manifold, data.splits.test.labels[rows], seed) for seed in range(3)]),
        "interpolations": _interpolations(manifold, data.splits.test, classes),
    }
    return Appraisal(quality=quality, pictures={name: _bytes(images) for name, images in pictures.items()})


def _reference(of: DataConfig) -> TrialConfig:
    return TrialConfig(
        architecture="conv", width=REFERENCE_WIDTH, data=of, epochs=REFERENCE_EPOCHS, evaluation=NOTHING, seed=of.seed
    )


def _victim(of: DataConfig) -> TrialConfig:
    return TrialConfig(architecture="conv", data=of, epochs=VICTIM_EPOCHS, evaluation=NOTHING, seed=of.seed)


def _network(
    config: TrialConfig,
    of: DataConfig,
    data: Data,
    split: Callable[[], Split],
    store: ManifoldStore,
    what: str,
) -> Network:
    """Returns a trained classifier from the store, where it is put first if nobody has trained it yet."""
    classifier = build(config.architecture, data.splits.image_shape, data.splits.classes, config.width)

    def make() -> tuple[dict[str, Tensor], dict[str, float]]:
        own = split()
        splits = replace(data.splits, train=own)
        training = begin(replace(config, data=replace(of, n_train=len(own))), classifier, splits, {})
        *_, last = train(training)
        return {**training.state.params, **training.state.buffers}, {"error": last.error, "seconds": last.seconds}

    plain = config.to_dict()
    del plain["data"]["source"]
    seen = data.splits.pool_fingerprint if what == "reference" else data.fingerprint
    recipe = {"classifier": plain, "what": what, "images": seen, "code": code_version(TRAINS)}
    weights = store.obtain(recipe, make)
    return Network(classifier=classifier, folded=classifier.fold(weights, weights))


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

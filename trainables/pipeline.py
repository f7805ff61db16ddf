"""From a config to reports: data, manifold, classifier, training. Needs neither Ray nor Optuna."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from trainables.checks import must
from trainables.classifiers import build
from trainables.config import DataConfig, TrialConfig, digest
from trainables.data import images
from trainables.data.fonts import make_splits
from trainables.data.glyphs import SIDE
from trainables.data.ranges import FONT_RANGES, IMAGE_RANGES
from trainables.data.split import Splits
from trainables.data.typefaces import fingerprint, typefaces
from trainables.manifolds.affine import AffineManifold, Warp
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Manifolds
from trainables.report import EpochReport
from trainables.training.checkpoint import pack, unpack
from trainables.training.loop import Training, begin, train


@dataclass(frozen=True, slots=True)
class Run:
    """A trial that is ready to train.

    Attributes:
        device: where it trains.
        manifold_digest: names the manifold that on-manifold numbers refer to, or None.
    """

    training: Training
    device: str
    manifold_digest: str | None

    @property
    def parameters(self) -> int:
        """Counts the classifier's trained parameters."""
        return self.training.classifier.size

    def reports(self, after_step: Callable[[], None] = lambda: None) -> Iterator[EpochReport]:
        """Trains from wherever it is, and reports after every epoch; `after_step` is called between two steps."""
        return train(self.training, after_step)

    def checkpoint(self) -> bytes:
        """Returns all that `go_on` needs; to be taken after a step or a report."""
        return pack(self.training)

    def go_on(self, checkpoint: bytes) -> None:
        """Continues where a checkpoint of the same trial was taken.

        Raises:
            ValueError: if it is none.
        """
        unpack(self.training, checkpoint)

    def weights(self) -> dict[str, Tensor]:
        """Returns parameters and running statistics as they are now, under the names of the network."""
        return {**self.training.state.params, **self.training.state.buffers}


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What a trial needs of a data set.

    Attributes:
        manifolds: the known manifold where there is one, and the affine transformations of its images.
        fingerprint: names the examples: 64 hexadecimal digits.
    """

    splits: Splits
    manifolds: Manifolds
    fingerprint: str


def load_data(config: DataConfig) -> Data:
    """Makes the splits and the manifolds of a data set.

    Raises:
        ValueError: if the data is missing or damaged, in one sentence.
    """
    if config.dataset == "fonts":
        return _fonts(config)
    splits = images.load(config)
    affine = AffineManifold(Warp(IMAGE_RANGES, *splits.image_shape[1:]))
    return Data(splits=splits, manifolds={"affine": affine}, fingerprint=images.fingerprint(splits))


def _fonts(config: DataConfig) -> Data:
    faces, warp = typefaces(config.source), Warp(FONT_RANGES[str(config.variant)], SIDE, SIDE)
    manifold = FontManifold(torch.tensor(faces.prototypes), warp)
    chosen = {
        k: getattr(config, k) for k in ("dataset", "variant", "subset", "n_train", "n_validation", "n_test", "seed")
    }
    return Data(
        splits=make_splits(config, len(faces.names), manifold.render),
        manifolds={"manifold": manifold, "affine": AffineManifold(warp)},
        fingerprint=digest({**chosen, "typefaces": fingerprint(faces)}),
    )


_load_once = lru_cache(maxsize=4)(load_data)


def data_fingerprint(config: DataConfig) -> str:
    """Names the examples that a config selects; 64 hexadecimal digits.

    Raises:
        ValueError: if the data is missing or damaged, in one sentence.
    """
    return load_data(config).fingerprint


def prepare(config: TrialConfig) -> Run:
    """Loads the data, makes the manifolds and draws the weights.

    Raises:
        ValueError: if the data is missing or damaged, or lacks a manifold that a role moves on; in one sentence.
    """
    data = _load_once(config.data)
    for role in config.roles:
        known = role.threat == "pixel" or role.threat in data.manifolds
        must(known, f"a role moves on a manifold that the data has; got {role.threat!r} on {config.data.dataset}")
    classifier = build(config.architecture, data.splits.image_shape, data.splits.classes, config.width)
    named = data.manifolds.get("manifold")
    return Run(begin(config, classifier, data.splits, data.manifolds), "cpu", named.digest() if named else None)


def run(config: TrialConfig) -> Iterator[EpochReport]:
    """Trains one trial and reports after every epoch."""
    return prepare(config).reports()

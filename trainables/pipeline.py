"""From a config to reports: data, manifold, classifier, training. Needs neither Ray nor Optuna."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from trainables.classifiers import build
from trainables.config import DataConfig, TrialConfig, digest
from trainables.data.fonts import RANGES, make_splits
from trainables.data.split import Splits
from trainables.data.typefaces import fingerprint, typefaces
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.manifold import Manifold
from trainables.report import EpochReport
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

    def reports(self) -> Iterator[EpochReport]:
        """Trains, and reports after every epoch."""
        return train(self.training)

    def weights(self) -> dict[str, Tensor]:
        """Returns parameters and running statistics as they are now, under the names of the network."""
        return {**self.training.state.params, **self.training.state.buffers}


def load_data(config: DataConfig) -> tuple[Splits, Manifold]:
    """Makes the splits and the manifold of a data set.

    Raises:
        ValueError: if the data is missing or damaged, in one sentence.
    """
    faces = typefaces(config.source)
    manifold = FontManifold(torch.tensor(faces.prototypes), RANGES[config.variant].box())
    return make_splits(config, len(faces.names), manifold.render), manifold


_load_once = lru_cache(maxsize=4)(load_data)


def data_fingerprint(config: DataConfig) -> str:
    """Names the examples that a config selects: its typefaces and how they are drawn; 64 hexadecimal digits.

    Raises:
        ValueError: if the data is missing or damaged, in one sentence.
    """
    chosen = {
        k: getattr(config, k) for k in ("dataset", "variant", "subset", "n_train", "n_validation", "n_test", "seed")
    }
    return digest({**chosen, "typefaces": fingerprint(typefaces(config.source))})


def prepare(config: TrialConfig) -> Run:
    """Loads the data, makes the manifold and draws the weights.

    Raises:
        ValueError: if the data is missing or damaged, in one sentence.
    """
    splits, manifold = _load_once(config.data)
    classifier = build(config.architecture, splits.image_shape, splits.classes, config.width)
    return Run(begin(config, classifier, splits, manifold), "cpu", manifold.digest())


def run(config: TrialConfig) -> Iterator[EpochReport]:
    """Trains one trial and reports after every epoch."""
    return prepare(config).reports()

"""From a config to reports: data, manifold, classifier, training. Needs neither Ray nor Optuna."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from trainables.allocation import HOST, own_device
from trainables.checks import must
from trainables.classifiers import build
from trainables.config import DataConfig, TrialConfig
from trainables.evaluation.hypotheses import Beside
from trainables.evaluation.quality import Network
from trainables.manifolds.manifold import Manifolds
from trainables.provision import load_data, load_once
from trainables.report import EpochReport
from trainables.runs import Run
from trainables.training.checkpoint import pack, unpack
from trainables.training.loop import train
from trainables.training.training import Training, begin


@final
@dataclass(frozen=True)
class ClassifierRun(Run):
    """A classifier that is being trained.

    Attributes:
        measured_on: digest of the manifold that on-manifold numbers refer to, or None.
        moved_on: digest of the one that codes are moved on in training, where that is another; else None.
    """

    training: Training
    device: str
    measured_on: str | None
    moved_on: str | None

    @property
    def manifold_digest(self) -> str | None:
        """Names the manifold that on-manifold numbers refer to, or None."""
        return self.measured_on

    @property
    def trained_manifold_digest(self) -> str | None:
        """Names the manifold that training moves codes on, where that is another; else None."""
        return self.moved_on

    @property
    def parameters(self) -> int:
        """Counts the classifier's trained parameters."""
        return self.training.classifier.size

    def reports(self, after_step: Callable[[], None] = lambda: None) -> Iterator[EpochReport]:
        """Trains from wherever it is, and reports after every epoch; `after_step` is called between two steps."""
        return train(self.training, after_step, torch.device(self.device))

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
        named = {**self.training.state.params, **self.training.state.buffers}
        return {name: values.to(HOST) for name, values in named.items()}


def data_fingerprint(config: DataConfig) -> str:
    """Names the examples that a config selects; 64 hexadecimal digits.

    Raises:
        ValueError: if the data is missing or damaged, in one sentence.
    """
    return load_data(config).fingerprint


def prepare(
    config: TrialConfig,
    manifolds: Manifolds | None = None,
    moved: Manifolds | None = None,
    reference: Network | None = None,
) -> ClassifierRun:
    """Loads the data and draws the weights.

    Args:
        config: of the trial.
        manifolds: that it is measured on, as `trainables.provision.provide` gives them; None takes those of the data.
        moved: that its roles move on, where these are others.
        reference: says whether on-manifold adversarial examples keep their labels, where the claims ask for that.

    Raises:
        ValueError: if the data is missing or damaged, or lacks a manifold that a role moves on; in one sentence.
    """
    data = load_once(config.data)
    other = config.moved_on != config.manifold
    given = (manifolds is not None or config.manifold is None) and (moved is not None or not other)
    must(given, "a trial on a learned manifold is given it; got none")
    manifolds = data.manifolds if manifolds is None else manifolds
    moved = moved if other and moved is not None else manifolds
    for role in config.roles:
        known = role.threat == "pixel" or role.threat in moved
        must(known, f"a role moves on a manifold that the data has; got {role.threat!r} on {config.data.dataset}")
    classifier = build(config.architecture, data.splits.image_shape, data.splits.classes, config.width)
    beside = Beside(data.splits.pool, reference) if config.evaluation.strong else None
    training = begin(config, classifier, data.splits, manifolds, moved, beside=beside)
    return ClassifierRun(training, str(own_device()), _digest(manifolds), _digest(moved) if other else None)


def _digest(manifolds: Manifolds) -> str | None:
    return manifolds["manifold"].digest() if "manifold" in manifolds else None


def run(config: TrialConfig) -> Iterator[EpochReport]:
    """Trains one trial and reports after every epoch."""
    return prepare(config).reports()

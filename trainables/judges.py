"""The two classifiers that say how good a learned manifold is; both lie in the manifolds' store, trained once.

The reference is a network twice as wide as the paper's, trained on all images that anything may be learned from, with a
rate that falls faster, since it sees each of them only a few times; the victim is the paper's, trained as Normal on the
study's own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from trainables.classifiers import build
from trainables.config import DataConfig, EvaluationConfig, OptimiserConfig, TrialConfig, digest
from trainables.data.split import Split
from trainables.evaluation.quality import Judges, Network
from trainables.manifolds.store import ManifoldStore
from trainables.provision import LEARNS, Data, code_version
from trainables.seeding import stream
from trainables.training.loop import begin, train

REFERENCE_WIDTH, REFERENCE_EPOCHS, VICTIM_EPOCHS = 2.0, 4, 20
REFERENCE_OPTIMISER = OptimiserConfig(decay=0.3)
TRAINS = (*LEARNS, "classifiers", "training", "threats", "attacks", "geometry")
NOTHING = EvaluationConfig(n_attacked=2, steps=1, paper_attempts=0, radii=(1.0,))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """How a judge is trained.

    Attributes:
        what: it is.
        seen: names the images.
        split: reads them.
    """

    what: str
    config: TrialConfig
    seen: str
    split: Callable[[], Split]

    def recipe(self) -> dict[str, Any]:
        """Returns everything that determines its weights."""
        plain = self.config.to_dict()
        del plain["data"]["source"]
        return {"classifier": plain, "what": self.what, "images": self.seen, "code": code_version(TRAINS)}

    @property
    def name(self) -> str:
        """Names it in the store."""
        return digest(self.recipe())


def reference_training(of: DataConfig, data: Data) -> Training:
    """Returns how the reference of a data set is trained."""
    config = TrialConfig(
        architecture="conv",
        width=REFERENCE_WIDTH,
        data=of,
        optimiser=REFERENCE_OPTIMISER,
        epochs=REFERENCE_EPOCHS,
        evaluation=NOTHING,
        seed=of.seed,
    )
    return Training(what="reference", config=config, seen=data.splits.pool_fingerprint, split=data.splits.pool)


def victim_training(of: DataConfig, data: Data) -> Training:
    """Returns how the victim is trained."""
    config = TrialConfig(architecture="conv", data=of, epochs=VICTIM_EPOCHS, evaluation=NOTHING, seed=of.seed)
    return Training(what="victim", config=config, seen=data.fingerprint, split=lambda: data.splits.train)


def judges(of: DataConfig, data: Data, store: ManifoldStore) -> Judges:
    """Returns both, trained first if nobody has trained them yet."""
    return Judges(
        reference=judge(reference_training(of, data), data, store), victim=judge(victim_training(of, data), data, store)
    )


def judge(how: Training, data: Data, store: ManifoldStore) -> Network:
    """Returns a trained classifier from the store, where it is put first if nobody has trained it yet."""
    config = how.config
    classifier = build(config.architecture, data.splits.image_shape, data.splits.classes, config.width)

    def make() -> tuple[dict[str, Tensor], dict[str, float | None]]:
        own = how.split()
        splits = replace(data.splits, train=own)
        training = begin(replace(config, data=replace(config.data, n_train=len(own))), classifier, splits, {}, {})
        *_, last = train(training)
        return {**training.state.params, **training.state.buffers}, {"error": last.error, "seconds": last.seconds}

    weights = store.obtain(how.recipe(), make)
    return Network(classifier=classifier, folded=classifier.fold(weights, weights))


def untrained_judges(of: DataConfig, data: Data) -> Judges:
    """Returns two that nobody has trained: as large and as slow as those that were."""
    made = []
    for how in (reference_training(of, data), victim_training(of, data)):
        classifier = build(how.config.architecture, data.splits.image_shape, data.splits.classes, how.config.width)
        drawn = classifier.initialise(stream(0, "untrained", how.what))
        made.append(Network(classifier=classifier, folded=classifier.fold(*drawn)))
    reference, victim = made
    return Judges(reference=reference, victim=victim)

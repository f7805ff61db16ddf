"""From a config to data and manifolds."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from trainables.allocation import own_device
from trainables.checks import must
from trainables.config import DataConfig, LearnedConfig, VaeGanConfig, digest
from trainables.data import images
from trainables.data.fonts import DRAWING, make_splits
from trainables.data.glyphs import SIDE
from trainables.data.ranges import FONT_RANGES, IMAGE_RANGES
from trainables.data.split import Split, Splits
from trainables.data.typefaces import fingerprint, typefaces
from trainables.differentiation import Tensors
from trainables.manifolds.affine import AffineManifold, Warp
from trainables.manifolds.fonts import FontManifold
from trainables.manifolds.learned import LearnedManifold, bounded
from trainables.manifolds.manifold import Manifolds
from trainables.manifolds.store import ManifoldStore
from trainables.manifolds.vaegan.learning import ALL, Learner, Progress
from trainables.manifolds.vaegan.networks import Networks
from trainables.seeding import stream


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
    splits, own = make_splits(config, len(faces.names), manifold.render), fingerprint(faces)
    pool = digest({"drawn": splits.pool_fingerprint, "typefaces": own})
    return Data(
        splits=replace(splits, pool_fingerprint=pool),
        manifolds={"manifold": manifold, "affine": AffineManifold(warp)},
        fingerprint=digest({**chosen, "typefaces": own, "drawing": DRAWING}),
    )


# -- learned manifolds -----------------------------------------------------------------------------------------------


LEARNS = ("manifolds/vaegan", "manifolds/learned", "optimisers", "differentiation", "seeding")

load_once = lru_cache(maxsize=4)(load_data)


Told = Progress | str


def provide(config: LearnedConfig | None, of: DataConfig, root: str | None) -> Manifolds:
    """Returns manifolds for a trial to move or be measured on: those of the data, its own replaced if asked for.

    Args:
        config: of the learned manifold, or None.
        of: selects the data.
        root: of the store that holds it.

    Raises:
        ValueError: as `learned` does.
    """
    known = load_once(of).manifolds
    if config is None:
        return known
    must(root is not None, "a learned manifold is taken from a store; got none")
    return {**known, "manifold": _learned_once(config, of, str(root))}


@lru_cache(maxsize=2)  # a trial has two at most: what it is measured on, and what it moves on
def _learned_once(config: LearnedConfig, of: DataConfig, root: str) -> LearnedManifold:
    return learned(config, of, load_once(of), root)


def untrained(config: LearnedConfig | None, of: DataConfig) -> Manifolds:
    """Returns what `provide` would, with a manifold that nobody has learned: as large and as slow as one that was."""
    data = load_once(of)
    if config is None:
        return data.manifolds
    model = config.model
    networks, of_all = _networks(model, data), 1 if model.agnostic else data.splits.classes
    drawn = [networks.initialise(stream(0, "untrained", each), judging=False) for each in range(of_all)]
    weights = {name: torch.stack([params[name] for params, _ in drawn]) for name in drawn[0][0]}
    stats = {name: torch.stack([known[name] for _, known in drawn]) for name in drawn[0][1]}
    return {
        **data.manifolds,
        "manifold": LearnedManifold(networks, weights | stats, agnostic=model.agnostic, box="2.0"),
    }


def learned(config: LearnedConfig, of: DataConfig, data: Data, root: str) -> LearnedManifold:
    """Returns a learned manifold from its store, where it is put first if nobody has learned it yet.

    Args:
        config: of the manifold.
        of: selects the data.
        data: that was loaded by it.
        root: of the store.

    Raises:
        ValueError: if the store cannot be reached, or a class has too few images.
    """
    store, name = ManifoldStore(root), name_of(config.model, of, data)
    weights, _ = store.load(name)
    if weights is None:
        for _ in learning(config.model, of, data, root):
            pass
        weights, _ = store.load(name)
    if weights is None:
        raise ValueError(f"a manifold that was learned must be in its store; {store} has lost it; try again")
    return LearnedManifold(_networks(config.model, data), weights, agnostic=config.model.agnostic, box=config.box)


def learning(model: VaeGanConfig, of: DataConfig, data: Data, root: str) -> Iterator[Told]:
    """Learns a manifold and tells how far it is; when it ends the store has it. Ends at once where it had it.

    Yields:
        progress, and sentences about what somebody should know.

    Raises:
        ValueError: as `learned` does.
    """
    store, name = ManifoldStore(root), name_of(model, of, data)
    if store.has(name):
        return
    who = "one model for all classes" if model.agnostic else "a model for each class"
    yield f"learning the manifold of {of.dataset}, {who}, or waiting for another who does"
    with store.alone(name):
        weights, fault = store.load(name)  # another may have learned it while we waited
        if fault:
            yield store.set_aside(name, fault)
        if weights is not None:
            return
        learner, split = learner_of(model, data)
        last = None
        for last in learner.learn():
            yield last
        assert last is not None, "there is at least one update"
        store.keep(name, *_finished(model, of, data, learner, split, last))


def name_of(model: VaeGanConfig, of: DataConfig, data: Data) -> str:
    """Names a learned manifold: 64 hexadecimal digits."""
    return digest(_recipe(model, of, data))


def _recipe(model: VaeGanConfig, of: DataConfig, data: Data) -> dict[str, Any]:
    """Returns everything that determines a learned manifold."""
    splits = data.splits
    seen = splits.pool_fingerprint if model.images == "all" else data.fingerprint
    about = {"dataset": of.dataset, "image_shape": list(splits.image_shape), "classes": splits.classes}
    return {"model": asdict(model), "data": {**about, "images": seen}, "code": code_version(LEARNS)}


def learner_of(model: VaeGanConfig, data: Data) -> tuple[Learner, Split]:
    """Returns models that have learned nothing yet, and the images that they will learn from.

    Raises:
        ValueError: if a class has too few images.
    """
    splits = data.splits
    split = splits.pool() if model.images == "all" else splits.train
    each = (ALL,) if model.agnostic else range(splits.classes)
    shape, device = splits.image_shape, own_device()
    return Learner(model, split, each, of=splits.classes, image_shape=shape, device=device), split


def _finished(
    model: VaeGanConfig, of: DataConfig, data: Data, learner: Learner, split: Split, last: Progress
) -> tuple[Tensors, dict[str, Any]]:
    """Returns the weights with the extremes of their codes, and what else the store is to know."""
    return bounded(learner.networks, learner.weights(), split, agnostic=model.agnostic), {
        "recipe": _recipe(model, of, data),
        "of": {name: value for name, value in asdict(of).items() if name != "source"},
        "images": len(split),
        "seconds": last.seconds,
        "threads": torch.get_num_threads(),
        "device": str(own_device()),
        "losses": {name: value.item() for name, value in last.losses._asdict().items()},
    }


def _networks(model: VaeGanConfig, data: Data) -> Networks:
    return Networks(image_shape=data.splits.image_shape, latent=model.latent, width=model.width)


def code_version(parts: Sequence[str]) -> str:
    """Names the code of some modules and packages of this package: what other code has made is another thing."""
    root = Path(__file__).parent
    sources = [path for part in parts for path in sorted(root.glob(f"{part}.py")) or sorted(root.glob(f"{part}/*.py"))]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:16]

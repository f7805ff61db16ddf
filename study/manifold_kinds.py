"""What the second adversary of a study may move along: kinds of manifolds, of which the first is measured on."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from trainables.checks import must
from trainables.config import DataConfig, LatentBox, LearnedConfig

ManifoldKind = Literal["known", "learned", "learned-agnostic", "affine"]
MANIFOLDS: tuple[ManifoldKind, ...] = ("known", "learned", "learned-agnostic", "affine")


def usual(data: DataConfig) -> ManifoldKind:
    """Returns the kind where nobody says: the known manifold, or affine transformations where there is none."""
    return "known" if "manifold" in data.manifolds else "affine"


def is_learned(kind: str) -> bool:
    """Tells whether VAE-GANs learn it."""
    return kind.startswith("learned")


def learned_as(learned: LearnedConfig | None, kind: str, box: LatentBox | None = None) -> LearnedConfig | None:
    """Returns the learned manifold of a kind, or None where the kind is not learned.

    Args:
        learned: what the learned kinds of a study share.
        kind: a model for each class, or one for all.
        box: that codes are kept in; None leaves it as it is.

    Raises:
        ValueError: if the kind is learned and nothing says how.
    """
    if not is_learned(kind):
        return None
    if learned is None:
        raise ValueError(f"a learned manifold has a config; got none for {kind}")
    return LearnedConfig(model=replace(learned.model, agnostic=kind == "learned-agnostic"), box=box or learned.box)


def check_kinds(kinds: Sequence[str], data: DataConfig, learned: LearnedConfig | None) -> None:
    """Checks what a study may move along.

    Args:
        kinds: of manifolds, the one to measure on first.
        data: that they are of.
        learned: what those that are learned share.

    Raises:
        ValueError: if they do not go together, or not with the data.
    """
    for kind in kinds:
        must(kind in MANIFOLDS, f"the manifold is one of {', '.join(MANIFOLDS)}; got {kind!r}")
    must(len(set(kinds)) == len(kinds), f"kinds of manifolds are distinct; got {' '.join(kinds)}; name each once")
    must(
        "known" not in kinds or "manifold" in data.manifolds,
        f"a manifold is known for fonts alone; got known for {data.dataset}; choose learned",
    )
    must(any(map(is_learned, kinds)) == (learned is not None), f"a learned manifold has a config; got {learned!r}")


def to_learn(learned: LearnedConfig | None, kinds: Sequence[str]) -> tuple[LearnedConfig, ...]:
    """Returns the manifolds that trials of these kinds need; a box of codes takes no learning of its own."""
    found = (learned_as(learned, kind) for kind in kinds)
    return tuple(each for each in found if each is not None)

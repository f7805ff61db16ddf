"""The grid that the claims of the paper are tested on: strategies by training sizes by seeds. Nothing is searched.

Stutz, Hein and Schiele, "Disentangling Adversarial Robustness and Generalization", CVPR 2019 (arXiv 1812.00740),
section 3, train every strategy with rising numbers of examples for a fixed number of epochs, so that more examples are
more updates as well. Here some sizes are trained once more, for as many updates as the largest one.
"""

from collections.abc import Sequence
from itertools import product
from typing import Literal

from search_spaces.space import Choice, Point, Space
from search_spaces.tradeoff import NAMES, OBJECTIVES, Second

EPOCHS, UPDATES = "epochs", "updates"
Fixed = Literal["epochs", "updates"]


def methods(on: Second) -> tuple[str, ...]:
    """Returns the strategies that are compared where the second adversary moves along a kind of manifold.

    Only the known manifold and the learned ones have a strategy of their own beside the transformations of images.
    """
    own = () if on == "affine" else NAMES[on][:1]
    return ("Normal", "RegAdv", "DataAugm", *own, "AdvTrans")


def claims(on: Second, *, sizes: Sequence[int], at_updates: Sequence[int], seeds: int) -> Space:
    """Returns the grid; its cells are the space's baselines, all of the first seed before those of the second.

    Args:
        on: what the on-manifold adversary moves along.
        sizes: numbers of training examples.
        at_updates: those of them that are trained once more, for as many updates as the largest.
        seeds: of every cell.

    Raises:
        ValueError: for sizes that do not rise, or for fixed updates at a size that is no smaller one.
    """
    if list(sizes) != sorted(set(sizes)) or not sizes:
        raise ValueError(f"training sizes are distinct and rise; got {' '.join(map(str, sizes))}")
    if not set(at_updates) <= set(sizes[:-1]):
        raise ValueError(f"fixed updates are for sizes below the largest; got {' '.join(map(str, at_updates))}")
    if seeds < 1:
        raise ValueError(f"every cell has at least 1 seed; got {seeds}")
    falling: list[tuple[int, Fixed]] = [(size, "epochs") for size in reversed(sizes)]
    falling += [(size, "updates") for size in reversed(at_updates)]
    strategies = methods(on)
    return Space(
        name="claims",
        parameters={
            "method": Choice(strategies),
            "n_train": Choice(tuple(sizes)),
            "fixed": Choice((EPOCHS, UPDATES)),
            "seed": Choice(tuple(range(seeds))),
        },
        baselines=tuple(
            _cell(method, size, fixed, seed)
            for seed, (size, fixed), method in product(range(seeds), falling, strategies)
        ),
        objectives=OBJECTIVES,
    )


def _cell(method: str, size: int, fixed: Fixed, seed: int) -> tuple[str, Point]:
    label = f"{method} {size}" + (", same updates" if fixed == UPDATES else "")
    return label, {"method": method, "n_train": size, "fixed": fixed, "seed": seed}

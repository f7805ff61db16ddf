"""How large the grids of the claims are: presets beside those of `study.scales`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from search_spaces.claims import claims
from study.manifold_kinds import ManifoldKind
from trainables.checks import must

SEARCHING = ("sampler", "scheduler", "halving", "grace", "factor", "replicates", "constraint", "warm_start", "n_train")
"""Options that say nothing to a grid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Numbers of training examples: all of a grid, and those trained once more for as many updates as the largest."""

    sizes: tuple[int, ...]
    at_updates: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How large a grid is.

    Attributes:
        fonts: training sizes on FONTS; `images` on all other data.
        n_test: examples whose error is measured.
        n_attacked: of them under the paper's attack.
        attacked_strongly: of these under the strong ensemble, and measured for their distance to the manifold.
        epochs: of every trial but those of fixed updates.
        steps: of the attacks in training.
        seeds: of every cell.
        attempts: of the paper's attack.
    """

    fonts: Sizes
    images: Sizes
    n_test: int
    n_attacked: int
    attacked_strongly: int
    epochs: int
    steps: int
    seeds: int
    attempts: int


PAPERS = (250, 500, 1000, 1500, 2000, 2500, 3000, 4000, 5000, 7500, 10_000, 15_000, 20_000, 30_000, 40_000)
SMOKE = Sizes(sizes=(250, 1000), at_updates=(250,))
DEMO = Sizes(sizes=(250, 1000, 2500), at_updates=(250,))
PAPER = Sizes(sizes=PAPERS, at_updates=(1000, 10_000))
GRIDS: Mapping[str, Grid] = MappingProxyType(
    {
        "smoke": Grid(
            fonts=SMOKE,
            images=SMOKE,
            n_test=500,
            n_attacked=40,
            attacked_strongly=10,
            epochs=4,
            steps=5,
            seeds=2,
            attempts=1,
        ),
        "demo": Grid(
            fonts=DEMO,
            images=DEMO,
            n_test=2000,
            n_attacked=100,
            attacked_strongly=40,
            epochs=8,
            steps=5,
            seeds=2,
            attempts=1,
        ),
        "laptop": Grid(
            fonts=Sizes(sizes=(250, 500, 1000, 2500, 5000), at_updates=(250, 1000)),
            images=Sizes(sizes=(1000, 5000), at_updates=(1000,)),
            n_test=10_000,
            n_attacked=500,
            attacked_strongly=200,
            epochs=20,
            steps=10,
            seeds=3,
            attempts=1,
        ),
        "paper": Grid(
            fonts=PAPER,
            images=PAPER,
            n_test=40_000,
            n_attacked=1000,
            attacked_strongly=1000,
            epochs=20,
            steps=40,
            seeds=5,
            attempts=5,
        ),
    }
)
ARCHITECTURES = ("conv",)  # the paper's own; others are asked for
N_VALIDATION = 100  # nothing is chosen


def grid_numbers(scale: str, dataset: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a grid makes of a scale, in place of what searches have there.

    Where none of the preset's sizes of fixed updates is among the chosen ones, the smallest stands for them.

    Raises:
        ValueError: for options that say nothing to a grid.
    """
    given = [f"--{name.replace('_', '-')}" for name in SEARCHING if name in options]
    must(not given, f"the space claims is a grid, in which nothing is searched; got {', '.join(given)}; leave it out")
    numbers = asdict(GRIDS[scale])
    sizes = {"fonts": numbers.pop("fonts"), "images": numbers.pop("images")}
    preset = sizes["fonts" if dataset == "fonts" else "images"]
    chosen = tuple(options.get("sizes", preset["sizes"]))
    again = tuple(size for size in preset["at_updates"] if size in chosen[:-1]) or chosen[:1] * (len(chosen) > 1)
    chosen_numbers = {name: options.get(name, value) for name, value in numbers.items()}
    return chosen_numbers | {
        "attacked_strongly": min(chosen_numbers["attacked_strongly"], chosen_numbers["n_attacked"]),
        "sizes": chosen,
        "at_updates": again,
        "n_train": chosen[-1],
        "n_validation": options.get("n_validation", N_VALIDATION),
        "architectures": ARCHITECTURES,
        "scheduler": "none",
    }


def cells(numbers: Mapping[str, Any], kind: ManifoldKind) -> int:
    """Returns how many trials a grid has for each architecture.

    Raises:
        ValueError: if its sizes do not go together.
    """
    own = {name: numbers[name] for name in ("sizes", "at_updates", "seeds")}
    return len(claims(kind, **own).baselines)

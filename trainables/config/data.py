"""Which examples a trial sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from trainables.checks import must, must_choose
from trainables.config.measurement import ThreatName

Dataset = Literal["fonts", "fashion", "mnist", "emnist", "celeba"]

DATASETS: tuple[Dataset, ...] = ("fonts", "fashion", "mnist", "emnist", "celeba")
VARIANTS: Mapping[Dataset, tuple[str, ...]] = MappingProxyType(
    {"fonts": ("hard", "moderate", "easy"), "emnist": ("digits", "letters")}
)
"""Of the datasets that have several; the first is the paper's."""
TEST_SIZES: Mapping[tuple[Dataset, str | None], int] = MappingProxyType(
    {
        ("fashion", None): 10_000,
        ("mnist", None): 10_000,
        ("emnist", "digits"): 40_000,
        ("emnist", "letters"): 20_800,
        ("celeba", None): 20_260,
    }
)
"""Images in the official test files; FONTS, whose images are made, has as many as one asks for."""
CLASSES: Mapping[tuple[Dataset, str | None], int] = MappingProxyType({("emnist", "letters"): 26, ("celeba", None): 2})
"""Where they are not ten."""
PIXELS: Mapping[Dataset, int] = MappingProxyType({"celeba": 3 * 56 * 48})
"""Numbers in an image, where it is not one of 28x28."""
FEWEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """Which examples a trial sees.

    Attributes:
        dataset: FONTS is made of typefaces; the others are files of images.
        source: of FONTS a folder of typefaces or a prototypes file, None being the typefaces that matplotlib and
            Pillow carry; of the others the folder that torchvision's layout begins in.
        variant: how far FONTS transforms its letters, or which part of EMNIST; None is the paper's.
        subset: "first" takes the first faces (or images) in order, as the paper does; "random" draws over all.
        n_train: examples to train on; n_validation and n_test likewise.
        seed: draws the examples and the splits; all trials of a study share it.
    """

    dataset: Dataset = "fonts"
    source: str | None = None
    variant: str | None = None
    subset: Literal["first", "random"] = "random"
    n_train: int = 1000
    n_validation: int = 1000
    n_test: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        must_choose(self)
        variants = VARIANTS.get(self.dataset, ())
        if self.variant is None and variants:
            object.__setattr__(self, "variant", variants[0])
        must(
            self.variant in (variants or (None,)),
            f"variant is one of {', '.join(variants) or 'none'} for {self.dataset}; got {self.variant!r}",
        )
        must(
            self.dataset == "fonts" or self.source is not None,
            f"source is the folder that holds the files of {self.dataset}; got None",
        )
        for name in ("n_train", "n_validation", "n_test"):
            count = getattr(self, name)
            must(count >= FEWEST, f"{name} counts examples and is at least {FEWEST}; got {count}")

    @property
    def classes(self) -> int:
        """How many there are."""
        return CLASSES.get((self.dataset, self.variant), 10)

    @property
    def pixels(self) -> int:
        """How many numbers an image has."""
        return PIXELS.get(self.dataset, 28 * 28)

    @property
    def manifolds(self) -> tuple[ThreatName, ...]:
        """Names what images may be moved along: the data's manifold where it is known, and affine transformations."""
        return ("manifold", "affine") if self.dataset == "fonts" else ("affine",)

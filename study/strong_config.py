"""How hard a study attacks the models that it has confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Literal, Self

from trainables.checks import must, must_choose

StrengthName = Literal["none", "fast", "standard"]
STRENGTHS: tuple[StrengthName, ...] = ("none", "fast", "standard")
Whom = Literal["ends", "front", "all"]
WHOM: Mapping[Whom, str] = MappingProxyType(
    {
        "ends": "both ends of the confirmed front of every architecture",
        "front": "all members of the confirmed fronts",
        "all": "all candidates",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrongConfig:
    """The budget of the evaluation behind a confirmation.

    Attributes:
        strength: of the attacks, see `trainables.evaluation.ensemble.STRENGTHS`; "none" makes none.
        images: of the test split, under attack: the first so many.
        seeds: of every candidate's fresh ones: the first so many.
        of: candidates, one of `WHOM`.
    """

    strength: StrengthName = "none"
    images: int = 50
    seeds: int = 1
    of: Whom = "front"

    def __post_init__(self) -> None:
        must_choose(self)
        must(self.images >= 1, f"strong attacks are made on at least 1 image; got {self.images}")
        must(self.seeds >= 1, f"strong attacks are made on models of at least 1 fresh seed; got {self.seeds}")

    def __bool__(self) -> bool:
        return self.strength != "none"

    def changed(self, given: Mapping[str, Any], *, images: int, seeds: int) -> Self:
        """Returns this with some values changed; of what is not given there is as much as there can be.

        Args:
            given: the new values, by field.
            images: of the test split.
            seeds: fresh ones.

        Raises:
            ValueError: if there is not so much, or a value makes no sense.
        """
        fresh = max(seeds, 1)
        usual = replace(self, images=min(self.images, images), seeds=min(self.seeds, fresh))
        found = replace(usual, **given)
        must(found.images <= images, f"strong attacks are made on some of {images} test images; got {found.images}")
        must(found.seeds <= fresh, f"strong attacks are made on models of some of {seeds} seeds; got {found.seeds}")
        return found

    def must_be_made(self, given: Mapping[str, Any]) -> None:
        """Makes sure that there are attacks where something is said of them.

        Raises:
            ValueError: if there are none.
        """
        idle = [f"--strong-{name}" for name in given if name != "strength"]
        said = f"no strong attacks are made; got {' '.join(idle)}; add --strong fast, or leave it out"
        must(bool(self) or not idle, said)

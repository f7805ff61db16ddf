"""What is claimed, what was found of it, and what that says; by rules that know no data."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv

from analysis.intervals import LEVEL, difference_ends
from analysis.statistics import Interval, interval

Verdict = Literal["supported", "contradicted", "inconclusive"]
SUPPORTED: Final = "supported"
CONTRADICTED: Final = "contradicted"
INCONCLUSIVE: Final = "inconclusive"
Scale = Literal["real", "fraction", "ratio", "correlation"]
"""Of a number: any; in [0, 1]; positive, of which factors count; in [-1, 1]."""
Region = tuple[float, float]
Array = NDArray[np.float64]
Change = Callable[[ArrayLike], Array]
NEARLY_ONE: Final = 1 - 1e-9  # Fisher's z of a correlation of 1 is infinite


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where the whole interval of a number must lie for a verdict; in all other cases there is none.

    Attributes:
        supports: the region that supports what is claimed.
        contradicts: regions that contradict it; between them and the first nothing can be said.
    """

    supports: Region
    contradicts: tuple[Region, ...]

    def verdict(self, found: Interval | None) -> Verdict:
        """Judges by an interval; without ends, as of one seed, nothing is conclusive."""
        if found is None or found.low is None or found.high is None:
            return INCONCLUSIVE
        ends = (found.low, found.high)
        if _inside(ends, self.supports):
            return SUPPORTED
        return CONTRADICTED if any(_inside(ends, region) for region in self.contradicts) else INCONCLUSIVE

    def told(self) -> str:
        """Says the rule in words."""
        return f"supported {_told(self.supports)}, contradicted {' or '.join(map(_told, self.contradicts))}"


def above(least: float, contradicted_below: float | None = None) -> Rule:
    """Returns the rule of a number that must lie above another; below, or below a smaller one, it contradicts."""
    end = least if contradicted_below is None else contradicted_below
    return Rule(supports=(least, math.inf), contradicts=((-math.inf, end),))


def below(most: float, contradicted_above: float | None = None) -> Rule:
    """Returns the rule of a number that must lie below another; above, or above a larger one, it contradicts."""
    end = most if contradicted_above is None else contradicted_above
    return Rule(supports=(-math.inf, most), contradicts=((end, math.inf),))


def within(size: float) -> Rule:
    """Returns the rule of a number that must lie within a size of 0, on either side."""
    return Rule(supports=(-size, size), contradicts=((-math.inf, -size), (size, math.inf)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One number that speaks of a claim.

    Attributes:
        key: names it in tables.
        statement: what would be so if the claim held.
        measure: what the number is.
        found: the number, with its interval over seeds; None where nothing could be measured.
        rule: of the verdict.
        decides: whether the claim's verdict takes it in; else it is told beside.
        paper: what the paper's curves give by the same computation, or its own words; empty where it has nothing.
        note: what a reader must know of the number.
    """

    key: str
    statement: str
    measure: str
    found: Interval | None
    rule: Rule
    decides: bool
    paper: str = ""
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """What it says."""
        return self.rule.verdict(self.found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim of the paper.

    Attributes:
        number: as the paper counts; 5 is the sample complexity.
        title: the claim in a few words.
        findings: about it.
    """

    number: int
    title: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """Contradicted by any finding that decides, supported by all of them, else inconclusive."""
        said = [finding.verdict for finding in self.findings if finding.decides]
        if CONTRADICTED in said:
            return CONTRADICTED
        return SUPPORTED if said and set(said) == {SUPPORTED} else INCONCLUSIVE

    @property
    def against(self) -> tuple[str, ...]:
        """What is told beside a verdict and is contradicted: a claim that stands may say less than one thinks."""
        found = self.findings if self.verdict == SUPPORTED else ()
        return tuple(finding.statement for finding in found if finding.verdict == CONTRADICTED)


def over_seeds(values: Sequence[float], scale: Scale, images: int | None = None) -> Interval | None:
    """Returns the mean over seeds with its 95 % interval: Student's t on the scale where differences count.

    Fractions have t in Wilson's form, ratios t of their logarithms, correlations t of Fisher's z. Where all seeds agree
    there are no ends, but on a fraction of 0 or 1 those that so many images of one seed allow (Clopper and Pearson
    1934).

    Args:
        values: one a seed.
        scale: of the number.
        images: that a fraction is one of, at least.
    """
    sample = np.asarray(values, dtype=np.float64)
    if not len(sample):
        return None
    if scale == "fraction":
        found = interval(np.clip(sample, 0, 1))
        at_end = found.low is None and len(sample) > 1 and found.mean in (0.0, 1.0)
        return _counted(found, images) if at_end and images else found
    forward, back, method = SCALES[scale]
    moved = forward(sample)
    mean, n = float(back(moved.mean())), len(sample)
    if np.ptp(moved) == 0:
        return Interval(mean=mean, low=None, high=None, n=n, method="none: n = 1" if n == 1 else "none: all equal")
    low, high = (float(back(end)) for end in difference_ends(moved, LEVEL))
    return Interval(mean=mean, low=min(low, mean), high=max(high, mean), n=n, method=method)


def _itself(values: ArrayLike) -> Array:
    return np.asarray(values, dtype=np.float64)


def _fishers_z(values: ArrayLike) -> Array:
    return np.arctanh(np.clip(_itself(values), -NEARLY_ONE, NEARLY_ONE))


SCALES: Final[Mapping[str, tuple[Change, Change, str]]] = {
    "real": (_itself, _itself, "t"),
    "ratio": (np.log, np.exp, "t of logarithms"),
    "correlation": (_fishers_z, np.tanh, "t of Fisher's z"),
}
"""Onto the scale where differences count, back from it, and what the interval is called."""


def certain(value: float, n: int) -> Interval:
    """Returns a number that holds by construction."""
    return Interval(mean=value, low=value, high=value, n=n, method="by construction")


def _counted(found: Interval, images: int) -> Interval:
    tail = float(betaincinv(images, 1, (1 - LEVEL) / 2))
    low, high = (tail, 1.0) if found.mean == 1 else (0.0, 1 - tail)
    return Interval(mean=found.mean, low=low, high=high, n=found.n, method=f"Clopper-Pearson, {images} images")


def _inside(ends: Region, region: Region) -> bool:
    return region[0] < ends[0] <= ends[1] < region[1]


def _told(region: Region) -> str:
    low, high = region
    if math.isinf(low):
        return f"below {high:g}"
    return f"above {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"

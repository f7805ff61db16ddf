"""Claims 1 and 2: regular adversarial examples leave the manifold, others lie on it (sections 3.2 and 3.3)."""

from dataclasses import replace
from typing import Final

from analysis.claims.asking import (
    EXIST,
    KEPT,
    LEAVES,
    MORE,
    NORMAL,
    NOT_MEASURED,
    NOT_NEARER,
    ON_SUCCESS,
    SUCCESS,
    Asking,
    less,
    of,
)
from analysis.claims.measures import Pick, least
from analysis.claims.published import DISTANCES
from analysis.claims.verdicts import Claim, Finding, certain

REGULAR, RANDOM, MOVED = (of(f"{kind}_departure", NORMAL) for kind in ("regular", "random", "on_manifold"))
AWAY: Final = "distance to the nearest image of the manifold, as a fraction of the perturbation's length"


def leave(ask: Asking) -> Claim:
    """Regular adversarial examples leave the manifold: those of Normal training, as in the paper."""
    itself = ask.finding(
        "leave",
        "regular adversarial examples lie further off than half of their perturbation's length",
        AWAY,
        REGULAR,
        LEAVES,
        decides=True,
        paper=DISTANCES.get(ask.source or "", ""),
    )
    return Claim(
        number=1,
        title="regular adversarial examples leave the manifold",
        findings=(
            itself,
            *_against_chance(ask),
            ask.finding(
                "apart-from-on-manifold",
                "regular adversarial examples lie further off than on-manifold ones",
                f"{AWAY}, minus that of on-manifold ones",
                less(REGULAR, MOVED),
                MORE,
            ),
        ),
    )


def _against_chance(ask: Asking) -> tuple[Finding, ...]:
    """Compares them with random perturbations of the same length."""
    compared, theirs = f"{AWAY}, minus that of random ones", NOT_MEASURED if ask.source else ""
    return (
        ask.finding(
            "not-nearer-than-chance",
            "regular adversarial examples lie no nearer than random perturbations as long, within a tenth of it",
            compared,
            less(REGULAR, RANDOM),
            NOT_NEARER,
            decides=True,
            paper=theirs,
        ),
        ask.finding(
            "further-than-chance",
            "regular adversarial examples lie further off than random perturbations as long",
            compared,
            less(REGULAR, RANDOM),
            MORE,
            paper=theirs,
            note="What chance does as well is no property of adversarial examples.",
        ),
        ask.finding(
            "angle-beyond-chance",
            "regular perturbations stand steeper on the training images nearby than random ones as long",
            "angle to the span of 50 training images, minus that of random perturbations, degrees",
            less(of("regular_angle", NORMAL), of("random_angle", NORMAL)),
            MORE,
        ),
    )


def exist(ask: Asking) -> Claim:
    """On-manifold adversarial examples exist: of Normal training, at the training size where they are rarest."""

    def rarest(pick: Pick) -> float | None:
        return least(pick(ON_SUCCESS, "epochs").get(NORMAL, {}))

    def overall(pick: Pick) -> float | None:
        found = [value for curve in pick(ON_SUCCESS, "epochs").values() for value in curve.values()]
        return min(found) if found else None

    rate = "success rate of the paper's attack on the manifold"
    return Claim(
        number=2,
        title="on-manifold adversarial examples exist",
        findings=(
            ask.finding(
                "found",
                "an attack on the manifold finds adversarial examples",
                f"{rate}, least over sizes",
                rarest,
                EXIST,
                "fraction",
                images=ask.grid.correct([NORMAL]),
                decides=True,
            ),
            _agreement(ask),
            ask.finding(
                "found-everywhere",
                "an attack on the manifold finds some of every strategy",
                f"{rate}, least over sizes and strategies",
                overall,
                EXIST,
                "fraction",
                images=ask.grid.correct(ask.grid.methods),
            ),
            ask.finding(
                "harder-to-find",
                "on-manifold adversarial examples are rarer than regular ones",
                "success rate in the image minus that on the manifold, mean over sizes",
                less(of(SUCCESS, NORMAL), of(ON_SUCCESS, NORMAL)),
                MORE,
            ),
        ),
    )


def _agreement(ask: Asking) -> Finding:
    """Asks whether labels are kept; on a known manifold they are by construction."""
    known = ask.grid.kind == "known"
    found = ask.finding(
        "keep-their-label",
        "on-manifold adversarial examples keep their label more often than not",
        "by construction: codes of the known manifold have it"
        if known
        else "fraction that a strong classifier takes for it",
        of("label_agreement", NORMAL),
        KEPT,
        "fraction",
        images=ask.grid.least("on_manifold_examples", NORMAL) or None,
        decides=True,
    )
    if known:
        return found if found.found is None else replace(found, found=certain(1.0, found.found.n))
    before = ask.grid.values(of("label_agreement_before", NORMAL))
    told = (
        f"Before they are perturbed the classifier takes {sum(before) / len(before):.3f} of them for it."
        if before
        else ""
    )
    return replace(found, note=told)

"""What strong attacks did to confirmed models, as rows of the tables."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from study.storage.state import Attacked
from trainables.config import EvaluationConfig

FRACTIONS = EvaluationConfig().radii  # of a threat's own radius, that errors are averaged over
ERRORS: Mapping[str, tuple[str, str]] = {
    "strong_robust_error": ("pixel", "worst"),
    "strong_white_box_error": ("pixel", "white_box"),
    "strong_black_box_error": ("pixel", "black_box"),
    "strong_paper_error": ("pixel", "paper"),
    "strong_on_manifold_error": ("manifold", "worst"),
    "strong_affine_error": ("affine", "worst"),
}
"""Which curve, under which threat, each error is a mean of."""
RATES = {"strong_success_rate": "pixel", "strong_on_manifold_success_rate": "manifold"}
BUDGET = ("steps", "targets", "restarts", "queries", "attempts")
KINDS = ("worst", "white_box", "black_box", "paper")
Row = dict[str, Any]


def columns_of(known: Attacked | None) -> Row:
    """Returns what the table of confirmations says of strong attacks on a model; nothing where there were none."""
    if known is None:
        return {}
    about: Row = {
        "strong_strength": known.how["strength"],
        "strong_images": known.how["images"],
        "strong_sources": known.sources,
        "strong_message": known.message,
    }
    if known.found is None:
        return about
    threats = known.found["threats"]
    errors = {name: _mean(threats[of], kind) for name, (of, kind) in ERRORS.items() if of in threats}
    rates = {name: threats[of]["success_rate"] for name, of in RATES.items() if of in threats}
    budget = {f"strong_{name}": known.found["strength"][name] for name in BUDGET}
    return about | errors | rates | budget | {"flags": list(known.flags), "flag_evidence": list(known.evidence)}


def _mean(under: Mapping[str, Any], kind: str) -> float:
    """Returns an error's mean over the study's radii."""
    curve, radius = under["curve"], under["radius"]
    at = dict(zip(curve["radii"], curve[kind], strict=True))
    return float(sum(at[fraction * radius] for fraction in FRACTIONS) / len(FRACTIONS))


def curve_rows(models: Iterable[tuple[Row, Attacked]]) -> Iterator[Row]:
    """Yields a row for every model, threat and radius.

    Args:
        models: what identifies each, and what strong attacks did to it.
    """
    for about, known in models:
        for threat, under in (known.found or {"threats": {}})["threats"].items():
            curve = under["curve"]
            for place, radius in enumerate(curve["radii"]):
                errors = {kind: curve[kind][place] for kind in KINDS}
                yield about | {"threat": threat, "study_radius": under["radius"], "radius": radius} | errors


def ledger_rows(models: Iterable[tuple[Row, Attacked]]) -> Iterator[Row]:
    """Yields a row for every model, attack and radius; see `curve_rows`."""
    for about, known in models:
        for line in zip(*known.ledger.values(), strict=True):
            yield about | dict(zip(known.ledger, line, strict=True))

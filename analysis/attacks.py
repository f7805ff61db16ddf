"""The section of a study's page on strong attacks: sentences, captions and the ledger as tables."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, Final

from analysis.attacked import AttackedCandidate, attacked_candidates, attacked_rows
from analysis.formats import DASH, listed, norm_name, number, plural
from analysis.front import ConfirmedFront
from analysis.load import Study

NOT_MADE: Final = (
    "No strong attacks were made: errors under attack are those of the search's cheap one, and may be lower than they "
    "are. python -m study.launch --resume with --strong fast makes them."
)
HEAD: Final = (
    "threat", "attack", "models", "error alone", "worst case", "gradient evaluations", "forward passes", "queries",
    "starts", "seconds",
)  # fmt: skip
PER_MODEL: Final = ("architecture", "configuration", *(title for title in HEAD if title != "models"))
THREATS: Final = {"pixel": "image", "manifold": "manifold", "affine": "transformations", "none": DASH}
SUMS: Final = ("gradient_evaluations", "forward_passes", "queries", "seconds")
Row = Mapping[str, Any]


def attacks_section(study: Study) -> dict[str, Any]:
    """Returns what `templates/attacks.html` shows.

    Returns:
        `sentences`; `captions` of the figures of `analysis.attack_figures`, by name; `flagged`, rows of doubtful
        candidates; `tables`, each with title, caption, head, rows of cells, and whether it is folded away.
    """
    found = attacked_candidates(study)
    sentences = [NOT_MADE] if not found else [_what_was_made(study, found), _what_was_found(found)]
    failed = [row for row in study.confirmations.to_pylist() if row["strong_message"] is not None]
    if failed:
        reasons = listed(list(dict.fromkeys(row["strong_message"] for row in failed)))
        sentences.append(f"Strong attacks on {plural(len(failed), 'model')} gave nothing: {reasons}.")
    return {
        "sentences": sentences,
        "captions": _captions(study, found) if found else {},
        "flagged": [
            {
                "architecture": c.architecture,
                "name": c.name,
                "trial_id": c.trial_id,
                "counts": "no" if c.flags else "yes",
                "evidence": c.evidence,
            }
            for c in found
            if c.evidence
        ],
        "tables": _tables(study, found) if found else [],
    }


def doubts(fronts: Sequence[ConfirmedFront]) -> list[str]:
    """Returns a caution where candidates are left out of the fronts since strong attacks leave them doubtful."""
    left_out = [f"{c.name} ({c.architecture}: {', '.join(c.flags)})" for front in fronts for c in front.flagged]
    if not left_out:
        return []
    return [f"Strong attacks leave these doubtful, so that they count on no front: {listed(left_out)}."]


def attacks_summary(study: Study) -> dict[str, Any] | None:
    """Returns what summary.json says of strong attacks; None where none were made."""
    found = attacked_candidates(study)
    if not found:
        return None
    rows = study.ledger.to_pylist()
    return {
        "models": sum(len(c.seeds) for c in found),
        "candidates": [
            {
                "trial_id": c.trial_id,
                "architecture": c.architecture,
                "seeds": list(c.seeds),
                "flags": list(c.flags),
                "evidence": list(c.evidence),
                "test_error": c.error,
                **c.values,
            }
            for c in found
        ],
        "cost": {name: sum(row[name] or 0 for row in rows) for name in SUMS},
    }


# -- words -----------------------------------------------------------------------------------------------------------


def _what_was_made(study: Study, found: Sequence[AttackedCandidate]) -> str:
    models, cost = sum(len(c.seeds) for c in found), study.ledger["gradient_evaluations"].to_pylist()
    return (
        f"{plural(models, 'confirmed model')} of {plural(len(found), 'candidate')} came under strong attacks on test "
        f"images: {_how(study)}. They took {sum(cost):,} gradient evaluations."
    )


def _what_was_found(found: Sequence[AttackedCandidate]) -> str:
    paper, strong = (fmean(c.values[name] for c in found) for name in ("strong_paper_error", "strong_robust_error"))
    flagged, elsewhere = [c for c in found if c.flags], [c for c in found if c.evidence and not c.flags]
    doubtful = (
        f"{plural(len(flagged), 'candidate')} raised a flag: what attacks say of such a model is no evidence that it "
        "is robust, so it counts on no front"
        if flagged
        else "no model raised a flag"
        if not elsewhere
        else f"no flag is about the image, but {plural(len(elsewhere), 'candidate')} raised one about a manifold alone"
    )
    return (
        f"Mean over these candidates and the study's radii: error {paper:.3f} under the paper's attack, {strong:.3f} "
        f"under the strongest of all; {doubtful}."
    )


def _captions(study: Study, found: Sequence[AttackedCandidate]) -> dict[str, str]:
    points = f"Each point is a candidate, the mean over {_seeds(found)}; {_how(study)}. {_threat_model(study)}"
    doubtful = " Hollow and struck through: a flag was raised." if any(c.flags for c in found) else ""
    black = "the Square Attack" + (" and images from another model of this study" if _transferred(study) else "")
    return {
        "attacks": (
            f"The same models by what the attacker knows: gradients on the left (APGD on two losses), logits alone on "
            f"the right ({black}). Where the right front lies above the left one, gradients mislead. Robust error: the "
            f"fraction of attacked images that are misclassified clean or under attack, mean over the study's radii. "
            f"{points} Filled: on the front of its architecture in that panel.{doubtful}"
        ),
        "strength": (
            f"The paper's attack (40 steps of projected Adam, one start) against the worst of all attacks, at the same "
            f"radii on the same images of the same models: what lies above the diagonal the paper's attack misses. "
            f"{points}{doubtful}"
        ),
    }


def _how(study: Study) -> str:
    kinds = {
        (r["strong_strength"], r["strong_images"], r["strong_steps"], r["strong_targets"], r["strong_queries"])
        for r in attacked_rows(study)
    }
    return " and ".join(
        f"{strength}, {images} images, {steps} gradient steps, {targets} targets, {queries} queries"
        for strength, images, steps, targets, queries in sorted(kinds)
    )


def _threat_model(study: Study) -> str:
    threat, radii = study.config["threat_model"], ", ".join(f"{radius:.3g}" for radius in study.radii)
    return f"Threat model: {norm_name(threat['norm'])}, ε = {threat['epsilon']:g}, radii {radii}."


def _seeds(found: Sequence[AttackedCandidate]) -> str:
    numbers = sorted({len(c.seeds) for c in found})
    return plural(numbers[0], "fresh seed") if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} fresh seeds"


def _transferred(study: Study) -> bool:
    return any(row["strong_sources"] for row in attacked_rows(study))


# -- the ledger ------------------------------------------------------------------------------------------------------


def _tables(study: Study, found: Sequence[AttackedCandidate]) -> list[dict[str, Any]]:
    rows = study.ledger.to_pylist()
    names = {c.trial_id: c.name for c in found}
    by_attack: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    by_model: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        attack = row["threat"], row["attack"]
        by_attack[attack].append(row)
        by_model[row["architecture"], names.get(row["trial_id"], row["trial_id"]), *attack].append(row)
    what = (
        f"Errors at the study's radius, alone and over all attacks, are means over models; what it took is the sum "
        f"over models and all radii. {_how(study)}. {_threat_model(study)} η = "
        f"{study.config['threat_model']['eta']:g} on manifolds and of transformations."
    )
    study_radii = {
        (row["trial_id"], row["seed"], row["threat"]): row["study_radius"] for row in study.attack_curves.to_pylist()
    }
    return [
        {
            "title": "What every attack took",
            "caption": f"The ledger of {plural(sum(len(c.seeds) for c in found), 'model')}. {what}",
            "head": list(HEAD),
            "rows": [[*_named(key), _models(own), *_cells(own, study_radii)] for key, own in by_attack.items()],
            "folded": False,
        },
        {
            "title": "The same for every candidate",
            "caption": what,
            "head": list(PER_MODEL),
            "rows": [[*key[:2], *_named(key[2:]), *_cells(own, study_radii)] for key, own in by_model.items()],
            "folded": True,
        },
    ]


def _named(key: Sequence[str]) -> tuple[str, str]:
    return THREATS.get(key[0], key[0]), key[1]


def _models(rows: Sequence[Row]) -> str:
    return str(len({(row["trial_id"], row["seed"]) for row in rows}))


def _cells(rows: Sequence[Row], radii: Mapping[tuple[str, int, str], float]) -> list[str]:
    there = [row for row in rows if row["radius"] == radii.get((row["trial_id"], row["seed"], row["threat"]))]
    errors = [[row[name] for row in there if row[name] is not None] for name in ("error_alone", "error_worst")]
    sums = [[row[name] for row in rows if row[name] is not None] for name in SUMS]
    starts = max(row["restarts"] for row in rows)
    gradients, forwards, queries = (f"{sum(own):,}" if own else DASH for own in sums[:3])
    return [
        *(number(fmean(own)) if own else DASH for own in errors),
        *(gradients, forwards, queries, str(starts) if starts else DASH, f"{sum(sums[3]):.1f}"),
    ]

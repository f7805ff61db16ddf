"""What a study's trials moved along in training where they had a choice, and what all of them are measured on."""

from collections.abc import Mapping
from typing import Any, Final

from analysis.formats import DASH, listed
from analysis.load import Study

TITLE: Final = "trained along"
WORDS: Final[Mapping[str, str]] = {
    "known": "the manifold that the data was drawn from",
    "learned": "one learned by a VAE-GAN for each class",
    "learned-agnostic": "one learned by a VAE-GAN for all classes",
    "affine": "transformations of the image",
}


def kinds(study: Study) -> tuple[str, ...]:
    """Returns what trials could move along, what all are measured on first; empty where they had no choice."""
    told = study.config.get("manifold") or {}
    return tuple(told.get("kinds", ()))


def along(config: Mapping[str, Any]) -> str:
    """Returns what a configuration moves along beside the image, see `analysis.summary.trial_configs`."""
    if config.get("roles.affine.share"):
        return "affine"
    if not config.get("roles.manifold.share"):
        return DASH
    if config.get("roles.manifold.on") == "known":
        return "known"
    kind = "learned-agnostic" if config.get("roles.manifold.on.model.agnostic") else "learned"
    return f"{kind}, {config.get('roles.manifold.on.box', DASH)}"


def choice_meaning(study: Study) -> str:
    """Says in a sentence what trials had a choice of, and what they are measured on; empty where they had none."""
    known = [f"{kind} ({WORDS.get(kind, DASH)})" for kind in kinds(study)]
    if not known:
        return ""
    boxes = any(kind.startswith("learned") for kind in kinds(study))
    kept = ", and learned codes were kept in the box minmax or 2.0" if boxes else ""
    return (
        f"Trained along: beside the image, each trial moved along one of {listed(known)}{kept}; whatever that was, all "
        "are measured on the first."
    )

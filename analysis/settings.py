"""The columns of a study's page that say what a configuration is: its space's hyperparameters, as far as they fit."""

from collections.abc import Mapping
from typing import Any, Final

from analysis.formats import DASH
from analysis.load import Study
from analysis.movement import TITLE, along, choice_meaning, kinds
from analysis.summary import mixture, trained_threats

EXAMPLES: Final = {"pixel": "image", "manifold": "manifold", "affine": "transformation"}
DIGITS: Final = {"weights": ".2f", "shares": ".2f", "radii": ".3g"}
MODEL: Final = {
    "latent": "latent",
    "width": "width",
    "λ": "reconstruction",
    "γ": "gamma",
    "learning rate": "learning_rate",
}
"""Columns of a space of VAE-GANs, and what their configs call them."""
MIXED: Final = (*DIGITS, "learning rate")


def titles(study: Study) -> list[str]:
    """Returns the names of the columns."""
    if _of_models(study):
        return ["models", *MODEL]
    return [TITLE, *MIXED] if kinds(study) else list(MIXED)


def cells(study: Study, config: Mapping[str, Any]) -> list[str]:
    """Returns what stands in them for a configuration, see `analysis.summary.trial_configs`."""
    if _of_models(study):
        own = {key: config.get(f"manifold.model.{key}") for key in ("agnostic", *MODEL.values())}
        return ["one for all" if own.pop("agnostic") else "each class", *map(_short, own.values())]
    parts = mixture(config, trained_threats(study))
    mixed = [
        " · ".join(DASH if value is None else format(value, DIGITS[part]) for value in values)
        for part, values in parts.items()
    ]
    moved = [along(config)] if kinds(study) else []
    return [*moved, *mixed, _short(config.get("optimiser.learning_rate"))]


def settings_meaning(study: Study) -> str:
    """Says in a sentence or two what the columns are."""
    if _of_models(study):
        return (
            "Models: a VAE-GAN for each class, or one for all; latent: numbers in a code; width: factor of the paper's "
            "channels; λ: weight of the reconstruction; γ: of the discriminator, 0 being none."
        )
    threats = " · ".join(EXAMPLES[threat] for threat in trained_threats(study))
    meaning = (
        f"Weights and shares are those of (clean · {threats}) examples in the loss and in a batch; radii those of the "
        f"({threats}) adversary in training."
    )
    return f"{meaning} {choice_meaning(study)}".rstrip()


def _of_models(study: Study) -> bool:
    return "config.manifold.model.latent" in study.trials.schema.names and study.config.get("space") == "manifold"


def _short(value: float | None) -> str:
    return DASH if value is None else f"{value:.2g}"

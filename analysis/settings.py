"""The columns of a study's page that say what a configuration is: its space's hyperparameters, as far as they fit."""

from collections.abc import Mapping, Sequence
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
ROLE: Final = {
    "attack": "attack", "steps": "steps", "step_size": "step ÷ radius", "loss": "loss", "beta": "β",
    "slack": "steps after success",
}  # fmt: skip
OPTIMISER: Final = {"kind": "by", "weight_decay": "weight decay", "decay": "decay"}
"""What else a role and the updates have, and what it is called; `step_size` is a fraction of the radius."""
MIXED: Final = (*DIGITS, "learning rate")


def titles(study: Study) -> list[str]:
    """Returns the names of the columns."""
    if _of_models(study):
        return ["models", *MODEL]
    return [TITLE, *MIXED] if kinds(study) else list(MIXED)


def cells(study: Study, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """Returns by trial what stands in them, given the configurations of `analysis.summary.trial_configs`."""
    if _of_models(study):
        return {trial: _of_model(config) for trial, config in configs.items()}
    threats, had_choice = trained_threats(configs), bool(kinds(study))
    return {
        trial: [*([along(config)] if had_choice else []), *_of_mixture(config, threats)]
        for trial, config in configs.items()
    }


def details(study: Study, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, list[tuple[str, str]]]:
    """Returns by trial what else its configuration says, where trials differ: names and values."""
    if _of_models(study):
        return {}
    groups = {EXAMPLES[threat]: (f"roles.{threat}", ROLE) for threat in trained_threats(configs)}
    groups["updates"] = ("optimiser", OPTIMISER)
    found: dict[str, list[tuple[str, str]]] = {trial: [] for trial in configs}
    for name, (prefix, keys) in groups.items():
        there = {trial for trial, config in configs.items() if any(f"{prefix}.{key}" in config for key in keys)}
        told = {key: {configs[trial].get(f"{prefix}.{key}") for trial in there} for key in keys}
        varying = [key for key in keys if len(told[key]) > 1]
        for trial in there if varying else ():
            values = [f"{keys[key]} {_plain(configs[trial].get(f'{prefix}.{key}'))}" for key in varying]
            found[trial].append((name, " · ".join(values)))
    return found


def axes(study: Study, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Returns by name what can be drawn of the same: a number for every trial, None where it has no such part."""
    if _of_models(study):
        own = {title: key for title, key in MODEL.items() if key != "agnostic"}
        return {
            title: {trial: config.get(f"manifold.model.{key}") for trial, config in configs.items()}
            for title, key in own.items()
        }
    threats = trained_threats(configs)
    mixtures = {trial: mixture(config, threats) for trial, config in configs.items()}
    names = [EXAMPLES[threat] for threat in threats]
    found = {
        f"{one} of {name}": {trial: parts[many][place] for trial, parts in mixtures.items()}
        for one, many, of in (("weight", "weights", ["clean", *names]), ("radius", "radii", names))
        for place, name in enumerate(of)
    }
    rates = {trial: config.get("optimiser.learning_rate") for trial, config in configs.items()}
    return found | {"learning rate": rates}


def weights(study: Study, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Returns by trial the weights of its losses, which add up to 1; empty where nothing is mixed."""
    if _of_models(study):
        return {}
    threats = trained_threats(configs)
    names = ["clean", *(EXAMPLES[threat] for threat in threats)]
    return {
        trial: dict(zip(names, (value or 0.0 for value in mixture(config, threats)["weights"]), strict=True))
        for trial, config in configs.items()
    }


def settings_meaning(study: Study, configs: Mapping[str, Mapping[str, Any]]) -> str:
    """Says in a sentence or two what the columns are."""
    if _of_models(study):
        return (
            "Models: a VAE-GAN for each class, or one for all; latent: numbers in a code; width: factor of the paper's "
            "channels; λ: weight of the reconstruction; γ: of the discriminator, 0 being none."
        )
    threats = " · ".join(EXAMPLES[threat] for threat in trained_threats(configs))
    meaning = (
        f"Weights and shares are those of (clean · {threats}) examples in the loss and in a batch; radii those of the "
        f"({threats}) adversary in training."
    )
    return f"{meaning} {choice_meaning(study)}".rstrip()


def _of_model(config: Mapping[str, Any]) -> list[str]:
    own = {key: config.get(f"manifold.model.{key}") for key in ("agnostic", *MODEL.values())}
    return ["one for all" if own.pop("agnostic") else "each class", *map(_short, own.values())]


def _of_mixture(config: Mapping[str, Any], threats: Sequence[str]) -> list[str]:
    mixed = [
        " · ".join(DASH if value is None else format(value, DIGITS[part]) for value in values)
        for part, values in mixture(config, threats).items()
    ]
    return [*mixed, _short(config.get("optimiser.learning_rate"))]


def _of_models(study: Study) -> bool:
    return "config.manifold.model.latent" in study.trials.schema.names and study.config.get("space") == "manifold"


def _plain(value: Any) -> str:
    return _short(value) if isinstance(value, float) else DASH if value is None else str(value)


def _short(value: float | None) -> str:
    return DASH if value is None else f"{value:.2g}"

"""The words and tables of a study's page."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.drawing import model_name, norm_name
from analysis.figures import trials_outside
from analysis.front import Candidate, ConfirmedFront, confirmed_fronts
from analysis.load import Study
from analysis.paper_reference import comparable_points
from analysis.statistics import Interval
from analysis.summary import mixture, saturated, trial_configs

DASH: Final = "–"
METRICS: Final = ("test_error", "test_robust_error", "test_on_manifold_error", "test_success_rate")


def page(study: Study) -> dict[str, Any]:
    """Returns what the template needs but the pictures."""
    fronts = confirmed_fronts(study)
    return {
        "name": study.name,
        "sentences": [_what_ran(study), _what_was_found(study, fronts), _how_much(study, fronts)],
        "warnings": _warnings(study, fronts),
        "pareto_caption": pareto_caption(study, fronts),
        "success_caption": success_caption(study, fronts),
        "bars": _bars(fronts),
        "members": [_candidate_row(study, c) for front in fronts for c in front.members],
        "baselines": _baseline_rows(study, fronts),
        "trials": _trial_rows(study),
        "failures": _failure_rows(study, fronts),
        "provenance": _provenance(study),
    }


def pareto_caption(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    """Says what the figure of the front shows: n, method and threat model."""
    dots = f"Small dots: {'all trials, on validation' if _confirmed(fronts) else 'trials, on validation'}"
    outside = trials_outside(study)
    dots += f"; {outside} of them outside the axes." if outside else "."
    if not _confirmed(fronts):
        return f"{dots} {_threat(study)}"
    points = (
        f"Large points: configurations retrained with {_seeds(fronts)} and measured on the test split. {_bars(fronts)} "
        "Filled: no other confirmed configuration of the same architecture is as good in both errors and better in "
        "one; the line bounds what these points dominate."
    )
    return f"{points} {dots} {_threat(study)}"


def success_caption(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    """Says what the comparison with the paper shows, and why its points are missing where they are."""
    threat, attempts = study.config["threat_model"], study.evaluation.get("paper_attempts", DASH)
    own = (
        f"Success rate of the paper's attack: 40 steps of projected Adam at {norm_name(threat['norm'])} "
        f"ε = {threat['epsilon']:g}, over correctly classified test images, mean over {attempts} attempts; "
        f"{_seeds(fronts)} a point. {_bars(fronts)}"
    )
    comparison = comparable_points(study)
    if comparison.reason:
        return f"{own} The paper's points are not drawn: {comparison.reason}."
    return (
        f"{own} Stars: the points that Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740) published for their conv "
        f"network at {study.config['dataset']['n_train']} training images, read from their figures; means over 5 "
        "models (3 for Reg+OnTrue), trained by the paper's schedule on the paper's typefaces."
    )


def _threat(study: Study) -> str:
    threat, by = study.config["threat_model"], study.evaluation
    steps = "signed" if threat["norm"] == "linf" else "normalised"
    radii = ", ".join(f"{radius:.3g}" for radius in study.radii)
    return (
        f"Threat model: {norm_name(threat['norm'])}, ε = {threat['epsilon']:g} in images of range [0, 1], "
        f"η = {threat['eta']:g} on the manifold. Robust error: the fraction of {by['n_attacked']} attacked images that "
        f"are misclassified clean or by PGD with {steps} steps ({by['steps']} steps, the worst of "
        f"{_plural(by['restarts'], 'random start')}), mean over the radii {radii}."
    )


def _bars(fronts: Sequence[ConfirmedFront]) -> str:
    numbers = {len(candidate.seeds) for candidate in _confirmed(fronts)}
    if not numbers:
        return ""
    kinds = {
        "One seed allows no error bar.": 1 in numbers,
        "Bars and brackets: the range over the two seeds.": 2 in numbers,
        "Bars and brackets: 95 % Student's t intervals of the mean over seeds.": max(numbers) > 2,
    }
    return " ".join(text for text, holds in kinds.items() if holds)


def _what_ran(study: Study) -> str:
    data, states = study.config["dataset"], study.trials["state"].to_pylist()
    variant = f" ({data['variant']})" if data.get("variant") else ""
    return (
        f"{_plural(len(states), 'configuration')} of {_listed(study.architectures)} "
        f"{'was' if len(states) == 1 else 'were'} trained on {data['n_train']:,} images of "
        f"{data['dataset']}{variant}; {states.count('COMPLETE')} gave a result."
    )


def _what_was_found(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    if not len(study.confirmations):
        return (
            "No candidate has been retrained and measured on the test split, so every number here is from validation "
            "and flatters: the study is still running, or was started with --no-confirm."
        )
    if not _confirmed(fronts):
        return "No candidate has been confirmed: none gave an error and a robust error with every seed (see below)."
    accurate = min(_confirmed(fronts), key=lambda c: c.means)
    robust = min(_confirmed(fronts), key=lambda c: c.means[::-1])
    start = (
        f"Of the {_plural(len(_confirmed(fronts)), 'candidate')} that were retrained with {_seeds(fronts)} and "
        f"measured on test images that the search never saw, {accurate.architecture} {accurate.name} is the most "
        f"accurate: it errs on {_percent(accurate.means[0])} of them, under attack on {_percent(accurate.means[1])}"
    )
    if accurate is robust:
        return f"{start}, and it is the most robust as well."
    return (
        f"{start}; {robust.architecture} {robust.name} is the most robust: under attack it errs on "
        f"{_percent(robust.means[1])}, without on {_percent(robust.means[0])}."
    )


def _how_much(study: Study, fronts: Sequence[ConfirmedFront]) -> str:
    volumes = [f"{f.architecture} {_with_ends(f.hypervolume)}" for f in fronts if f.hypervolume]
    if volumes:
        return (
            f"Hypervolume, the part of the square of both errors up to (1, 1) that a front dominates (more is better; "
            f"brackets: 95 % Student's t interval over seeds): {_listed(volumes)}."
        )
    errors, robust = (
        [value for value in study.trials[column].to_pylist() if value is not None and value == value]
        for column in ("val_error", "val_robust_error")
    )
    if not errors or not robust:
        return "No trial has given a result yet."
    return f"On validation the lowest error is {_percent(min(errors))}, the lowest robust error {_percent(min(robust))}."


def _warnings(study: Study, fronts: Sequence[ConfirmedFront]) -> list[str]:
    warnings = [
        f"{front.architecture}: every baseline lies above 0.98 in {objective}; it is saturated, and differences in it "
        "are noise. A smaller epsilon, or more training, would tell the configurations apart."
        for front in fronts
        for objective in saturated(study, front)
    ]
    excluded = sum(len(front.excluded) for front in fronts)
    if excluded:
        warnings.append(f"{_plural(excluded, 'candidate')} left out of the front; the reasons stand under Failures.")
    return warnings


def _candidate_row(study: Study, candidate: Candidate) -> dict[str, Any]:
    metrics = {m: _with_ends(candidate.spread(m)) if m in candidate.values else DASH for m in METRICS}
    return {
        "architecture": candidate.architecture,
        "model": model_name(candidate.architecture, candidate.width, candidate.parameters),
        "name": candidate.name,
        "trial_id": candidate.trial_id,
        **metrics,
        **_mixture_cells(trial_configs(study)[candidate.trial_id]),
    }


def _mixture_cells(config: Mapping[str, Any]) -> dict[str, str]:
    digits = {"weights": ".2f", "shares": ".2f", "radii": ".3g"}
    return {
        part: " · ".join(DASH if value is None else format(value, digits[part]) for value in values)
        for part, values in mixture(config).items()
    }


def _baseline_rows(study: Study, fronts: Sequence[ConfirmedFront]) -> list[dict[str, Any]]:
    confirmed = {c.trial_id: (c, c in front.members) for front in fronts for c in front.candidates}
    rows = []
    for trial in study.trials.to_pylist():
        if trial["label"] and trial["trial_id"] in confirmed:
            candidate, on_front = confirmed[trial["trial_id"]]
            rows.append(_candidate_row(study, candidate) | {"place": "on the front" if on_front else "dominated"})
        elif trial["label"]:
            rows.append(
                {"architecture": trial["architecture"], "name": trial["label"], "trial_id": trial["trial_id"]}
                | {metric: _number(trial[metric.replace("test_", "val_")]) for metric in METRICS}
                | {"place": f"validation only ({trial['state'].lower()})"}
            )
    return rows


def _trial_rows(study: Study) -> list[dict[str, Any]]:
    configs = trial_configs(study)
    return [
        {key: row[key] for key in ("trial_id", "label", "architecture", "epochs")}
        | {"state": (row["state"] or DASH).lower(), "seconds": _number(row["seconds"], ".0f")}
        | {key: _number(row[key]) for key in ("val_error", "val_robust_error")}
        | {"learning_rate": _number(configs[row["trial_id"]].get("optimiser.learning_rate"), ".2g")}
        | _mixture_cells(configs[row["trial_id"]])
        for row in study.trials.to_pylist()
    ]


def _failure_rows(study: Study, fronts: Sequence[ConfirmedFront]) -> list[dict[str, str]]:
    rows = [
        {
            "trial_id": row["trial_id"],
            "architecture": row["architecture"],
            "what": row["state"].lower(),
            "reason": row["message"] or "no reason was given",
        }
        for row in study.trials.to_pylist()
        if row["state"] in ("FAILED", "INFEASIBLE")
    ]
    return rows + [
        {"trial_id": trial_id, "architecture": front.architecture, "what": "not confirmed", "reason": reason}
        for front in fronts
        for trial_id, reason in front.excluded
    ]


def _provenance(study: Study) -> list[tuple[str, str]]:
    config = study.config
    evaluations = [table["gradient_evaluations"].to_pylist() for table in (study.trials, study.confirmations)]
    seeds = sorted(set(study.confirmations["seed"].to_pylist()))
    known = [
        ("command", config.get("command")),
        ("started", config.get("started")),
        ("scale", config.get("scale")),
        ("search space", f"{config.get('space', DASH)}, fingerprint {config.get('space_fingerprint', DASH)}"),
        ("data", config["dataset"]),
        ("data fingerprint", config.get("data_fingerprint")),
        ("seed of the search", config.get("seed")),
        ("fresh seeds", ", ".join(map(str, seeds)) or None),
        ("measured in the search", config["evaluation"]),
        ("measured in the confirmation", config.get("confirmation")),
        ("gradient evaluations, search", f"{sum(filter(None, evaluations[0])):,}"),
        ("gradient evaluations, confirmation", f"{sum(filter(None, evaluations[1])):,}"),
        ("accesses to the test split", study.test_accesses),
        ("hardware", config.get("hardware")),
        ("versions", config.get("versions")),
        ("git commit", config.get("git_commit")),
    ]
    return [(name, _plain(value)) for name, value in known if value is not None]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return " ".join(map(_plain, value)) or "none"
    return "none" if value is None else str(value)


def _confirmed(fronts: Sequence[ConfirmedFront]) -> list[Candidate]:
    return [candidate for front in fronts for candidate in front.candidates]


def _seeds(fronts: Sequence[ConfirmedFront]) -> str:
    numbers = sorted({len(candidate.seeds) for candidate in _confirmed(fronts)}) or [0]
    return _plural(numbers[0], "fresh seed") if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]} fresh seeds"


def _with_ends(found: Interval | None) -> str:
    if found is None:
        return DASH
    return f"{found.mean:.3f}" + ("" if found.low is None else f" [{found.low:.3f}, {found.high:.3f}]")


def _number(value: float | None, digits: str = ".3f") -> str:
    return DASH if value is None or value != value else format(value, digits)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

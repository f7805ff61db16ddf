"""The tables of a study's page, and all that its template needs but the pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.compute as pc

from analysis.attacks import attacks_section, doubts
from analysis.choices import chances_of
from analysis.departures import departure_sentences
from analysis.formats import DASH, METRICS, number, with_ends
from analysis.front import Candidate, ConfirmedFront, confirmed_fronts
from analysis.load import Study
from analysis.manifold import manifold_rows, manifold_sentences
from analysis.prose import (
    CHANCES,
    bars_meaning,
    cautions,
    how_much,
    metrics_meaning,
    pareto_caption,
    success_caption,
    what_else,
    what_ran,
    what_was_found,
)
from analysis.settings import cells, settings_meaning, titles
from analysis.summary import trial_configs

Settings = Mapping[str, list[str]]


def page(study: Study) -> dict[str, Any]:
    """Returns what the template needs but the pictures."""
    fronts, configs = confirmed_fronts(study), trial_configs(study)
    settings = cells(study, configs)
    chances = {trial: chance for front in fronts for trial, chance in chances_of(front).items()}
    return {
        "name": study.name,
        "sentences": [what_ran(study), what_was_found(study, fronts), how_much(study, fronts), *what_else(fronts)],
        "cautions": [*cautions(study, fronts), *doubts(fronts)],
        "pareto_caption": pareto_caption(study, fronts),
        "success_caption": success_caption(study, fronts),
        "bars": bars_meaning(fronts),
        "chances_meaning": CHANCES,
        "metrics": [METRICS[metric] for metric in _shown(study)],
        "metrics_meaning": metrics_meaning(study),
        "objectives": [objective.label for objective in study.objectives],
        "settings": titles(study),
        "settings_meaning": settings_meaning(study, configs),
        "members": [
            _candidate_row(study, c, settings) | {"chance": with_ends(chances[c.trial_id], ".2f")}
            for front in fronts
            for c in front.members
        ],
        "baselines": _baseline_rows(study, fronts, settings),
        "trials": _trial_rows(study, settings),
        "failures": _failure_rows(study, fronts),
        "manifold_sentences": manifold_sentences(study),
        "manifold_rows": manifold_rows(study),
        "departure_sentences": departure_sentences(study),
        "attacks": attacks_section(study),
        "provenance": _provenance(study),
    }


def _shown(study: Study) -> list[str]:
    """Returns the metrics that the tables have a column for: the objectives, and what was measured beside them."""
    objectives = [objective.name for objective in study.objectives]
    return [metric for metric in METRICS if metric in objectives or study.measures(metric)]


def _candidate_row(study: Study, candidate: Candidate, settings: Settings) -> dict[str, Any]:
    columns = [f"test_{metric}" for metric in _shown(study)]
    return {
        "architecture": candidate.architecture,
        "name": candidate.name,
        "trial_id": candidate.trial_id,
        "metrics": [with_ends(candidate.spread(c)) if c in candidate.values else DASH for c in columns],
        "settings": settings[candidate.trial_id],
    }


def _baseline_rows(study: Study, fronts: Sequence[ConfirmedFront], settings: Settings) -> list[dict[str, Any]]:
    confirmed = {c.trial_id: (c, c in front.members) for front in fronts for c in (*front.candidates, *front.flagged)}
    rows = []
    for trial in study.trials.filter(pc.is_valid(study.trials["label"])).to_pylist():
        if trial["trial_id"] in confirmed:
            candidate, on_front = confirmed[trial["trial_id"]]
            place = "on the front" if on_front else "doubtful" if candidate.flags else "dominated"
            rows.append(_candidate_row(study, candidate, settings) | {"place": place})
        else:
            rows.append(
                {"architecture": trial["architecture"], "name": trial["label"], "trial_id": trial["trial_id"]}
                | {"metrics": [number(trial[f"val_{metric}"]) for metric in _shown(study)]}
                | {"place": f"validation only ({trial['state'].lower()})"}
            )
    return rows


def _trial_rows(study: Study, settings: Settings) -> list[dict[str, Any]]:
    shown = ("trial_id", "label", "architecture", "epochs")
    measured = [objective.on_validation for objective in study.objectives]
    return [
        {key: row[key] for key in shown}
        | {"state": (row["state"] or DASH).lower(), "seconds": number(row["seconds"], ".0f")}
        | {"metrics": [number(row[name]) for name in measured]}
        | {"settings": settings[row["trial_id"]]}
        for row in study.trials.select([*shown, "state", "seconds", *measured]).to_pylist()
    ]


def _failure_rows(study: Study, fronts: Sequence[ConfirmedFront]) -> list[dict[str, str]]:
    rows = [
        {
            "trial_id": row["trial_id"],
            "architecture": row["architecture"],
            "what": row["state"].lower(),
            "reason": row["message"] or "no reason was given",
        }
        for row in study.trials.select(["trial_id", "architecture", "state", "message"]).to_pylist()
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

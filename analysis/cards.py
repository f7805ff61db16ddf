"""What the page says of a candidate that somebody points at."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from analysis.charts.fronts import hue
from analysis.drawing import model_name
from analysis.findings import Findings
from analysis.formats import METRICS, listed, plural, with_ends
from analysis.front import Candidate
from analysis.sections.rows import shown_metrics
from analysis.settings import titles
from analysis.summary import saturated

UNSURE: Final = 0.5  # a member whose chance lies below this owes its place to its seeds


def cards(findings: Findings) -> list[dict[str, Any]]:
    """Returns a card for every confirmed candidate: names, metrics, seeds, flags, budget, configuration."""
    spent = defaultdict(list)
    columns = ["trial_id", "gradient_evaluations", "seconds", "device"]
    for row in findings.study.confirmations.select(columns).to_pylist():
        spent[row["trial_id"]].append(row)
    full = {
        front.architecture: [objective.label for objective in saturated(findings.study, front)]
        for front in findings.fronts
    }
    return [_card(findings, each, spent[each.trial_id], full[each.architecture]) for each in findings.pointed_at]


def _card(findings: Findings, candidate: Candidate, spent: list[dict[str, Any]], full: list[str]) -> dict[str, Any]:
    study = findings.study
    parameters = [candidate.parameters] if candidate.parameters else []
    shown = [metric for metric in shown_metrics(study) if f"test_{metric}" in candidate.values]
    rows = [(METRICS[metric], with_ends(candidate.spread(f"test_{metric}"))) for metric in shown]
    if candidate.trial_id in findings.chances:
        rows.append(("chance to be on the front", with_ends(findings.chances[candidate.trial_id], ".2f")))
    rows += zip(titles(study), findings.settings[candidate.trial_id], strict=True)
    rows += findings.details.get(candidate.trial_id, [])
    rows.append((plural(len(candidate.seeds), "seed").partition(" ")[2], _seeds(candidate)))
    rows.append(("a training took", _budget(spent)))
    return {
        "id": findings.card_id(candidate),
        "trial_id": candidate.trial_id,
        "name": candidate.name,
        "hue": hue(candidate.architecture),
        "model": model_name(candidate.architecture, candidate.width, parameters),
        "rows": [(name, value) for name, value in rows if value],
        "flags": _flags(findings, candidate, full),
    }


def _flags(findings: Findings, candidate: Candidate, full: list[str]) -> list[str]:
    on_front, chance = candidate.trial_id in findings.members, findings.chances.get(candidate.trial_id)
    flags = {
        f"doubtful, so on no front: {listed(list(candidate.flags))}" if candidate.flags else "": bool(candidate.flags),
        "dominated in the means over seeds": not on_front and not candidate.flags,
        "on the front by these seeds; with others it probably is not": on_front
        and len(candidate.seeds) > 1
        and chance is not None
        and chance.mean < UNSURE,
        "one seed, so nothing is known of its spread": len(candidate.seeds) == 1,
        f"{listed(full)} saturated for this network" if full else "": bool(full),
    }
    return [text for text, holds in flags.items() if holds]


def _seeds(candidate: Candidate) -> str:
    return ", ".join(map(str, candidate.seeds))


def _budget(spent: Sequence[Mapping[str, Any]]) -> str:
    """Returns what a training of a candidate took, mean over seeds."""
    told = []
    evaluations = [row["gradient_evaluations"] for row in spent if row["gradient_evaluations"] is not None]
    if evaluations:
        told.append(f"{sum(evaluations) / len(evaluations):,.0f} gradient evaluations")
    seconds = [row["seconds"] for row in spent if row["seconds"] is not None]
    if seconds:
        devices = sorted({row["device"] for row in spent if row["device"]})
        told.append(f"{sum(seconds) / len(seconds):.3g} s{f' on {listed(devices)}' if devices else ''}")
    return ", ".join(told)

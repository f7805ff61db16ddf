"""Rows of the page's tables that several sections have."""

from typing import Any

from analysis.charts.fronts import hue
from analysis.findings import Findings
from analysis.formats import DASH, METRICS, with_ends
from analysis.front import Candidate
from analysis.load import Study


def shown_metrics(study: Study) -> list[str]:
    """Returns the metrics that tables have a column for: the objectives, and what was measured beside them."""
    objectives = [objective.name for objective in study.objectives]
    return [metric for metric in METRICS if metric in objectives or study.measures(metric)]


def candidate_row(findings: Findings, candidate: Candidate) -> dict[str, Any]:
    """Returns what tables say of a candidate: its names, its metrics on test, its configuration."""
    columns = [f"test_{metric}" for metric in shown_metrics(findings.study)]
    return {
        "architecture": candidate.architecture,
        "hue": hue(candidate.architecture),
        "name": candidate.name,
        "trial_id": candidate.trial_id,
        "metrics": [with_ends(candidate.spread(c)) if c in candidate.values else DASH for c in columns],
        "settings": findings.settings[candidate.trial_id],
    }

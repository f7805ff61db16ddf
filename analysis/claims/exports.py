"""The claims as plain values: for summary.json and for claims.csv."""

import csv
import io
from collections.abc import Mapping
from typing import Any, Final

from analysis.claims.answers import answers
from analysis.claims.grid import Grid, grids
from analysis.claims.verdicts import Claim, Finding
from analysis.load import Study

COLUMNS: Final = (
    "architecture", "claim", "title", "claim_verdict", "finding", "statement", "measure", "estimate", "low", "high",
    "n", "method", "rule", "verdict", "decides", "paper", "note",
)  # fmt: skip


def answered(study: Study) -> dict[str, tuple[Claim, ...]]:
    """Returns the claims as every network's grid answers them; empty where the study has none."""
    return {grid.architecture: answers(grid) for grid in grids(study)}


def plain_claims(study: Study) -> dict[str, Any]:
    """Returns what summary.json holds of the claims, by architecture."""
    return {name: _plain(grid, answers(grid)) for name, grid in ((each.architecture, each) for each in grids(study))}


def claims_csv(claims: Mapping[str, tuple[Claim, ...]]) -> str:
    """Returns what claims.csv holds: one row a finding."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    for architecture, own in claims.items():
        for claim in own:
            about = {"claim": claim.number, "title": claim.title, "claim_verdict": claim.verdict}
            for finding in claim.findings:
                row = {"finding" if name == "key" else name: value for name, value in _finding(finding).items()}
                writer.writerow({"architecture": architecture, **about, **row})
    return text.getvalue()


def _plain(grid: Grid, claims: tuple[Claim, ...]) -> dict[str, Any]:
    return {
        "manifold": grid.kind,
        "sizes": list(grid.sizes),
        "methods": list(grid.methods),
        "seeds": list(grid.seeds),
        "cells_without_result": grid.missing,
        "claims": [
            {
                "claim": claim.number,
                "title": claim.title,
                "verdict": claim.verdict,
                "contradicted_beside": list(claim.against),
                "findings": [_finding(finding) for finding in claim.findings],
            }
            for claim in claims
        ],
    }


def method(finding: Finding) -> str:
    """Says how an interval was found, or why there is no number."""
    return finding.found.method if finding.found else "none: too little was measured, or it does not vary"


def _finding(finding: Finding) -> dict[str, Any]:
    found = finding.found
    return {
        "key": finding.key,
        "statement": finding.statement,
        "measure": finding.measure,
        "estimate": found.mean if found else None,
        "low": found.low if found else None,
        "high": found.high if found else None,
        "n": found.n if found else 0,
        "method": method(finding),
        "rule": finding.rule.told(),
        "verdict": finding.verdict,
        "decides": finding.decides,
        "paper": finding.paper,
        "note": finding.note,
    }

"""The part of the page with every trial, and why some gave nothing."""

from collections import Counter, defaultdict
from typing import Any, Final

import numpy as np

from analysis.charts.fronts import hue
from analysis.findings import Findings
from analysis.formats import DASH, number
from analysis.load import Study
from analysis.objectives import Objective
from analysis.pareto import nondominated
from analysis.sections.section import Section
from analysis.settings import titles

MOST: Final = 400  # rows of a table that a browser draws at once and a reader may still read
Row = dict[str, Any]


def section(findings: Findings) -> Section:
    """Returns the trials on validation, of very many those that matter, and the failures."""
    study = findings.study
    rows, failures = _trial_rows(findings), _failure_rows(findings)
    return Section(
        name="trials",
        title="Trials",
        content={
            "labels": [objective.label for objective in _shown(study)],
            "settings": titles(study),
            "number": len(study.trials),
            "trials": rows,
            "failures": failures[:MOST],
            "left_out": len(failures) - len(failures[:MOST]),
            "states": sorted(Counter(study.trials["state"].to_pylist()).items()),
        },
    )


def _trial_rows(findings: Findings) -> list[Row]:
    """Returns a row a trial; of more than `MOST` the baselines, the candidates and the least dominated."""
    study = findings.study
    measured = [objective.on_validation for objective in _shown(study)]
    kept = ["trial_id", "label", "architecture", "epochs", "state", "seconds", *measured]
    rows = study.trials.select(kept).to_pylist()
    if len(rows) > MOST:
        rows = _foremost(rows, measured, {candidate.trial_id for candidate in findings.confirmed})
    return [
        {key: row[key] for key in ("trial_id", "label", "architecture", "epochs")}
        | {"hue": hue(row["architecture"])}
        | {"state": (row["state"] or DASH).lower(), "seconds": number(row["seconds"], ".0f")}
        | {"metrics": [number(row[name]) for name in measured]}
        | {"settings": findings.settings[row["trial_id"]]}
        for row in rows
    ]


def _shown(study: Study) -> tuple[Objective, ...]:
    """Returns what trials have on validation; nothing in a grid, whose cells are measured on test."""
    return () if study.is_grid else study.objectives


def _foremost(rows: list[Row], measured: list[str], confirmed: set[str]) -> list[Row]:
    """Returns `MOST` rows in their order: baselines and candidates, then architectures' fronts, one after another."""
    taken = [place for place, row in enumerate(rows) if row["label"] or row["trial_id"] in confirmed][:MOST]
    known, left = set(taken), defaultdict[str, list[int]](list)
    for place, row in enumerate(rows):
        if place not in known and all(row[name] is not None and row[name] == row[name] for name in measured):
            left[row["architecture"]].append(place)
    while len(taken) < MOST and any(left.values()):
        for architecture, places in left.items():
            best = nondominated([[rows[place][name] for name in measured] for place in places])
            taken += np.asarray(places)[best].tolist() if places else []
            left[architecture] = [place for place, is_best in zip(places, best, strict=True) if not is_best]
    return [rows[place] for place in sorted(taken[:MOST])]


def _failure_rows(findings: Findings) -> list[Row]:
    rows = [
        {
            "trial_id": row["trial_id"],
            "architecture": row["architecture"],
            "what": row["state"].lower(),
            "reason": row["message"] or "no reason was given",
        }
        for row in findings.study.trials.select(["trial_id", "architecture", "state", "message"]).to_pylist()
        if row["state"] in ("FAILED", "INFEASIBLE")
    ]
    rows += [
        {"trial_id": trial_id, "architecture": front.architecture, "what": "on no front", "reason": reason}
        for front in findings.fronts
        for trial_id, reason in front.excluded
    ]
    return [row | {"hue": hue(row["architecture"])} for row in rows]

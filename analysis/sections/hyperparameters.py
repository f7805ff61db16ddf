"""The part of the page on which hyperparameters lead where, and which of them matter."""

from collections import defaultdict
from functools import partial
from typing import Any, Final

from analysis.charts.fronts import hue
from analysis.charts.importance import Weight, importance_chart
from analysis.charts.mixtures import legend, mixture_chart
from analysis.charts.parallel import parallel_chart
from analysis.findings import Findings
from analysis.formats import plural, spelt
from analysis.printed import mixtures
from analysis.prose import conditions, retrained
from analysis.sections.section import Section
from analysis.settings import axes, weights

MOST: Final = 8  # parameters of a chart; the others matter less


def section(findings: Findings) -> Section | None:
    """Returns the mixtures along the fronts, all hyperparameters of the candidates, and their importance."""
    importance = _importance_panels(findings)
    if not findings.confirmed and not importance:
        return None
    mixed = weights(findings.study, findings.configs) if findings.confirmed else {}
    return Section(
        name="hyperparameters",
        title="Hyperparameters",
        content={
            "mixtures": [
                {
                    "name": front.architecture,
                    "hue": hue(front.architecture),
                    "chart": mixture_chart(findings, front, mixed),
                }
                for front in findings.fronts
                if front.members and mixed
            ],
            "parts": legend(list(next(iter(mixed.values())))) if mixed else [],
            "parallel": parallel_chart(findings, axes(findings.study, findings.configs)) if findings.confirmed else "",
            "networks": [
                (hue(front.architecture), front.architecture) for front in findings.fronts if front.candidates
            ],
            "labels": [objective.label for objective in findings.study.objectives],
            "importance": importance,
            "conditions": f"{retrained(findings.fronts)} {conditions(findings.study)}",
            "searched": conditions(findings.study, findings.study.config["evaluation"]),
        },
        figures={"mixtures": partial(mixtures, findings, mixed)} if mixed else {},
    )


def _importance_panels(findings: Findings) -> list[dict[str, Any]]:
    found: dict[tuple[str, str], list[Weight]] = defaultdict(list)
    for row in findings.study.importance.to_pylist():
        if row["importance"] is not None and row["importance"] == row["importance"]:
            kept = {key: row[key] for key in ("parameter", "importance", "low", "high", "n")}
            found[row["architecture"], row["objective"]].append(Weight(**kept))
    most = max((w.high or w.importance for every in found.values() for w in every), default=1.0) or 1.0
    panels = []
    for (architecture, objective), parameters in found.items():
        foremost = sorted(parameters, key=lambda weight: -weight.importance)[:MOST]
        trials = f" ({plural(foremost[0].n, 'trial')})" if foremost[0].n else ""
        name = f"{architecture}: {spelt(objective.removeprefix('val_'))}{trials}"
        chart = importance_chart(foremost, f"Importance for {name}", hue(architecture), most)
        panels.append({"name": name, "hue": hue(architecture), "chart": chart})
    return panels

"""The first part of the page: what was found, in three sentences and a picture."""

from typing import Any

from analysis.attacks import doubts
from analysis.cautions import cautions
from analysis.charts.fronts import hue, overview
from analysis.drawing import model_name
from analysis.findings import Findings
from analysis.formats import with_ends
from analysis.front import ConfirmedFront
from analysis.prose import bars_meaning, conditions, how_much, retrained, what_ran, what_was_found
from analysis.sections.section import Section


def section(findings: Findings) -> Section:
    """Returns what ran, what was found and how much of the plane that is, with what makes one doubt it."""
    study, fronts = findings.study, findings.fronts
    one, other = (objective.label for objective in study.objectives)
    return Section(
        name="summary",
        title="Summary",
        opens=True,
        content={
            "sentences": [what_ran(study), what_was_found(study, fronts), how_much(study, fronts)],
            "cautions": [*cautions(study, fronts), *doubts(fronts)],
            "labels": [one, other],
            "lowest": [_lowest(findings, front) for front in fronts if front.members],
            "overview": overview(findings),
            "overview_caption": f"All confirmed fronts: test {one} against {other}. {retrained(fronts)} "
            f"{bars_meaning(fronts)} {conditions(study)}",
        },
    )


def _lowest(findings: Findings, front: ConfirmedFront) -> dict[str, Any]:
    best = [min(front.members, key=lambda c: c.means[axis]) for axis in range(len(front.objectives))]
    width = findings.study.width(front.architecture)
    return {
        "hue": hue(front.architecture),
        "name": model_name(front.architecture, width, ()),
        "cells": [
            (with_ends(member.spread(objective.on_test)), member.name)
            for objective, member in zip(front.objectives, best, strict=True)
        ],
    }

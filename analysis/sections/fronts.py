"""The part of the page with the fronts: a chart for each network, its members, the baselines."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import pyarrow.compute as pc

from analysis.bands import bands
from analysis.charts.fronts import front_chart, hue
from analysis.choices import comparisons_of
from analysis.comparison import Comparison
from analysis.figures import model_names, pareto, validation_points
from analysis.findings import Findings
from analysis.formats import DASH, METRICS, number, with_ends
from analysis.front import ConfirmedFront
from analysis.objectives import corner_of
from analysis.optimism import optimism
from analysis.prose import CHANCES, bars_meaning, metrics_meaning, pareto_caption, which_lead
from analysis.sections.rows import candidate_row, shown_metrics
from analysis.sections.section import Section
from analysis.settings import settings_meaning, titles

SPREAD: Final = (
    "Band: what at least a quarter and not yet three quarters of the seeds attain; dotted: what half of them do; "
    "dashed: Vorob'ev's expectation, of the surfaces that parts of the seeds attain the one whose volume is nearest to "
    "the seeds' mean without being below it: of two seeds what either attains. The arc around a point is its chance to "
    "be on the front, a full circle 1."
)


def section(findings: Findings) -> Section:
    """Returns the fronts, or the trials on validation where nothing is confirmed."""
    study, fronts = findings.study, findings.fronts
    several = any(len(front.seeds) > 1 for front in fronts)
    spread = f" {SPREAD}" if several else ""
    return Section(
        name="fronts",
        title="Fronts",
        content={
            "panels": [_panel(findings, front) for front in fronts],
            "layers": _layers(findings, several=several),
            "pareto_caption": f"{pareto_caption(study, fronts)}{spread}",
            "files": ["pareto", *(["bands"] if several else [])],
            "networks": [_network_row(findings, front) for front in fronts if front.candidates],
            "corner": corner_of(study.objectives),
            "compared": which_lead(fronts),
            "pairs": [_pair_row(found) for found in comparisons_of(fronts)],
            "bars": bars_meaning(fronts),
            "chances_meaning": CHANCES,
            "metrics": [METRICS[metric] for metric in shown_metrics(study)],
            "metrics_meaning": metrics_meaning(study),
            "starts": "What the paper did" if study.measures("robust_error") else "What every search starts from",
            "settings": titles(study),
            "settings_meaning": settings_meaning(study, findings.configs),
            "members": [
                candidate_row(findings, c) | {"chance": with_ends(findings.chances[c.trial_id], ".2f")}
                for front in fronts
                for c in front.members
            ],
            "baselines": _baseline_rows(findings),
        },
        figures={"pareto": partial(pareto, study)} | ({"bands": partial(bands, study)} if several else {}),
    )


def _pair_row(found: Comparison) -> list[str]:
    p = [number(value, ".2g") for value in (found.p, found.adjusted)]
    return [f"{found.one} − {found.other}", with_ends(found.difference, "+.3f"), str(found.difference.n), *p]


def _panel(findings: Findings, front: ConfirmedFront) -> dict[str, Any]:
    return {
        "hue": hue(front.architecture),
        "name": model_names(findings.study, front),
        "volume": with_ends(front.hypervolume) if front.hypervolume else "",
        "chart": front_chart(findings, front),
    }


def _layers(findings: Findings, *, several: bool) -> list[tuple[str, str]]:
    """Returns what charts have and can be hidden: the name of the layer, and what people call it."""
    confirmed = any(front.candidates for front in findings.fronts)
    every = {
        "trials": ("trials, on validation", len(validation_points(findings.study)) > 0),
        "dominated": ("dominated candidates", any(len(f.members) < len(f.candidates) for f in findings.fronts)),
        "doubtful": ("doubtful under strong attacks", any(front.flagged for front in findings.fronts)),
        "bands": ("bands over seeds", several),
        "expectation": ("Vorob'ev expectation", several),
        "others": ("other networks' fronts", confirmed and len(findings.fronts) > 1),
        "ring": ("chances", several),
    }
    return [(layer, name) for layer, (name, has) in every.items() if has and confirmed]


def _network_row(findings: Findings, front: ConfirmedFront) -> dict[str, Any]:
    flattered = optimism(findings.study, front)
    return {
        "hue": hue(front.architecture),
        "name": front.architecture,
        "cells": [
            with_ends(front.hypervolume),
            f"{len(front.members)} of {len(front.candidates)}",
            f"{flattered.kept} of {flattered.chosen}" if flattered else DASH,
            with_ends(flattered.overstated, "+.3f") if flattered else DASH,
        ],
    }


def _baseline_rows(findings: Findings) -> list[dict[str, Any]]:
    study, confirmed = findings.study, {candidate.trial_id: candidate for candidate in findings.pointed_at}
    rows = []
    for trial in study.trials.filter(pc.is_valid(study.trials["label"])).to_pylist():
        if trial["trial_id"] in confirmed:
            candidate, on_front = confirmed[trial["trial_id"]], trial["trial_id"] in findings.members
            place = "on the front" if on_front else "doubtful" if candidate.flags else "dominated"
            rows.append(candidate_row(findings, candidate) | {"place": place})
        else:
            rows.append(
                {"architecture": trial["architecture"], "name": trial["label"], "trial_id": trial["trial_id"]}
                | {"hue": hue(trial["architecture"])}
                | {"metrics": _on_validation(trial, shown_metrics(study))}
                | {"place": f"validation only ({trial['state'].lower()})"}
            )
    return rows


def _on_validation(trial: dict[str, Any], metrics: Sequence[str]) -> list[str]:
    return [number(trial[f"val_{metric}"]) for metric in metrics]

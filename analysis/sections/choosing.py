"""The part of the page that says which configuration to take, how to train it again, and where its model lies."""

import json
import shlex
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from analysis.charts.fronts import hue
from analysis.choices import choices_of, knee_of
from analysis.findings import Findings
from analysis.formats import listed, plural, with_ends
from analysis.front import Candidate, ConfirmedFront
from analysis.load import Study
from analysis.objectives import Objective
from analysis.sections.section import Section


def section(findings: Findings) -> Section | None:
    """Returns what every front offers; None where nothing is confirmed."""
    if not findings.confirmed:
        return None
    study = findings.study
    return Section(
        name="choosing",
        title="Choosing",
        content={
            "labels": [objective.label for objective in study.objectives],
            "networks": sorted({candidate.architecture for candidate in findings.confirmed}),
            "offers": [row for front in findings.fronts for row in _offers(study, front)],
            "data": _data(findings),
        },
    )


def command(study: Study, candidate: Candidate) -> str:
    """Returns the command that trains the model of a candidate's first seed again."""
    folder = Path(study.place or f"runs/{study.name}")
    if folder.is_absolute() and folder.is_relative_to(Path.cwd()):
        folder = folder.relative_to(Path.cwd())
    which = f"{shlex.quote(str(folder))} {shlex.quote(candidate.trial_id)} --seed {candidate.seeds[0]}"
    return f"python -m study.launch --reproduce {which}"


def model_file(candidate: Candidate) -> str:
    """Returns the path, in the study's folder, of the model of a candidate's first seed."""
    return f"models/{candidate.trial_id}-{candidate.seeds[0]}.safetensors"


def _offers(study: Study, front: ConfirmedFront) -> list[dict[str, Any]]:
    """Returns a row for every member that somebody has a reason to take, in the order of the front."""
    reasons: dict[str, list[str]] = defaultdict(list)
    best = [min(front.members, key=lambda c: c.means[axis], default=None) for axis in range(len(front.objectives))]
    for objective, member in zip(front.objectives, best, strict=True):
        if member is not None:
            reasons[member.trial_id].append(f"lowest {objective.label} of all")
    bend = knee_of(front)
    if bend is not None:
        reasons[bend.trial_id].append("the front bends most here (its knee)")
    for (trial, lowest, limited), baselines in _under_limits(front, best).items():
        told = f"lowest {lowest.label} with no more {limited.label} than {listed(baselines)}"
        reasons[trial].append(told)
    return [_offer(study, member, reasons[member.trial_id]) for member in front.members if member.trial_id in reasons]


def _under_limits(
    front: ConfirmedFront, best: Sequence[Candidate | None]
) -> dict[tuple[str, Objective, Objective], list[str]]:
    """Returns the baselines, with their values, under whose limit a member that is not the best of all is the best."""
    found: dict[tuple[str, Objective, Objective], list[str]] = defaultdict(list)
    for choice in choices_of(front):
        taken, of_all = choice.candidate, best[front.objectives.index(choice.lowest)]
        if taken is not choice.baseline and taken is not of_all and taken in front.members:
            limit = choice.baseline.means[front.objectives.index(choice.limited)]
            named = f"{choice.baseline.name} ({choice.limited.shown(limit)})"
            found[taken.trial_id, choice.lowest, choice.limited].append(named)
    return found


def _offer(study: Study, candidate: Candidate, reasons: list[str]) -> dict[str, Any]:
    return {
        "architecture": candidate.architecture,
        "hue": hue(candidate.architecture),
        "name": candidate.name,
        "trial_id": candidate.trial_id,
        "reasons": reasons,
        "metrics": [with_ends(candidate.spread(objective.on_test)) for objective in candidate.objectives],
        "command": command(study, candidate),
        "model": model_file(candidate),
        "seeds": f"one of {plural(len(candidate.seeds), 'seed')}" if len(candidate.seeds) > 1 else "",
    }


def _data(findings: Findings) -> Markup:
    """Returns the candidates as the page's limits choose among them."""
    rows = []
    for candidate in findings.confirmed:
        bars = [candidate.spread(objective.on_test) for objective in candidate.objectives]
        row = _offer(findings.study, candidate, [])
        kept = {key: row[key] for key in ("architecture", "name", "trial_id", "metrics", "command", "model")}
        rows.append(
            kept | {"means": [b.mean for b in bars], "highs": [b.mean if b.high is None else b.high for b in bars]}
        )
    # Safe: no `<` is left that could end the element.
    return Markup(json.dumps(rows, ensure_ascii=False).replace("<", "\\u003c"))

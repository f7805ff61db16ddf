"""Confirmed models under strong attacks, as figures and tables show them: candidates, means over attacked seeds."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from math import isclose
from statistics import fmean
from typing import Any

import pyarrow.compute as pc

from analysis.load import Study
from analysis.schema import STRONG_ERRORS

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackedCandidate:
    """A candidate whose models strong attacks were made on. Errors are means over the seeds of these models.

    Attributes:
        name: the baseline's, or the trial's.
        seeds: attacked ones.
        flags: names of what is doubtful, of any seed.
        evidence: what these say, and those that concern a manifold alone, of any seed.
        error: on all test images, of the attacked models.
        values: by the columns of `schema.STRONG_ERRORS`, as far as all seeds have a number there.
        at: errors at the study's radii in the image, by radius and then by the kinds of `schema.ATTACK_CURVES`.
    """

    trial_id: str
    label: str | None
    architecture: str
    seeds: tuple[int, ...]
    flags: tuple[str, ...]
    evidence: tuple[str, ...]
    error: float
    values: Mapping[str, float]
    at: Mapping[float, Mapping[str, float]]

    @property
    def name(self) -> str:
        """The baseline's name, or the trial's."""
        return self.label or self.trial_id


def attacked_candidates(study: Study) -> tuple[AttackedCandidate, ...]:
    """Returns the candidates that strong attacks gave something of, in the order of their confirmation."""
    rows: dict[str, Rows] = defaultdict(list)
    for row in attacked_rows(study):
        rows[row["trial_id"]].append(row)
    curves: dict[str, Rows] = defaultdict(list)
    for row in study.attack_curves.filter(pc.equal(study.attack_curves["threat"], "pixel")).to_pylist():
        curves[row["trial_id"]].append(row)
    return tuple(_candidate(runs, _at(curves[trial_id], study.radii)) for trial_id, runs in rows.items())


def attacked_rows(study: Study) -> Rows:
    """Returns the confirmations whose models strong attacks were made on."""
    return [row for row in study.confirmations.to_pylist() if row["flags"] is not None]


def _candidate(runs: Rows, at: Mapping[float, Mapping[str, float]]) -> AttackedCandidate:
    first = runs[0]
    numbers = {name: [run[name] for run in runs] for name in STRONG_ERRORS}
    return AttackedCandidate(
        trial_id=first["trial_id"],
        label=first["label"],
        architecture=first["architecture"],
        seeds=tuple(sorted(run["seed"] for run in runs)),
        flags=tuple(dict.fromkeys(flag for run in runs for flag in run["flags"])),
        evidence=tuple(dict.fromkeys(said for run in runs for said in run["flag_evidence"] or run["flags"])),
        error=fmean(run["test_error"] for run in runs),
        values={name: fmean(values) for name, values in numbers.items() if None not in values},
        at=at,
    )


def _at(rows: Rows, radii: tuple[float, ...]) -> dict[float, dict[str, float]]:
    kinds = ("worst", "white_box", "black_box", "paper")
    found = {radius: [row for row in rows if isclose(row["radius"], radius, rel_tol=1e-9)] for radius in radii}
    return {
        radius: {kind: fmean(row[kind] for row in there) for kind in kinds} for radius, there in found.items() if there
    }

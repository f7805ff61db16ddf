"""Strong attacks on a made-up study, as `study.storage` writes what they did."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

import analysis
from analysis.front import confirmed_fronts
from tests.analysis.synthetic import RADII, read_rows, write_table

BUDGET = {
    "strong_strength": "fast", "strong_steps": 20, "strong_targets": 3, "strong_restarts": 1, "strong_queries": 300,
    "strong_attempts": 1, "strong_images": 30, "strong_sources": ["mlp-000-1000"],
}  # fmt: skip
FACTORS = {"worst": 1.0, "white_box": 0.98, "black_box": 0.9, "paper": 0.8}


def attack(folder: Path, flagged: Collection[str] = (), everyone: bool = False) -> Path:
    """Attacks the models of the first seed of the front's members, or of all candidates; some raise a flag."""
    members = {c.trial_id for front in confirmed_fronts(analysis.load(folder)) for c in front.members}
    rows = read_rows(folder, "confirmations")
    seed = min(row["seed"] for row in rows)
    chosen = [row for row in rows if row["seed"] == seed and (everyone or row["trial_id"] in members | {*flagged})]
    for row in chosen:
        row |= BUDGET | {"flags": ["steps_do_not_help"] * (row["trial_id"] in flagged)}
        at = {kind: [row[f"test_robust_error_at_{r:.3g}"] * factor for r in RADII] for kind, factor in FACTORS.items()}
        for kind, name in [("worst", "robust"), ("white_box",) * 2, ("black_box",) * 2, ("paper",) * 2]:
            row[f"strong_{name}_error"] = sum(at[kind]) / len(RADII)
        row |= {"strong_success_rate": 0.9, "strong_affine_error": 0.7}
    write_table(folder, "confirmations", rows)
    write_table(folder, "attack_curves", [line for row in chosen for line in _curve(row)])
    write_table(folder, "ledger", [line for row in chosen for line in _ledger(row)])
    return folder


def _of_model(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("trial_id", "architecture", "seed")} | {"threat": "pixel"}


def _curve(row: dict[str, Any]) -> list[dict[str, Any]]:
    points = [(0.0, row["test_error"]), *((r, row[f"test_robust_error_at_{r:.3g}"]) for r in RADII)]
    return [
        _of_model(row)
        | {"study_radius": 0.3, "radius": 0.3 * (place / 4)}
        | {kind: error * factor for kind, factor in FACTORS.items()}
        for place, (_, error) in enumerate(points)
    ]


def _ledger(row: dict[str, Any]) -> list[dict[str, Any]]:
    cost = {"gradient_evaluations": 600, "forward_passes": 700, "seconds": 0.5}
    looked = {"attack": "clean", "white_box": False, "radius": 0.0, "attacked": 0, "lost": 0, "restarts": 0}
    made = [
        {"attack": attack, "white_box": attack != "square", "radius": 0.3 * part, "attacked": 20, "lost": 5}
        | {"restarts": 1, "queries": 700 if attack == "square" else None, "error_alone": 0.5, "error_worst": 0.6}
        for part in (0.5, 1.0)
        for attack in ("apgd-ce", "square", "adam-pgd")
    ]
    return [_of_model(row) | cost | line for line in [looked | {"threat": "none"}, *made]]


def without(folder: Path, trial_id: str) -> Path:
    """Removes the confirmations of a candidate."""
    rows = read_rows(folder, "confirmations")
    write_table(folder, "confirmations", [row for row in rows if row["trial_id"] != trial_id])
    return folder


def ledger_sum(study: analysis.Study, column: str) -> int:
    return int(pc.sum(study.ledger[column]).as_py())

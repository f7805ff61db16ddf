"""Grids whose truth is known, made up and written to disk as `study.storage` writes a real one."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.claims.answers import answers
from analysis.claims.grid import ON_METHODS, Grid
from analysis.claims.verdicts import Claim, Finding
from analysis.schema import CLAIMS, METADATA
from tests.analysis.synthetic import study_json, write_study

SIZES = (250, 1000, 4000)
Row = dict[str, Any]
Truth = Callable[[str, int], Row]


def methods(kind: str) -> tuple[str, ...]:
    own = () if kind == "affine" else (ON_METHODS[kind],)
    return ("Normal", "RegAdv", "DataAugm", *own, "AdvTrans")


def as_claimed(method: str, size: int) -> Row:
    """What the paper says: on-manifold training takes a quarter of the examples, regular training twice as many."""
    needs = {"Normal": 1.0, "RegAdv": 2.0, "DataAugm": 0.5}.get(method, 0.25)
    error = 0.6 * (250 * needs / size) ** 0.4
    return {
        "test_error": error,
        "papers_on_manifold_success": 0.1 + error,
        "strong_on_manifold_success": 0.2 + error,
        "strong_success": 0.3 + 0.5 * error if method == "RegAdv" else 0.8,
        "test_success_rate": 0.5 if method == "RegAdv" else 0.95,
        "regular_departure": 0.97,
        "random_departure": 0.96,
        "on_manifold_departure": 0.05,
        "label_agreement": 0.9,
    }


def against_it(method: str, size: int) -> Row:
    """The opposite of all claims."""
    right = as_claimed(method, size)
    # On-manifold training takes as many examples as regular training is said to, and the other way round.
    swapped = {"RegAdv": "OnTrue", "OnTrue": "RegAdv", "AdvTrans": "RegAdv"}.get(method, method)
    error = as_claimed(swapped, size)["test_error"]
    return right | {
        "test_error": error,
        "papers_on_manifold_success": 0.002,
        "strong_on_manifold_success": max(0.9 - error, 0.0),
        "strong_success": 0.9 - 0.6 * error,
        "regular_departure": 0.2,
        "label_agreement": 0.1,
    }


def nothing(method: str, size: int) -> Row:
    """Nothing depends on anything."""
    return as_claimed("Normal", 1000) | {"strong_success": 0.8, "regular_departure": 0.5, "random_departure": 0.6}


def rows(truth: Truth, *, noise: float, seeds: int = 3, kind: str = "known", seed: int = 0) -> list[Row]:
    rng = np.random.default_rng(seed)
    found = []
    for own in range(seeds):
        for fixed, sizes in (("epochs", SIZES), ("updates", SIZES[:1])):
            for size in sizes:
                for method in methods(kind):
                    about = {"trial_id": f"conv-{len(found):03d}", "architecture": "conv", "method": method}
                    about |= {"n_train": size, "fixed": fixed, "seed": 1000 + own, "updates": size // 10}
                    found.append(about | _noisy(truth(method, size), noise, rng))
    return found


def _noisy(truth: Row, noise: float, rng: np.random.Generator) -> Row:
    """Moves every number by as much as a seed does, where it can be moved."""
    return {
        name: float(np.clip(value + noise * rng.normal() * math.sqrt(4 * value * (1 - value)), 0, 1))
        for name, value in truth.items()
    }


def grid(own: list[Row], kind: str = "known", **changes: Any) -> Grid:
    table = as_table(own).to_pylist()
    config = study_json(**{"trials": len(own), "manifold": {"kind": kind}, "widths": {"conv": 1.0}} | changes)
    return Grid(architecture="conv", rows=tuple(table), config=config)


def as_table(own: list[Row]) -> pa.Table:
    columns = {name: [row.get(name) for row in own] for name in CLAIMS.names}
    return pa.table(columns, schema=CLAIMS.with_metadata(METADATA))


def asked(own: list[Row], kind: str = "known") -> dict[int, Claim]:
    return {claim.number: claim for claim in answers(grid(own, kind))}


def finding(claim: Claim, key: str) -> Finding:
    return next(found for found in claim.findings if found.key == key)


def write_grid(folder: Path, own: list[Row], kind: str = "known", **changes: Any) -> Path:
    """Writes a study of such a grid, whose other tables are of no importance."""
    about = {"sizes": list(SIZES), "at_updates": [SIZES[0]]}
    size = {"trials": len(own), "seeds": len({row["seed"] for row in own})}
    write_study(folder, ("conv",), **size, space="claims", grid=about, manifold={"kind": kind}, **changes)
    pq.write_table(as_table(own), folder / "results" / "claims.parquet")
    return folder

"""A plausible study, made up and written to disk as `study.storage` writes a real one."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.pareto import nondominated
from analysis.schema import METADATA, TABLES

BASELINES = {
    "manifold": ("Normal", "RegAdv", "OnTrue", "Reg+OnTrue", "RegAdv weak", "RandTrue"),
    "affine": ("Normal", "RegAdv", "AdvTrans", "Reg+AdvTrans", "RegAdv weak", "DataAugm"),
}
RADII = (0.075, 0.15, 0.225, 0.3)
SKILL = {
    "conv": (0.24, 0.62),
    "mlp": (0.34, 0.68),
    "resnet": (0.2, 0.6),
    "vgg": (0.22, 0.63),
    "vit": (0.3, 0.7),
}
EASIER = {
    "fonts": 1.0,
    "fashion": 0.75,
    "emnist": 0.3,
    "mnist": 0.25,
    "celeba": 0.4,
}  # errors as a part of those on FONTS
SIZE = {
    "conv": (1.0, 103_210),
    "mlp": (1.0, 2_913_290),
    "resnet": (0.125, 45_114),
    "vgg": (0.125, 61_004),
    "vit": (0.25, 52_106),
}
MIXTURE = (  # shares of the pixel role and of the other one, baseline by baseline
    (0.0, 0.0),
    (0.5, 0.0),
    (0.0, 0.5),
    (0.25, 0.25),
    (0.35, 0.0),
    (0.0, 0.3),
)


def data_json(dataset: str, variant: str | None, **changes: Any) -> dict[str, Any]:
    """What study.json says of the data; the second threat of a study follows from it, as do its baselines."""
    name = "bundled typefaces" if dataset == "fonts" else "data"
    plain = {"dataset": dataset, "variant": variant, "subset": "random", "source_name": name, "n_train": 1000}
    return plain | {"n_validation": 500, "n_test": 5000} | changes


def study_json(**changes: Any) -> dict[str, Any]:
    evaluation = {
        "split": "validation", "n_attacked": 100, "steps": 10, "restarts": 1,
        "radii": [0.25, 0.5, 0.75, 1.0], "paper_attempts": 1, "at_epochs": [],
    }  # fmt: skip
    plain = {
        "name": "synthetic",
        "command": "python -m study.launch --space tradeoff",
        "space": "tradeoff",
        "space_fingerprint": "0123abcd",
        "dataset": data_json("fonts", "hard"),
        "data_fingerprint": "89ef4567",
        "threat_model": {"norm": "linf", "epsilon": 0.3, "eta": 0.3},
        "scale": "demo",
        "architectures": ["conv", "mlp"],
        "trials": 12,
        "seeds": 2,
        "seed": 0,
        "evaluation": evaluation,
        "confirmation": evaluation | {"split": "test", "steps": 20, "restarts": 2, "paper_attempts": 5},
        "versions": {"python": "3.11.9", "torch": "2.14.0", "ray": "2.60.0"},
        "git_commit": "deadbeef",
        "hardware": {"cpus": 2, "gpus": [], "memory_gib": 8},
        "started": "2026-01-02T03:04:05+00:00",
    }  # fmt: skip
    return plain | changes


def write_study(
    folder: Path,
    architectures: tuple[str, ...] = ("conv", "mlp"),
    trials: int = 24,
    seeds: int = 2,
    seed: int = 0,
    epochs: int = 1,
    **changes: Any,
) -> Path:
    """Writes a study whose errors follow the mixture of its losses, with noise; 0 seeds confirm nothing."""
    rng = np.random.default_rng(seed)
    config = study_json(architectures=list(architectures), trials=trials, seeds=seeds, **changes)
    config["widths"] = {name: SIZE[name][0] for name in architectures}
    dataset = config["dataset"]["dataset"]
    rows = [_trial(rng, dataset, name, number) for name in architectures for number in range(trials)]
    candidates = [row for name in architectures for row in _candidates([r for r in rows if r["architecture"] == name])]
    confirmations = [
        _confirmation(rng, dataset, row, fresh) for row in candidates for fresh in range(1000, 1000 + seeds)
    ]
    curves = [row for trial in rows for row in _curve(trial, epochs)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.json").write_text(json.dumps(config))
    accesses = [json.dumps({"trial_id": row["trial_id"], "seed": row["seed"]}) for row in confirmations]
    (folder / "test_access.jsonl").write_text("\n".join(accesses))
    for name, content in (("trials", rows), ("curves", curves), ("confirmations", confirmations)):
        write_table(folder, name, content)
    return folder


def write_table(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Writes a table with the schema's columns first and whatever else its rows hold behind."""
    extra = {key: None for row in rows for key in row if key not in TABLES[name].names}
    more = [pa.field(key, _type([row.get(key) for row in rows])) for key in extra]
    schema = pa.schema([*TABLES[name], *more], metadata=METADATA)
    (folder / "results").mkdir(exist_ok=True)
    columns = {column: [row.get(column) for row in rows] for column in schema.names}
    pq.write_table(pa.table(columns, schema=schema), folder / "results" / f"{name}.parquet")


def read_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "results" / f"{name}.parquet").to_pylist()
    return rows


def _candidates(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    complete = [row for row in rows if row["state"] == "COMPLETE"]
    best = nondominated([[row["val_error"], row["val_robust_error"]] for row in complete])
    return [row for row, keep in zip(complete, best, strict=True) if keep or row["label"]]


def _type(values: list[Any]) -> pa.DataType:
    return pa.array(values).type


def _trial(rng: np.random.Generator, dataset: str, architecture: str, number: int) -> dict[str, Any]:
    other = _other_threat(dataset)
    label = BASELINES[other][number] if number < len(MIXTURE) else None
    pixel, second = MIXTURE[number] if label else (rng.uniform(0, 0.6), rng.uniform(0, 0.4))
    failed = number % 11 == 9
    row = {
        "trial_id": f"{architecture}-{number:03d}",
        "label": label,
        "architecture": architecture,
        "width": SIZE[architecture][0],
        "parameters": SIZE[architecture][1],
        "state": "INFEASIBLE" if failed else "COMPLETE",
        "seed": number,
        "backend": "torch",
        "signature": "00ff00ff00",
        "epochs": 1 if failed else 6,
        "gradient_evaluations": 120_000 + 1000 * number,
        "forward_passes": 300_000,
        "seconds": float(rng.uniform(9, 15)),
        "device": "cpu",
        "message": "chance level after epoch 1" if failed else None,
        **_config(rng, {"pixel": pixel, other: second}),
    }
    return row | ({} if failed else _metrics(rng, "val", dataset, architecture, (pixel, second)))


def _confirmation(rng: np.random.Generator, dataset: str, trial: dict[str, Any], seed: int) -> dict[str, Any]:
    shares = [trial[f"config.roles.{threat}.share"] or 0.0 for threat in ("pixel", _other_threat(dataset))]
    kept = ("trial_id", "label", "architecture", "width", "parameters", "device", "seconds", "forward_passes")
    row = {key: trial[key] for key in kept} | {"seed": seed, "gradient_evaluations": 180_000}
    return row | _metrics(rng, "test", dataset, trial["architecture"], (shares[0], shares[1]))


def _curve(trial: dict[str, Any], epochs: int) -> list[dict[str, Any]]:
    kept = {key: trial[key] for key in ("trial_id", "architecture")}
    error = trial.get("val_error") or 1.0
    return [
        kept | {"epoch": epoch, "val_error": 1 - (1 - error) * epoch / epochs, "seconds": float(epoch)}
        for epoch in range(1, epochs + 1)
    ]


def _other_threat(dataset: str) -> str:
    return "manifold" if dataset == "fonts" else "affine"


def _config(rng: np.random.Generator, shares: dict[str, float]) -> dict[str, Any]:
    config: dict[str, Any] = {"config.clean_weight": 0.5, "config.optimiser.learning_rate": 0.01}
    for threat, share in shares.items():
        role = {
            "share": share,
            "weight": 0.5,
            "radius": float(rng.uniform(0.1, 0.35)),
            "steps": 10,
            "slack": None,
        }
        config |= {f"config.roles.{threat}.{key}": value if share else None for key, value in role.items()}
    return config


def _metrics(
    rng: np.random.Generator, split: str, dataset: str, architecture: str, shares: tuple[float, float]
) -> dict[str, float | None]:
    best_error, best_robust = SKILL[architecture]
    pixel, second = shares
    error = EASIER[dataset] * (best_error + 0.3 * (1 - second) ** 3 + 0.06 * pixel + rng.normal(0, 0.008))
    robust = best_robust + 0.3 * (1 - pixel) ** 4 - 0.06 * second + rng.normal(0, 0.01)
    at = {f"{split}_robust_error_at_{r:.3g}": min(error + (robust - error) * r / 0.19, 1.0) for r in RADII}
    known = dataset == "fonts"  # the one data set whose manifold a study can attack
    return {
        f"{split}_error": min(error, 1.0),
        f"{split}_robust_error": min(robust, 1.0),
        f"{split}_on_manifold_error": min(0.9 * error + 0.3, 1.0) if known else None,
        f"{split}_affine_error": min(0.9 * error + 0.2, 1.0),
        f"{split}_success_rate": min(0.85 + 0.15 * (1 - pixel) ** 2 + rng.normal(0, 0.004), 1.0),
        f"{split}_on_manifold_success_rate": 0.5 if known else None,
    } | at

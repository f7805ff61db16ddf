"""The journal's view for the analysis: Parquet tables with the columns of `analysis.schema` and more.

Trials of a grid are measured on test. They stand among the confirmations, a cell's seeds under the name of its first
trial; what the paper's claims are judged by has a table of its own.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.schema import BUDGET, CLAIMS, KINDS_OF_EPOCH, METADATA, METRICS, TABLES
from study.storage.atomic import write_bytes
from study.storage.attack_tables import columns_of, curve_rows, ledger_rows
from study.storage.state import Attacked, Confirmation, State, Trial
from trainables.columns import flat

Row = dict[str, Any]
MEASURED = ("error", "robust_error", "on_manifold_error", "affine_error", "success_rate")  # of a cell, on test
COST = tuple(column.name for column in BUDGET if column.name != "device")


def write_tables(state: State, folder: Path, threat_model: Mapping[str, Any]) -> None:
    """Replaces the tables of a study by what its state says; those of claims and strong attacks come with these."""
    attacked = [(_model(state, known), known) for known in state.attacked.values()]
    cells = grid(state)
    confirmed = [*state.confirmations.values(), *map(_as_confirmation, cells)]
    rows = {
        "trials": [_trial(trial) for trial in state.trials.values()],
        "curves": [_epoch(trial, report) for trial in state.trials.values() for report in trial.curve],
        "confirmations": [
            _confirmation(state.trials[known.trial_id], known)
            | columns_of(state.attacked.get((known.trial_id, known.seed)))
            for known in confirmed
        ],
    }
    if cells:
        rows["claims"] = [_cell(known) for known in cells]
    if attacked:
        rows |= {"attack_curves": list(curve_rows(attacked)), "ledger": list(ledger_rows(attacked))}
    for name, content in rows.items():
        sink = io.BytesIO()
        pq.write_table(_table(name, content, threat_model), sink)
        write_bytes(folder / f"{name}.parquet", sink.getvalue())


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A trial of a grid that has ended, and the first one of its cell."""

    first: Trial
    trial: Trial


def grid(state: State) -> list[Cell]:
    """Returns the trials of a grid that have ended; none where something is searched."""
    first: dict[tuple[str, str | None], Trial] = {}
    found = []
    for trial in state.trials.values():
        if _on_test(trial):
            origin = first.setdefault((trial.architecture, trial.label), trial)
            found += [Cell(first=origin, trial=trial)] if trial.state != "RUNNING" else []
    return found


def _on_test(trial: Trial) -> bool:
    return bool(trial.config.get("evaluation", {}).get("split") == "test")


def _as_confirmation(cell: Cell) -> Confirmation:
    trial = cell.trial
    complete = trial.state == "COMPLETE"
    return Confirmation(
        trial_id=cell.first.trial_id,
        seed=trial.config["seed"],
        report=trial.curve[-1] if trial.curve else None,
        message=None if complete else trial.message or trial.state,
        model=trial.model,
    )


def _cell(cell: Cell) -> Row:
    """Returns what the claims are judged by, of one trial; without numbers where it gave no result."""
    trial, config = cell.trial, cell.trial.config
    last = trial.curve[-1] if trial.state == "COMPLETE" else {}
    updates = config["epochs"] * -(-config["data"]["n_train"] // config["batch_size"])
    row = {
        "trial_id": trial.trial_id,
        "architecture": trial.architecture,
        **{name: trial.point[name] for name in ("method", "n_train", "fixed")},
        "updates": updates,
        "seed": config["seed"],
        "message": trial.message,
        **{f"test_{name}": last.get(name) for name in MEASURED},
    }
    return row | dict(last.get("hypotheses") or {})


def _model(state: State, known: Attacked) -> Row:
    architecture = state.trials[known.trial_id].architecture
    return {"trial_id": known.trial_id, "architecture": architecture, "seed": known.seed}


def _table(name: str, rows: list[Row], threat_model: Mapping[str, Any]) -> pa.Table:
    """Puts the schema's columns first and the configuration's and radii's behind, in the order of their names."""
    schema = CLAIMS if name == "claims" else TABLES[name]
    more = sorted({key for row in rows for key in row} - set(schema.names))
    columns = {key: [row.get(key) for row in rows] for key in [*schema.names, *more]}
    fields = [*schema, *(pa.field(key, pa.array(columns[key]).type) for key in more)]
    threat = {b"disentangle.threat_model": json.dumps(dict(threat_model)).encode()}
    return pa.table(columns, schema=pa.schema(fields, metadata=METADATA | threat))


def _trial(trial: Trial) -> Row:
    last = trial.curve[-1] if trial.curve else {}
    # Errors of an unfinished or useless model are no result; its curve keeps them.
    metrics = _metrics("val", last) if trial.state == "COMPLETE" and not _on_test(trial) else {}
    row = {
        "trial_id": trial.trial_id,
        "label": trial.label,
        "architecture": trial.architecture,
        "width": trial.config["width"],
        "parameters": trial.model.parameters,
        "state": trial.state,
        "seed": trial.config["seed"],
        "replicate_of": trial.replicate_of,
        "signature": trial.signature,
        "backend": trial.model.backend,
        "epochs": len(trial.curve),
        "device": trial.model.device,
        "manifold_digest": trial.model.manifold_digest,
        "stopped_at": trial.stopped_at,
        "message": trial.message,
    }
    trained = trial.model.trained_manifold_digest
    beside = {"trained_manifold_digest": trained} if trained else {}
    beside |= _epochs(trial.config, last if trial.state == "COMPLETE" else {})
    return row | beside | metrics | _cost(last) | _configuration(trial.config)


def _configuration(config: Mapping[str, Any]) -> Row:
    columns = flat(config)
    source = columns["config.data.source"]
    # A table is passed around: it names the data, not where somebody keeps it.
    return columns | {"config.data.source": Path(source).name if source else None}


def _epoch(trial: Trial, report: Mapping[str, Any]) -> Row:
    row = {"trial_id": trial.trial_id, "architecture": trial.architecture}
    of_another = report.get("of_epoch") not in (None, report["epoch"])
    own = report["picks"]["last"] if of_another else report  # a curve is of the model as it was after each epoch
    on_test = _on_test(trial) and report["epoch"] == trial.config["epochs"]
    measured = {} if on_test else _metrics("val", own)
    return row | {key: report[key] for key in ("epoch", "train_loss")} | measured | _cost(report)


def _confirmation(trial: Trial, confirmation: Confirmation) -> Row:
    report = confirmation.report or {}
    row = {
        "trial_id": trial.trial_id,
        "label": trial.label,
        "architecture": trial.architecture,
        "width": trial.config["width"],
        "parameters": confirmation.model.parameters,
        "seed": confirmation.seed,
        "device": confirmation.model.device,
        "message": confirmation.message,
    }
    metrics = _metrics("test", report) if confirmation.message is None else {}
    return row | _epochs(trial.config, report) | metrics | _cost(report)


def _epochs(config: Mapping[str, Any], report: Mapping[str, Any]) -> Row:
    """Returns which epoch a classifier is of, and what was best on validation."""
    picks: Mapping[str, Mapping[str, Any]] = report.get("picks") or {}
    row = {"checkpoint": config.get("checkpoint", KINDS_OF_EPOCH[0]), "of_epoch": report.get("of_epoch")}
    for kind in KINDS_OF_EPOCH:
        pick, name = picks.get(kind, {}), kind.replace("-", "_")
        row |= {f"{name}_epoch": pick.get("epoch")}
        row |= {f"{name}_val_{metric}": pick.get(metric) for metric in ("error", "robust_error")}
    return row


def _metrics(split: str, report: Mapping[str, Any]) -> Row:
    metrics = {f"{split}_{name}": report.get(name) for name in METRICS}
    radii: Mapping[str, float] = report.get("robust_error_at") or {}
    return metrics | {f"{split}_robust_error_at_{radius}": error for radius, error in radii.items()}


def _cost(report: Mapping[str, Any]) -> Row:
    return {name: report.get(name) for name in COST}

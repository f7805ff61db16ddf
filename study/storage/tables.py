"""The journal's view for the analysis: Parquet tables with the columns of `analysis.schema` and more."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from analysis.schema import BUDGET, METADATA, METRICS, TABLES
from study.storage.atomic import write_bytes
from study.storage.attack_tables import columns_of, curve_rows, ledger_rows
from study.storage.state import Attacked, Confirmation, State, Trial
from trainables.columns import flat

Row = dict[str, Any]
COST = tuple(column.name for column in BUDGET if column.name != "device")


def write_tables(state: State, folder: Path, threat_model: Mapping[str, Any]) -> None:
    """Replaces the tables of a study by what its state says; those of strong attacks are there once some were made."""
    attacked = [(_model(state, known), known) for known in state.attacked.values()]
    rows = {
        "trials": [_trial(trial) for trial in state.trials.values()],
        "curves": [_epoch(trial, report) for trial in state.trials.values() for report in trial.curve],
        "confirmations": [
            _confirmation(state.trials[known.trial_id], known) | columns_of(state.attacked.get(key))
            for key, known in state.confirmations.items()
        ],
    }
    if attacked:
        rows |= {"attack_curves": list(curve_rows(attacked)), "ledger": list(ledger_rows(attacked))}
    for name, content in rows.items():
        sink = io.BytesIO()
        pq.write_table(_table(name, content, threat_model), sink)
        write_bytes(folder / f"{name}.parquet", sink.getvalue())


def _model(state: State, known: Attacked) -> Row:
    architecture = state.trials[known.trial_id].architecture
    return {"trial_id": known.trial_id, "architecture": architecture, "seed": known.seed}


def _table(name: str, rows: list[Row], threat_model: Mapping[str, Any]) -> pa.Table:
    """Puts the schema's columns first and the configuration's and radii's behind, in the order of their names."""
    schema = TABLES[name]
    more = sorted({key for row in rows for key in row} - set(schema.names))
    columns = {key: [row.get(key) for row in rows] for key in [*schema.names, *more]}
    fields = [*schema, *(pa.field(key, pa.array(columns[key]).type) for key in more)]
    threat = {b"disentangle.threat_model": json.dumps(dict(threat_model)).encode()}
    return pa.table(columns, schema=pa.schema(fields, metadata=METADATA | threat))


def _trial(trial: Trial) -> Row:
    last = trial.curve[-1] if trial.curve else {}
    # Errors of an unfinished or useless model are no result; its curve keeps them.
    metrics = _metrics("val", last) if trial.state == "COMPLETE" else {}
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
        "backend": "torch",
        "epochs": len(trial.curve),
        "device": trial.model.device,
        "manifold_digest": trial.model.manifold_digest,
        "stopped_at": trial.stopped_at,
        "message": trial.message,
    }
    trained = trial.model.trained_manifold_digest
    beside = {"trained_manifold_digest": trained} if trained else {}
    return row | beside | metrics | _cost(last) | _configuration(trial.config)


def _configuration(config: Mapping[str, Any]) -> Row:
    columns = flat(config)
    source = columns["config.data.source"]
    # A table is passed around: it names the data, not where somebody keeps it.
    return columns | {"config.data.source": Path(source).name if source else None}


def _epoch(trial: Trial, report: Mapping[str, Any]) -> Row:
    row = {"trial_id": trial.trial_id, "architecture": trial.architecture}
    return row | {key: report[key] for key in ("epoch", "train_loss")} | _metrics("val", report) | _cost(report)


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
    return row | (_metrics("test", report) if confirmation.message is None else {}) | _cost(report)


def _metrics(split: str, report: Mapping[str, Any]) -> Row:
    metrics = {f"{split}_{name}": report.get(name) for name in METRICS}
    radii: Mapping[str, float] = report.get("robust_error_at") or {}
    return metrics | {f"{split}_robust_error_at_{radius}": error for radius, error in radii.items()}


def _cost(report: Mapping[str, Any]) -> Row:
    return {name: report.get(name) for name in COST}

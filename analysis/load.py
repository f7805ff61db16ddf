"""A study on disk, read and checked once, so that nobody behind this door has to doubt it."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.objectives import ERRORS, Objective, objectives_of
from analysis.schema import CLAIMS, EPOCHS, IMPORTANCE, LATER, MAY_LACK, METRICS, SCHEMA_VERSION, STATES, STRONG, TABLES

REQUIRED: Final[Mapping[str, type | tuple[type, ...]]] = {
    "name": str,
    "dataset.dataset": str,
    "dataset.n_train": int,
    "threat_model.norm": str,
    "threat_model.epsilon": (int, float),
    "threat_model.eta": (int, float),
    "evaluation.n_attacked": int,
    "evaluation.steps": int,
    "evaluation.restarts": int,
    "evaluation.radii": list,
}
REQUIRED_ONCE_CONFIRMED: Final = {f"confirmation.{key}": int for key in ("n_attacked", "steps", "restarts")} | {
    "confirmation.radii": list
}

DISTANCES: Final = ("length", "to_manifold", "beyond_neighbours")


class StudyUnreadable(ValueError):  # noqa: N818 - it names the state of the study, as FileNotFoundError does
    """A study cannot be read; the message says what must hold, what was found and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a study has found so far.

    Attributes:
        name: of the study.
        config: study.json; `REQUIRED` names what is surely there.
        trials: one row a trial, measured on validation (`schema.TRIALS` and more).
        curves: one row a trial and epoch.
        confirmations: one row a candidate and fresh seed, measured on test; empty before the confirmation.
        attack_curves: one row a model under strong attacks, threat and radius; empty without these.
        ledger: what these took, one row a model, attack and radius; empty likewise.
        objectives: what it minimises.
        test_accesses: times that the test split was opened, or None where nobody counted.
        manifold: what the study's manifold is, and how good if it was learned; None where there is none, or nobody has
            measured it yet.
        distances: of perturbed test images to it, by kind of perturbation and measure; empty likewise.
        claims: what the paper's claims are judged by (`schema.CLAIMS`); empty where the study is no grid.
        pictures: what a learned one makes, by title: (row, column, channel, height, width), 255 is white.
        importance: how much each hyperparameter matters (`schema.IMPORTANCE`); empty where nobody asked.
        place: the folder that it was read from; empty where that is a copy of its tables, or it was made otherwise.
    """

    name: str
    config: Mapping[str, Any]
    trials: pa.Table
    curves: pa.Table
    confirmations: pa.Table
    attack_curves: pa.Table = dataclasses.field(default_factory=TABLES["attack_curves"].empty_table)
    ledger: pa.Table = dataclasses.field(default_factory=TABLES["ledger"].empty_table)
    objectives: tuple[Objective, ...] = ERRORS
    test_accesses: int | None = None
    claims: pa.Table = dataclasses.field(default_factory=CLAIMS.empty_table)
    manifold: Mapping[str, Any] | None = None
    distances: Mapping[str, Mapping[str, NDArray[np.float64]]] = dataclasses.field(default_factory=dict)
    pictures: Mapping[str, NDArray[np.uint8]] = dataclasses.field(default_factory=dict)
    importance: pa.Table = dataclasses.field(default_factory=IMPORTANCE.empty_table)
    place: str = ""

    @property
    def evaluation(self) -> Mapping[str, Any]:
        """How the shown errors were measured: the confirmation's way, before it the search's."""
        found: Mapping[str, Any] = self.config["confirmation" if len(self.confirmations) else "evaluation"]
        return found

    @property
    def radii(self) -> tuple[float, ...]:
        """The radii that the robust error averages over, in image range."""
        return tuple(self.config["threat_model"]["epsilon"] * part for part in self.evaluation["radii"])

    @property
    def architectures(self) -> tuple[str, ...]:
        """The architectures in the order that the study names them, then as they appear in its trials."""
        named = [str(name) for name in self.config.get("architectures", [])]
        return tuple(dict.fromkeys([*named, *self.trials["architecture"].to_pylist()]))

    @property
    def is_grid(self) -> bool:
        """Whether its trials were all fixed beforehand and measured on test; nothing was chosen then."""
        return self.config.get("grid") is not None

    def width(self, architecture: str) -> float:
        """Returns what the study multiplies an architecture's channels by; 1 where neither it nor a trial says."""
        rows = self.trials.select(["architecture", "width"]).to_pylist()
        told = {row["architecture"]: row["width"] for row in rows if row["width"] is not None}
        return float((told | (self.config.get("widths") or {})).get(architecture, 1.0))

    def measures(self, metric: str) -> bool:
        """Tells whether any trial or confirmation has a value of a metric (one of `schema.METRICS`)."""
        columns = [*self.trials[f"val_{metric}"].to_pylist(), *self.confirmations[f"test_{metric}"].to_pylist()]
        return any(value is not None and value == value for value in columns)


def load(run_dir: str | Path) -> Study:
    """Reads and checks the study in a folder such as `runs/NAME`.

    Raises:
        StudyUnreadable: where a file is missing, damaged, of another schema or contradicts another.
    """
    folder = Path(run_dir)
    if not folder.is_dir():
        raise StudyUnreadable(f"a study is a folder such as runs/NAME; there is none at {folder}; check the path")
    config = _config(folder / "study.json")
    tables = {name: _table(folder / "results" / f"{name}.parquet", name) for name in TABLES}
    _must_agree(tables["trials"], tables["confirmations"], folder)
    _require(config, REQUIRED, folder / "study.json")
    if len(tables["confirmations"]):
        _require(config, REQUIRED_ONCE_CONFIRMED, folder / "study.json")
    return Study(
        name=config["name"],
        place=str(folder) if (folder / "journal").is_dir() else "",
        config=config,
        objectives=_objectives(config, folder / "study.json"),
        test_accesses=_lines(folder / "test_access.jsonl"),
        importance=_importance(folder / "results" / "importance.parquet"),
        **tables,
        claims=_claims(folder / "results" / "claims.parquet"),
        **_manifold(folder / "results"),
    )


def _objectives(config: Mapping[str, Any], path: Path) -> tuple[Objective, ...]:
    try:
        found = objectives_of(config)
    except ValueError as reason:
        raise StudyUnreadable(f"in {path} {reason}; restore the file") from None
    unknown = [objective.name for objective in found if objective.name not in METRICS]
    if unknown:
        raise StudyUnreadable(
            f"in {path} objectives are metrics of {', '.join(METRICS)}; got {', '.join(unknown)}; "
            "read it with the version of disentangle that wrote it"
        )
    return found


def _manifold(folder: Path) -> dict[str, Any]:
    if not (folder / "manifold.json").is_file():
        return {}
    numbers = _config(folder / "manifold.json")
    try:
        with np.load(folder / "manifold.npz", allow_pickle=False) as file:
            pictures = {name: file[name] for name in file.files}
        distances = _distances(pq.read_table(folder / "distances.parquet"))
    except (OSError, ValueError, KeyError, pa.ArrowException, zipfile.BadZipFile) as reason:
        raise StudyUnreadable(
            f"manifold.npz and distances.parquet in {folder} must hold a manifold's pictures and distances; "
            f"reading them gave: {_one_line(reason)}; "
            "delete manifold.json beside it and resume the study with python -m study.launch --resume"
        ) from None
    return {"manifold": numbers, "pictures": pictures, "distances": distances}


def _distances(table: pa.Table) -> dict[str, dict[str, NDArray[np.float64]]]:
    columns = {name: table[name].to_numpy().astype(np.float64) for name in DISTANCES}
    kinds = np.asarray(table["kind"].to_pylist())
    return {kind: {name: values[kinds == kind] for name, values in columns.items()} for kind in dict.fromkeys(kinds)}


def _importance(path: Path) -> pa.Table:
    if not path.exists():
        return IMPORTANCE.empty_table()
    try:
        table = pq.read_table(pa.BufferReader(path.read_bytes()), columns=IMPORTANCE.names)
        return table.select(IMPORTANCE.names).cast(pa.schema(IMPORTANCE, metadata=table.schema.metadata))
    except (OSError, KeyError, ValueError, pa.ArrowException) as reason:
        raise StudyUnreadable(
            f"{path} must hold {', '.join(IMPORTANCE.names)}; reading it gave: {_one_line(reason)}; delete it"
        ) from None


def _config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise StudyUnreadable(
            f"a study has a study.json; there is none in {path.parent}; check the path, or start the study"
        ) from None
    except (OSError, ValueError) as reason:
        raise StudyUnreadable(f"{path} must be readable JSON; got: {_one_line(reason)}; restore the file") from None
    if not isinstance(config, dict):
        raise StudyUnreadable(f"{path} must hold a JSON object; got {type(config).__name__}; restore the file")
    return config


def _require(config: Mapping[str, Any], required: Mapping[str, Any], path: Path) -> None:
    for key, kind in required.items():
        value: Any = config
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if not isinstance(value, kind) or isinstance(value, bool):
            kinds = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
            raise StudyUnreadable(f"{path} must hold {key} as {kinds}; got {value!r}; restore the file")


def _table(path: Path, name: str) -> pa.Table:
    schema = TABLES[name]
    if not path.exists():
        if name in MAY_LACK:
            return schema.empty_table()
        raise StudyUnreadable(
            f"a study has {name}.parquet; there is none in {path.parent}; "
            "wait until its first trial reports, or resume it with python -m study.launch --resume"
        )
    return _read(path, schema)


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    try:
        # Opened once: a driver may put another version there between two looks.
        table = pq.read_table(pa.BufferReader(path.read_bytes()))
    except (OSError, pa.ArrowException) as reason:
        raise StudyUnreadable(
            f"{path} must be a Parquet file; reading it gave: {_one_line(reason)}; "
            "rebuild it with python -m study.launch --resume"
        ) from None
    for field in schema:
        later = field in (*EPOCHS, *STRONG) or field.name.partition("_")[2] in LATER
        if later and field.name not in table.schema.names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
    _check_schema(table, schema, path)
    return table


def _claims(path: Path) -> pa.Table:
    return _read(path, CLAIMS) if path.exists() else CLAIMS.empty_table()


def _check_schema(table: pa.Table, schema: pa.Schema, path: Path) -> None:
    version = (table.schema.metadata or {}).get(b"disentangle.schema", b"none").decode(errors="replace")
    if version != SCHEMA_VERSION:
        raise StudyUnreadable(
            f"{path} must have schema version {SCHEMA_VERSION}; got {version}; "
            "read it with the version of disentangle that wrote it"
        )
    missing = [field.name for field in schema if field.name not in table.schema.names]
    if missing:
        raise StudyUnreadable(
            f"{path} must have the columns of schema version {SCHEMA_VERSION}; {', '.join(missing)} missing; "
            "rebuild it with python -m study.launch --resume"
        )
    for field in schema:
        found = table.schema.field(field.name).type
        if found != field.type:
            raise StudyUnreadable(
                f"{path} must hold {field.name} as {field.type}; got {found}; "
                "rebuild it with python -m study.launch --resume"
            )


def _must_agree(trials: pa.Table, confirmations: pa.Table, folder: Path) -> None:
    ids = trials["trial_id"].to_pylist()
    runs = list(zip(confirmations["trial_id"].to_pylist(), confirmations["seed"].to_pylist(), strict=True))
    architectures = trials["architecture"].to_pylist() + confirmations["architecture"].to_pylist()
    states = set(pc.unique(trials["state"]).to_pylist()) - set(STATES)
    problems = {
        "every trial has an id of its own": None in ids or len(set(ids)) < len(ids),
        "every trial and confirmation names its architecture": None in architectures,
        f"a state is one of {', '.join(STATES)} (got {sorted(map(str, states))})": bool(states),
        "a candidate is confirmed once per seed": len(set(runs)) < len(runs),
        "only trials of the study are confirmed": not {trial for trial, _ in runs} <= set(ids),
    }
    for rule, broken in problems.items():
        if broken:
            raise StudyUnreadable(
                f"in a study {rule}; this does not hold in {folder / 'results'}; "
                "rebuild its tables with python -m study.launch --resume"
            )


def _lines(path: Path) -> int | None:
    try:
        return sum(1 for line in path.read_bytes().splitlines() if line.strip())
    except OSError:
        return None


def _one_line(reason: Exception) -> str:
    return " ".join(str(reason).split())

"""Where a study's numbers come from: study.json, and every look at the test split."""

import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from study.config import StudyConfig

PACKAGES = ("torch", "ray", "optuna", "numpy", "pyarrow", "moocore")
DECISIVE = ("torch", "torchvision", "numpy", "optuna")  # whose version may change a trial's numbers, or what is asked
SOURCES = ("trainables", "search_spaces", "study/search", "study/scheduling")  # of code that may


def now() -> str:
    """Returns the time in UTC, to the second, as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def describe(config: StudyConfig, *, command: str, data_fingerprint: str) -> dict[str, Any]:
    """Returns what a reader of the study's numbers wants to know, and the config that resumes it."""
    data = asdict(config.data)
    source = data.pop("source")
    return {
        "name": config.name,
        "study_id": uuid.uuid4().hex,
        "command": command,
        "space": config.space,
        "space_fingerprint": config.search_space().fingerprint(),
        "objectives": [asdict(objective) for objective in config.search_space().objectives],
        "dataset": data | {"source_name": Path(source).name if source else "bundled typefaces"},
        "data_fingerprint": data_fingerprint,
        "threat_model": asdict(config.threat_model),
        "manifold": _manifold(config),
        "scale": config.scale,
        "architectures": list(config.architectures),
        "widths": {architecture: config.width(architecture) for architecture in config.architectures},
        "grid": {"sizes": list(config.sizes), "at_updates": list(config.at_updates)} if config.is_grid else None,
        "trials": config.trials,
        "seeds": config.seeds,
        "fresh_seeds": list(config.fresh_seeds()),
        "seed": config.seed,
        "sampler": config.sampler,
        "checkpoint": config.checkpoint,
        "constraints": list(config.constraints),
        "replicates": config.replicates,
        "warm_start": Path(config.warm_start).name if config.warm_start else None,
        "evaluation": asdict(config.evaluation()),
        "confirmation": asdict(config.confirmation()),
        "versions": versions(),
        "code": code(),
        "git_commit": git_commit(),
        "hardware": hardware(),
        "started": now(),
        "config": config.to_dict(),
    }


def _manifold(config: StudyConfig) -> dict[str, Any]:
    """Says what trials move along, what they are measured on, and how that was learned."""
    told: dict[str, Any] = {"kind": config.kinds[0]} | ({"kinds": list(config.kinds)} if config.others else {})
    if measured := config.measured_on:
        return {**told, **asdict(measured.model), "box": measured.box}
    shared = asdict(config.learned.model) if config.learned else {}
    return told | {name: value for name, value in shared.items() if name != "agnostic"}


def versions() -> dict[str, str]:
    """Returns the versions of Python, of this project and of what its numbers depend on."""
    installed = {name: importlib.metadata.version(name) for name in PACKAGES}
    try:
        own = importlib.metadata.version("disentangle")
    except importlib.metadata.PackageNotFoundError:
        own = "not installed"
    return {"python": platform.python_version(), "disentangle": own, **installed}


def code() -> dict[str, str]:
    """Returns what a resumed study must share with the one that began: digests of sources, and versions."""
    root = Path(__file__).parents[2]
    return {name: _digest(root / name) for name in SOURCES} | {
        name: importlib.metadata.version(name) for name in DECISIVE
    }


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def git_commit() -> str | None:
    """Returns the commit that the code was checked out from, marked where files have changed since, or None."""
    folder = Path(__file__).parent
    commit = _git(folder, "rev-parse", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}, changed" if commit and changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def hardware() -> dict[str, Any]:
    """Returns the driver's processor, the cores that it may use, and its memory."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": named[0] if named else platform.processor() or platform.machine(),
        "cpus": usable_cpus(),
        "gpus": [],  # trials train on the processor
        "memory_gib": round(memory / 2**30),
    }


def driver() -> dict[str, Any]:
    """Returns which process this is, on which machine."""
    return {"host": platform.node(), "pid": os.getpid()}


def usable_cpus() -> int:
    """Returns how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def log_test_access(run_dir: Path, access: Mapping[str, Any]) -> None:
    """Appends one access to the test split to test_access.jsonl; when this returns, it is on disk."""
    with (run_dir / "test_access.jsonl").open("a") as file:
        file.write(json.dumps({"time": now(), **access}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def test_accesses(run_dir: Path) -> list[dict[str, Any]]:
    """Returns the accesses so far; a line that is being written is not among them."""
    path = run_dir / "test_access.jsonl"
    lines = path.read_text().split("\n")[:-1] if path.is_file() else []
    return [json.loads(line) for line in lines]


def departures(study: Mapping[str, Any]) -> list[str]:
    """Says which versions, code and hardware are others here than in a study's description."""
    now = {"versions": versions(), "code": code(), "hardware": hardware()}
    told = []
    for part, known in now.items():
        before = study.get(part) or {}
        told += [f"{name} {before.get(name)} -> {value}" for name, value in known.items() if before.get(name) != value]
    commit = git_commit()
    return told + ([f"commit {study.get('git_commit')} -> {commit}"] if study.get("git_commit") != commit else [])

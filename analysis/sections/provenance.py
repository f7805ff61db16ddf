"""The part of the page that says where its numbers come from."""

from collections.abc import Mapping
from typing import Any

from analysis.findings import Findings
from analysis.formats import DASH
from analysis.load import Study
from analysis.sections.section import Section


def section(findings: Findings) -> Section:
    """Returns what ran, on what, and at what cost."""
    return Section(name="provenance", title="Provenance", content={"provenance": _known(findings.study)})


def _known(study: Study) -> list[tuple[str, str]]:
    config = study.config
    tables = {"search": study.trials, "confirmation": study.confirmations}
    if study.is_grid:  # whose cells stand in both tables
        tables = {"all": study.confirmations}
    spent = {name: sum(filter(None, table["gradient_evaluations"].to_pylist())) for name, table in tables.items()}
    seeds = sorted(set(study.confirmations["seed"].to_pylist()))
    known = [
        ("command", config.get("command")),
        ("started", config.get("started")),
        ("scale", config.get("scale")),
        ("search space", f"{config.get('space', DASH)}, fingerprint {config.get('space_fingerprint', DASH)}"),
        ("data", config["dataset"]),
        ("data fingerprint", config.get("data_fingerprint")),
        ("seed of the search", config.get("seed")),
        ("seeds of the cells" if study.is_grid else "fresh seeds", ", ".join(map(str, seeds)) or None),
        ("measured" if study.is_grid else "measured in the search", config["evaluation"]),
        ("measured in the confirmation", None if study.is_grid else config.get("confirmation")),
        *((f"gradient evaluations, {name}", f"{count:,}") for name, count in spent.items()),
        ("accesses to the test split", study.test_accesses),
        ("hardware", config.get("hardware")),
        ("versions", config.get("versions")),
        ("git commit", config.get("git_commit")),
    ]
    return [(name, _plain(value)) for name, value in known if value is not None]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return " ".join(map(_plain, value)) or "none"
    return "none" if value is None else str(value)

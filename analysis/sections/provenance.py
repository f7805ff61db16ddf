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
    evaluations = [table["gradient_evaluations"].to_pylist() for table in (study.trials, study.confirmations)]
    seeds = sorted(set(study.confirmations["seed"].to_pylist()))
    known = [
        ("command", config.get("command")),
        ("started", config.get("started")),
        ("scale", config.get("scale")),
        ("search space", f"{config.get('space', DASH)}, fingerprint {config.get('space_fingerprint', DASH)}"),
        ("data", config["dataset"]),
        ("data fingerprint", config.get("data_fingerprint")),
        ("seed of the search", config.get("seed")),
        ("fresh seeds", ", ".join(map(str, seeds)) or None),
        ("measured in the search", config["evaluation"]),
        ("measured in the confirmation", config.get("confirmation")),
        ("gradient evaluations, search", f"{sum(filter(None, evaluations[0])):,}"),
        ("gradient evaluations, confirmation", f"{sum(filter(None, evaluations[1])):,}"),
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

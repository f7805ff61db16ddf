"""What the study asked of a trial beside being on the front, such as `val_error<0.2`, and who does not keep to it."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from analysis.load import Study, StudyUnreadable
from analysis.replicates import originals
from analysis.schema import TRIALS

HOLDS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def violations(study: Study) -> dict[str, list[str]]:
    """Returns, by trial that gave a result, the constraints that it violates, in the means over its replicates.

    Raises:
        StudyUnreadable: for what is no constraint.
    """
    texts: list[str] = study.config.get("constraints") or []
    parsed = {text: _parsed(text) for text in texts}
    metrics = list(dict.fromkeys(metric for metric, _, _ in parsed.values()))
    if not parsed:
        return {}
    rows = originals(study, metrics).select(["trial_id", "state", *metrics]).to_pylist()
    found = {row["trial_id"]: [text for text, rule in parsed.items() if not _kept(row, *rule)] for row in rows}
    complete = {row["trial_id"] for row in rows if row["state"] == "COMPLETE"}
    return {trial: violated for trial, violated in found.items() if violated and trial in complete}


def _parsed(text: str) -> tuple[str, str, float]:
    found = re.fullmatch(r"(val_\w+)(<=|>=|<|>)([\d.e+-]+)", text)
    if found is None or found[1] not in TRIALS.names:
        raise StudyUnreadable(
            f"a study's constraints bound a metric on validation, such as val_error<0.2; got {text!r} in its "
            "study.json; restore the file"
        )
    return found[1], found[2], float(found[3])


def _kept(row: Mapping[str, Any], metric: str, relation: str, bound: float) -> bool:
    value = row[metric]
    return value is not None and HOLDS[relation](value, bound)

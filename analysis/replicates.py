"""Configurations that were trained with further seeds in the search (`--replicates`): one row of each, of their means.

The search chose by these means; counted one by one, replicates would make a front of the luckiest seeds.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from analysis.load import Study

SPENT: Final = ("gradient_evaluations", "forward_passes", "seconds")


def originals(study: Study, metrics: Sequence[str] = ()) -> pa.Table:
    """Returns the trials without replicates: objectives on validation are means over them, and costs are sums.

    Args:
        study: whose trials these are.
        metrics: further columns that are to be means.
    """
    repeated = study.trials["replicate_of"].to_pylist()
    if not any(repeated):
        return study.trials
    names = list(dict.fromkeys([*(objective.on_validation for objective in study.objectives), *metrics]))
    known = study.trials.select(["trial_id", "replicate_of", "state", *names, *SPENT]).to_pylist()
    more: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in known:
        more[row["replicate_of"] or row["trial_id"]].append(row)
    table = study.trials.filter(pa.array([of is None for of in repeated]))
    own = [more[trial] for trial in table["trial_id"].to_pylist()]
    columns = {name: [_mean(runs, name) for runs in own] for name in names}
    columns |= {name: [sum(run[name] or 0 for run in runs) for runs in own] for name in SPENT}
    for name, values in columns.items():
        place, field = table.schema.get_field_index(name), table.schema.field(name)
        table = table.set_column(place, field, pa.array(values, type=field.type))
    return table


def _mean(runs: list[dict[str, Any]], name: str) -> float | None:
    """Returns the mean over those that have ended; None where the original has no value."""
    own: float | None = runs[0][name]
    values = [run[name] for run in runs if run["state"] == "COMPLETE" and run[name] is not None]
    return own if own is None or not values or not all(map(math.isfinite, values)) else float(np.mean(values))

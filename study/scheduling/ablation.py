"""What stopping costs: of a study in which halving only looked on, how its fronts would be without whom it had stopped.

Later rungs know of trials that an earlier one would have stopped; a study that stops in earnest compares with fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analysis.load import Study
from analysis.objectives import Objective
from analysis.pareto import hypervolume


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """One architecture's search with and without the trials that halving would have stopped.

    Attributes:
        stopped: how many of its trials these are; of `trials`.
        whole: hypervolume of the validation front of all trials, up to the objectives' worst values.
        kept: the same without those.
        saved: fraction of all gradient evaluations of the search that stopping would have saved.
    """

    architecture: str
    stopped: int
    trials: int
    whole: float
    kept: float
    saved: float


def ablations(study: Study) -> list[Ablation]:
    """Returns one for each architecture where halving would have stopped a trial that ran to its end."""
    costs = {
        (row["trial_id"], row["epoch"]): row["gradient_evaluations"]
        for row in study.curves.select(["trial_id", "epoch", "gradient_evaluations"]).to_pylist()
    }
    rows = study.trials.to_pylist()
    stopped = {row["architecture"] for row in rows if row["state"] == "COMPLETE" and row["stopped_at"] is not None}
    return [
        _ablation(name, [row for row in rows if row["architecture"] == name], costs, study.objectives)
        for name in study.architectures
        if name in stopped
    ]


def _ablation(
    architecture: str,
    rows: list[dict[str, Any]],
    costs: dict[tuple[str, int], int],
    objectives: Sequence[Objective],
) -> Ablation:
    complete = [row for row in rows if row["state"] == "COMPLETE"]
    stopped = [row for row in complete if row["stopped_at"] is not None]
    saved = sum(row["gradient_evaluations"] - costs[row["trial_id"], row["stopped_at"]] for row in stopped)
    return Ablation(
        architecture=architecture,
        stopped=len(stopped),
        trials=len(rows),
        whole=_volume(complete, objectives),
        kept=_volume([row for row in complete if row["stopped_at"] is None], objectives),
        saved=saved / max(1, sum(row["gradient_evaluations"] or 0 for row in rows)),
    )


def _volume(rows: list[dict[str, Any]], objectives: Sequence[Objective]) -> float:
    points = [[row[objective.on_validation] for objective in objectives] for row in rows]
    return hypervolume(points, [objective.worst for objective in objectives])

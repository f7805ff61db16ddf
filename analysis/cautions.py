"""What a reader should know before trusting a study's figures."""

from collections.abc import Sequence
from typing import Final

from analysis.constraints import violations
from analysis.formats import plural
from analysis.front import ConfirmedFront
from analysis.load import Study
from analysis.pareto import front_order
from analysis.replicates import originals
from analysis.summary import SATURATED_ABOVE, saturated

REMEDIES: Final = dict.fromkeys(("robust_error", "label_disagreement"), "A smaller radius, or more training,")


def cautions(study: Study, fronts: Sequence[ConfirmedFront]) -> list[str]:
    """Says what a reader should know before trusting the figure; empty where there is nothing."""
    cautions = [
        f"{front.architecture}: every baseline lies above {SATURATED_ABOVE * objective.worst:.3g} in "
        f"{objective.label}; it is saturated, and differences in it are noise. "
        f"{REMEDIES.get(objective.name, 'More training')} would tell the configurations apart."
        for front in fronts
        for objective in saturated(study, front)
    ]
    missing, every = _missing(study)
    if missing:
        cautions.append(
            f"{every - missing} of {plural(every, 'candidate')} have been retrained and measured so far; the fronts "
            "may change with the others."
        )
    planned, fewest = study.config.get("seeds"), min((len(front.seeds) for front in fronts if front.seeds), default=0)
    if fewest and planned and fewest < planned:
        whom = "each of these" if missing else "every candidate"
        cautions.append(f"{fewest} of {planned} fresh seeds have measured {whom} so far; these are shown.")
    excluded = sum(len(front.excluded) for front in fronts)
    if excluded:
        cautions.append(f"{plural(excluded, 'candidate')} left out of the front; the reasons stand under Failures.")
    return cautions


def _missing(study: Study) -> tuple[int, int]:
    """Returns how many candidates no seed has measured yet, of how many; none before the first is measured.

    Candidates are the baselines that gave a result, and whom no other dominates on validation.
    """
    measured = set(study.confirmations["trial_id"].to_pylist())
    if not measured:
        return 0, 0
    names = [objective.on_validation for objective in study.objectives]
    rows = originals(study).select(["trial_id", "architecture", "state", "label", *names]).to_pylist()
    complete = [
        row
        for row in rows
        if row["state"] == "COMPLETE" and all(row[name] is not None and row[name] == row[name] for name in names)
    ]
    chosen, violated = {row["trial_id"] for row in complete if row["label"]}, violations(study)
    for architecture in study.architectures:
        own = [row for row in complete if row["architecture"] == architecture and row["trial_id"] not in violated]
        chosen |= {own[place]["trial_id"] for place in front_order([[row[name] for name in names] for row in own])}
    return len(chosen - measured), len(chosen)

"""By how much the validation front flatters: it was chosen by the very numbers that it shows."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from analysis.front import ConfirmedFront
from analysis.load import Study
from analysis.pareto import hypervolume, nondominated
from analysis.replicates import originals
from analysis.statistics import Interval, difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimism:
    """What became of an architecture's validation front when its points were trained anew.

    Attributes:
        chosen: number of candidates that no other candidate dominates on validation.
        kept: number of these that no other candidate dominates on test, in the means over fresh seeds.
        validation: hypervolume of the candidates on validation.
        overstated: `validation` less their hypervolume on test, a seed a value. Other images, and an attack of other
            strength where search and confirmation measure differently, are in it beside the choice.
    """

    chosen: int
    kept: int
    validation: float
    overstated: Interval

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON can hold them."""
        return {
            "chosen": self.chosen,
            "kept": self.kept,
            "validation_hypervolume": self.validation,
            "overstated": self.overstated.to_dict(),
        }


def optimism(study: Study, front: ConfirmedFront) -> Optimism | None:
    """Returns the optimism of an architecture's validation front, or None where no candidate was confirmed."""
    names = [objective.on_validation for objective in study.objectives]
    rows = {
        row["trial_id"]: [row[name] for name in names]
        for row in originals(study).select(["trial_id", *names]).to_pylist()
    }
    known = [
        (candidate, rows[candidate.trial_id])
        for candidate in front.candidates
        if all(value is not None and value == value for value in rows[candidate.trial_id])
    ]
    if not known:
        return None
    points = np.asarray([point for _, point in known], dtype=np.float64)
    chosen = [candidate for (candidate, _), best in zip(known, nondominated(points), strict=True) if best]
    validation = hypervolume(points, front.reference)
    places = [front.candidates.index(candidate) for candidate, _ in known]
    on_test = [hypervolume(seed[places], front.reference) for seed in front.values]
    return Optimism(
        chosen=len(chosen),
        kept=sum(candidate in front.members for candidate in chosen),
        validation=validation,
        overstated=difference([validation] * len(on_test), on_test),
    )

"""What a study's fronts offer: chances of their points, knees, what is best at a baseline's price, which one leads."""

from dataclasses import dataclass
from typing import Any

from analysis.choosing import best_under, knee
from analysis.comparison import Comparison, compare, shared
from analysis.dominance import chances
from analysis.front import Candidate, ConfirmedFront
from analysis.objectives import Objective
from analysis.statistics import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a front offers to whoever wants no more of one objective than a baseline has.

    Attributes:
        baseline: whose mean is the limit.
        limited: the objective that it limits.
        lowest: the other objective.
        candidate: of all within the limit the one with the lowest mean there; may be the baseline.
    """

    baseline: Candidate
    limited: Objective
    lowest: Objective
    candidate: Candidate

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold of it: means on test."""
        means = dict(zip(self.candidate.objectives, self.candidate.means, strict=True))
        return {
            "no_more_than": self.baseline.name,
            "limited": self.limited.on_test,
            "limit": self.baseline.means[self.baseline.objectives.index(self.limited)],
            "lowest": self.lowest.on_test,
            "trial_id": self.candidate.trial_id,
            "label": self.candidate.label,
            "value": means[self.lowest],
        }


def chances_of(front: ConfirmedFront) -> dict[str, Interval]:
    """Returns by trial how probably a candidate is on its architecture's front when all are trained with a new seed."""
    if not front.candidates:
        return {}
    names = [candidate.trial_id for candidate in front.candidates]
    return dict(zip(names, chances(front.values, front.most), strict=True))


def knee_of(front: ConfirmedFront) -> Candidate | None:
    """Returns the member at which a front's means bulge most, or None where they do not."""
    place = knee([member.means for member in front.members])
    return None if place is None else front.members[place]


def choices_of(front: ConfirmedFront) -> list[Choice]:
    """Returns, for every baseline and pair of objectives, the best in one under the baseline's mean in the other."""
    means = [candidate.means for candidate in front.candidates]
    found = []
    for baseline in (candidate for candidate in front.candidates if candidate.label):
        for on, limited in enumerate(front.objectives):
            for best, lowest in enumerate(front.objectives):
                place = None if on == best else best_under(means, baseline.means[on], on=on, best=best)
                if place is not None:
                    taken = front.candidates[place]
                    found.append(Choice(baseline=baseline, limited=limited, lowest=lowest, candidate=taken))
    return found


def comparisons_of(fronts: tuple[ConfirmedFront, ...]) -> tuple[Comparison, ...]:
    """Returns the comparisons of all architectures' hypervolumes; none where they do not share at least two seeds."""
    found = [front for front in fronts if front.candidates]
    if not shared([front.architecture for front in found], [front.seeds for front in found]):
        return ()
    return compare({front.architecture: front.volumes for front in found})

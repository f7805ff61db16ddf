"""Studies beside each other: by how much their fronts differ, and whether that is more than seeds make."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from string import ascii_uppercase
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from analysis.attainment import Difference
from analysis.attainment import difference as attainment_difference
from analysis.comparison import Comparison, holm, paired_p
from analysis.findings import Findings
from analysis.front import ConfirmedFront
from analysis.load import Study, StudyUnreadable
from analysis.statistics import difference

FEWEST: Final = 2  # shared seeds that a paired comparison needs
MOST: Final = 4  # studies, which differ in their dashes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Versus:
    """What two studies have confirmed of one architecture.

    Attributes:
        architecture: that both have.
        one: letter of the first.
        other: of the second.
        seeds: that both share, in rising order.
        attainment: by how many more of its seeds the first attains what the second attains.
        volumes: the paired comparison of their hypervolumes, or None for fewer than two shared seeds.
    """

    architecture: str
    one: str
    other: str
    seeds: tuple[int, ...]
    attainment: Difference
    volumes: Comparison | None

    def to_dict(self) -> dict[str, Any]:
        """Returns what JSON can hold of it."""
        return {
            "architecture": self.architecture,
            "one": self.one,
            "other": self.other,
            "shared_seeds": list(self.seeds),
            "attained_more": self.attainment.gain,
            "attained_less": self.attainment.loss,
            "hypervolume": self.volumes.to_dict() if self.volumes else None,
        }


def lettered(studies: Sequence[Study]) -> tuple[Findings, ...]:
    """Returns studies under the letters that tell them apart.

    Raises:
        StudyUnreadable: where they minimise other objectives, are too many, or have no fronts.
    """
    if len(studies) > MOST:
        raise StudyUnreadable(f"at most {MOST} studies are told apart in a chart; got {len(studies)}; give fewer")
    grids = [study.name for study in studies if study.is_grid]
    if grids:
        raise StudyUnreadable(
            f"studies are compared by their fronts; {' and '.join(grids)} tests the paper's claims and has none; "
            "read its own report"
        )
    first = studies[0]
    for study in studies[1:]:
        if study.objectives != first.objectives:
            ours, theirs = ([objective.name for objective in each.objectives] for each in (first, study))
            raise StudyUnreadable(
                f"studies are compared that minimise the same; {first.name} minimises {' and '.join(ours)}, "
                f"{study.name} {' and '.join(theirs)}; compare others"
            )
    return tuple(Findings(study=study, letter=letter) for study, letter in zip(studies, ascii_uppercase, strict=False))


def versus(every: Sequence[Findings]) -> tuple[Versus, ...]:
    """Returns what every two studies have of every architecture that both confirmed, p values corrected for all."""
    pairs = [
        (one, other, ours, theirs)
        for one, other in combinations(every, 2)
        for ours in one.fronts
        for theirs in other.fronts
        if ours.architecture == theirs.architecture and ours.candidates and theirs.candidates
    ]
    shared = [tuple(sorted({*ours.seeds} & {*theirs.seeds})) for _, _, ours, theirs in pairs]
    values = [(_of_seeds(pair[2], seeds), _of_seeds(pair[3], seeds)) for pair, seeds in zip(pairs, shared, strict=True)]
    tested = [place for place, seeds in enumerate(shared) if len(seeds) >= FEWEST]
    p_values = [paired_p(*values[place]) for place in tested]
    adjusted = dict(zip(tested, zip(p_values, holm(p_values).tolist(), strict=True), strict=True))
    return tuple(
        Versus(
            architecture=ours.architecture,
            one=one.letter,
            other=other.letter,
            seeds=shared[place],
            attainment=attainment_difference(ours.values, theirs.values, ours.reference),
            volumes=_compared(one.letter, other.letter, values[place], adjusted[place]) if place in adjusted else None,
        )
        for place, (one, other, ours, theirs) in enumerate(pairs)
    )


def unlike(every: Sequence[Findings]) -> list[str]:
    """Returns what the studies do not have in common and should, to be told apart by how they searched: a line each."""
    shared = set.intersection(*(set(findings.study.architectures) for findings in every))
    facts = [
        {**_facts(findings.study), **{f"width of {name}": f"{findings.study.width(name):g}" for name in sorted(shared)}}
        for findings in every
    ]
    return [
        f"{name}: {', '.join(f'{findings.letter} {fact[name]}' for findings, fact in zip(every, facts, strict=True))}"
        for name in facts[0]
        if len({fact[name] for fact in facts}) > 1
    ]


def versus_json(every: Sequence[Findings], found: Sequence[Versus]) -> dict[str, Any]:
    """Returns what comparison.json holds."""
    return {
        "studies": {
            findings.letter: {
                "name": findings.study.name,
                "hypervolume": {f.architecture: f.hypervolume.to_dict() for f in findings.fronts if f.hypervolume},
            }
            for findings in every
        },
        "objectives": [objective.on_test for objective in every[0].study.objectives],
        "unlike": unlike(every),
        "comparisons": [each.to_dict() for each in found],
    }


def _of_seeds(front: ConfirmedFront, seeds: Sequence[int]) -> NDArray[np.float64]:
    places = [front.seeds.index(seed) for seed in seeds]
    return np.asarray(front.volumes)[places]


def _compared(
    one: str, other: str, values: tuple[NDArray[np.float64], NDArray[np.float64]], p: tuple[float, float]
) -> Comparison:
    return Comparison(one=one, other=other, difference=difference(*values), p=p[0], adjusted=p[1])


def _facts(study: Study) -> Mapping[str, str]:
    threat, by, data = study.config["threat_model"], study.evaluation, study.config["dataset"]
    return {
        "data": f"{data['dataset']} {data.get('variant') or ''}".strip(),
        "training images": f"{data['n_train']:,}",
        "threat model": f"{threat['norm']} epsilon {threat['epsilon']:g} eta {threat['eta']:g}",
        "epochs": str((study.config.get("config") or {}).get("epochs")),
        "epoch of a model": study.config.get("checkpoint") or "last",
        "manifold": _manifold(study),
        "attack": f"{by['steps']} steps, {by['restarts']} restarts, {by['n_attacked']} images",
        "data fingerprint": str(study.config.get("data_fingerprint")),
    }


def _manifold(study: Study) -> str:
    """Says what on-manifold training and errors move along."""
    manifold: Mapping[str, Any] = study.config.get("manifold") or {}
    return ", ".join(str(value) for name, value in sorted(manifold.items()) if name != "kinds")

"""The first part of the page: what was found, in three sentences and a picture."""

from analysis.charts.fronts import hue, overview
from analysis.drawing import model_name
from analysis.findings import Findings
from analysis.formats import with_ends
from analysis.objectives import corner_of
from analysis.prose import bars_meaning, cautions, how_much, what_ran, what_was_found
from analysis.sections.section import Section


def section(findings: Findings) -> Section:
    """Returns what ran, what was found and how much of the plane that is, with what makes one doubt it."""
    study, fronts = findings.study, findings.fronts
    return Section(
        name="summary",
        title="Summary",
        content={
            "sentences": [what_ran(study), what_was_found(study, fronts), how_much(study, fronts)],
            "cautions": cautions(study, fronts),
            "overview": overview(findings),
            "overview_caption": f"All fronts together: test {study.objectives[0].label} against "
            f"{study.objectives[1].label}. {bars_meaning(fronts)}",
            "corner": corner_of(study.objectives),
            "volumes": [
                {
                    "hue": hue(front.architecture),
                    "name": model_name(front.architecture, study.width(front.architecture), ()),
                    "volume": with_ends(front.hypervolume),
                }
                for front in sorted(fronts, key=lambda front: -front.hypervolume.mean if front.hypervolume else 0)
                if front.hypervolume
            ],
        },
    )

"""The part of the page that lays the study's models beside the paper's."""

from functools import partial

from analysis.charts.fronts import hue
from analysis.charts.paper import success_chart, success_window
from analysis.figures import SUCCESS, success
from analysis.findings import Findings
from analysis.paper_reference import comparable_points
from analysis.prose import success_caption
from analysis.sections.section import Section


def section(findings: Findings) -> Section | None:
    """Returns the comparison in the paper's own measures; None where its attack was not measured."""
    if not any(SUCCESS[1] in candidate.values for candidate in findings.confirmed):
        return None
    study, fronts = findings.study, [front for front in findings.fronts if front.candidates]
    stars = comparable_points(study).points
    window = success_window(fronts, stars)
    return Section(
        name="paper",
        title="Beside the paper",
        content={
            "panels": [
                {
                    "name": front.architecture,
                    "hue": hue(front.architecture),
                    "chart": success_chart(findings, front, stars if front.architecture == "conv" else (), window),
                }
                for front in fronts
            ],
            "stars": bool(stars),
            "success_caption": success_caption(study, findings.fronts),
        },
        figures={"success": partial(success, study)},
    )

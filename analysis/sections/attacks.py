"""The part of the page about strong attacks: fronts by what an attacker knows, what the paper's attack misses, cost."""

from analysis.attack_figures import TITLES, attack_figures
from analysis.attacks import attacks_section
from analysis.charts.drawn import inline
from analysis.charts.fronts import hue
from analysis.drawing import rendered
from analysis.findings import Findings
from analysis.sections.section import Section


def section(findings: Findings) -> Section | None:
    """Returns what strong attacks found, or that none were made; None where no classifier is confirmed."""
    study = findings.study
    if not findings.pointed_at or not study.measures("robust_error"):
        return None
    told, figures = attacks_section(study), attack_figures(study)
    flagged = [row | {"hue": hue(row["architecture"])} for row in told["flagged"]]
    pictures = [
        (name, inline(rendered(draw(), "svg"), name, TITLES[name]), told["captions"][name])
        for name, draw in figures.items()
    ]
    return Section(
        name="attacks",
        title="Attacks",
        content=told | {"flagged": flagged, "pictures": pictures},
        figures=figures,
    )

"""The part of the page about the study's manifold, and how far perturbed images lie from it."""

import base64
from functools import partial

from analysis.charts.drawn import inline
from analysis.departures import departure_sentences, departures
from analysis.drawing import rendered
from analysis.findings import Findings
from analysis.manifold import manifold_rows, manifold_sentences
from analysis.pictures import draw_pictures
from analysis.sections.section import Section


def section(findings: Findings) -> Section | None:
    """Returns what the manifold is and how good; None where the study has none, or nobody has looked at it."""
    study = findings.study
    sentences = manifold_sentences(study)
    if not sentences:
        return None
    figures = {"departures": partial(departures, study)} if study.distances else {}
    pictures = draw_pictures(study.pictures) if study.pictures else b""
    drawn = [
        inline(rendered(figure(), "svg"), "departures", "Distances of perturbed images to the manifold")
        for figure in figures.values()
    ]
    return Section(
        name="manifold",
        title="Manifold",
        content={
            "manifold_sentences": sentences,
            "manifold_rows": manifold_rows(study),
            "manifold_png": base64.b64encode(pictures).decode(),
            "departures_svg": drawn[0] if drawn else "",
            "departure_sentences": departure_sentences(study),
        },
        figures=figures,
        files={"manifold.png": pictures} if pictures else {},
    )

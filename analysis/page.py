"""A study's page: one file that needs no other and no network, a section for each kind of question."""

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.cards import cards
from analysis.drawing import LOOKS, OTHER_LOOK, PRINTED, STAR
from analysis.findings import Findings
from analysis.load import Study
from analysis.sections import (
    attacks,
    choosing,
    claims,
    cost,
    fronts,
    hyperparameters,
    manifold,
    paper,
    provenance,
    summary,
    trials,
)
from analysis.sections.section import Section

SECTIONS: Final[tuple[Callable[[Findings], Section | None], ...]] = (
    summary.section,
    fronts.section,
    choosing.section,
    paper.section,
    manifold.section,
    attacks.section,
    hyperparameters.section,
    cost.section,
    trials.section,
    provenance.section,
)
"""What a page consists of, in this order; a section that a study has nothing for is left out."""
OF_A_GRID: Final = (claims.section, manifold.section, trials.section, provenance.section)
"""The same where nothing was searched, so that nothing was chosen and there is no front."""
# On a dark page the same hues, lighter; "star" and "other" are no architectures but drawn as well.
DARK: Final = {
    "conv": "#4ba6e0",
    "mlp": "#ff8a3d",
    "resnet": "#2fc79a",
    "vgg": "#e0a3c6",
    "vit": "#ffdc85",
    "star": "#9aa0a9",
    "other": "#8fcdf2",
}
POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{}'"


def sections(study: Study) -> list[Section]:
    """Returns the sections of a study's page."""
    findings = Findings(study=study)
    builders = OF_A_GRID if study.is_grid else SECTIONS
    return [found for build in builders if (found := build(findings)) is not None]


def study_page(
    study: Study, parts: Sequence[Section], refresh: int | None = None, printed: Sequence[str] = PRINTED
) -> str:
    """Returns a study's page as HTML.

    Args:
        study: that it tells of.
        parts: its sections.
        refresh: seconds after which a browser loads it anew, or None where it is final.
        printed: kinds of files that its figures lie beside it in.
    """
    one, other = (objective.label for objective in study.objectives)
    eyebrow = f"Disentangle · test {one} against {other}"
    return page(study.name, eyebrow, parts, [Findings(study=study)], refresh, printed)


def page(
    title: str,
    eyebrow: str,
    parts: Sequence[Section],
    every: Sequence[Findings],
    refresh: int | None = None,
    printed: Sequence[str] = PRINTED,
) -> str:
    """Returns a page as HTML.

    Args:
        title: its heading.
        eyebrow: the line above.
        parts: its sections.
        every: studies whose candidates may be pointed at.
        refresh: seconds after which a browser loads it anew, or None where it is final.
        printed: kinds of files that its figures lie beside it in.
    """
    script = _template("page.js")
    return (
        _environment(printed)
        .get_template("page.html")
        .render(
            title=title,
            eyebrow=eyebrow,
            sections=parts,
            cards=[card for findings in every for card in cards(findings)],
            colours=colours(),
            refresh=refresh,
            style=Markup(_template("page.css")),
            script=Markup(script),
            policy=POLICY.format(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()),
        )
    )


def colours() -> Mapping[str, tuple[str, str]]:
    """Returns what the page calls its colours, each on a light and on a dark page."""
    looks = LOOKS | {"other": OTHER_LOOK}
    light = {name: look.colour for name, look in looks.items()} | {"star": STAR}
    light |= {f"{name}-letters": look.letters for name, look in looks.items()}
    return {name: (colour, DARK[name.removesuffix("-letters")]) for name, colour in light.items()}


def _environment(printed: Sequence[str]) -> Environment:
    made = Environment(
        loader=PackageLoader("analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["printed"] = printed
    return made


def _template(name: str) -> str:
    return resources.files("analysis").joinpath("templates", name).read_text(encoding="utf-8")

"""The chart of which losses the members of a front were trained with: a bar of weights for each."""

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from analysis.charts.svg import element, group, picture, text
from analysis.findings import Findings
from analysis.front import Candidate, ConfirmedFront

WIDTH: Final = 460.0
ROW: Final = 20.0
NAMES: Final = 92.0  # room for names
ENDS: Final = (WIDTH - 74, WIDTH)  # of the columns of objectives
NUMBERS: Final = 116.0  # room for both
LONGEST: Final = 15  # letters of a name that find room


def mixture_chart(findings: Findings, front: ConfirmedFront, weights: Mapping[str, Mapping[str, float]]) -> Markup:
    """Returns a bar for every member, from the most accurate to the most robust.

    Args:
        findings: of the study.
        front: an architecture's, with members.
        weights: by trial, of its losses by name; they add up to 1.
    """
    rows = [_row(findings, member, place, weights[member.trial_id]) for place, member in enumerate(front.members)]
    heads = [
        text(objective.label, end, 11, class_="tick", text_anchor="end")
        for objective, end in zip(findings.study.objectives, ENDS, strict=True)
    ]
    height = 18 + ROW * len(rows)
    return picture(WIDTH, height, f"{front.architecture}: weights of the losses", [*heads, *rows], class_="chart")


def _row(findings: Findings, member: Candidate, place: int, weights: Mapping[str, float]) -> Markup:
    top, start, length = 18 + ROW * place, NAMES, WIDTH - NAMES - NUMBERS
    parts = [text(_short(member.name), NAMES - 8, top + 13, class_="tick strong", text_anchor="end")]
    for number, weight in enumerate(weights.values()):
        if weight > 0:
            size = {"x": start, "y": top + 3, "width": weight * length, "height": ROW - 6}
            parts.append(element("rect", **size, class_=f"part-{number}"))
            start += weight * length
    for mean, end in zip(member.means, ENDS, strict=True):
        parts.append(text(f"{mean:.3f}", end, top + 13, class_="tick", text_anchor="end"))
    told = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    parts.insert(0, element("rect", x=0.0, y=top, width=WIDTH, height=ROW, class_="hit"))
    return group(
        "point", *parts, tabindex=0, role="img", aria_label=f"{member.name}: {told}", data_card=findings.card_id(member)
    )


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def legend(names: Sequence[str]) -> list[tuple[str, str]]:
    """Returns the name that the page's style has for each part of a bar, and what people call it."""
    return [(f"part-{number}", name) for number, name in enumerate(names)]

"""The part of the page on how the claims of the paper fare."""

from typing import Any, Final

from analysis.charts.drawn import inline
from analysis.claims.answers import answers
from analysis.claims.exports import answered, claims_csv, method
from analysis.claims.figures import figures
from analysis.claims.grid import Grid, grids
from analysis.claims.published import source
from analysis.claims.verdicts import Finding
from analysis.drawing import rendered
from analysis.findings import Findings
from analysis.formats import DASH, dataset_name, listed, plural
from analysis.load import Study
from analysis.prose import conditions
from analysis.sections.section import Section

RULES: Final = (
    "Every number is a mean over seeds, with a 95 % interval of Student's t (of logarithms for ratios, of Fisher's z "
    "for correlations, in Wilson's form for rates). All seeds share training sets and test images: how others would do "
    "is in no interval. Rules are part of the program and know no data: a statement is supported where the whole "
    "interval lies in one region, contradicted where it lies in another, and inconclusive at this budget in all other "
    "cases. A claim is contradicted by any of the statements that decide it, and supported by all of them together; "
    "the others are told beside."
)
MEANS: Final = {
    "known": "at other codes of the known manifold, whose images have the same label",
    "learned": "at other codes of a VAE-GAN that has learned the image's class",
    "learned-agnostic": "at other codes of a VAE-GAN that has learned all classes together",
    "affine": "after an affine transformation of the image; of its data's manifold nothing is known",
}


def section(findings: Findings) -> Section | None:
    """Returns every claim with its verdict, the numbers behind it and a picture; None where no grid was run."""
    study = findings.study
    found = grids(study)
    if not found:
        return None
    drawn = {name: draw for grid in found for name, draw in figures(grid).items()}
    return Section(
        name="claims",
        title="The paper's claims",
        opens=True,
        content={
            "sentences": [what_ran(study, found), how(study), RULES],
            "networks": [_network(grid, several=len(found) > 1) for grid in found],
        },
        figures=drawn,
        files={"claims.csv": claims_csv(answered(study)).encode()},
    )


def what_ran(study: Study, found: tuple[Grid, ...]) -> str:
    """Says in a few sentences what the grid was, and what it lacks."""
    grid, again = found[0], study.config["grid"]["at_updates"]
    missing, planned = sum(each.missing for each in found), study.config["trials"] * len(found)
    repeated, seeds = listed([f"{n:,}" for n in again]), plural(study.config["seeds"], "seed")
    updates = f"; with {repeated} also for as many updates as with {grid.sizes[-1]:,}" if again else ""
    lacking = f" {missing} of {planned} trials have no numbers, or not yet; Trials says why." if missing else ""
    theirs = source(grid)
    digits = " (of the digits of EMNIST)" if theirs == "emnist" and grid.dataset["dataset"] == "mnist" else ""
    beside = (
        f" Pale, dashed lines{digits} are the paper's." if theirs else " The paper has no curves of these settings."
    )
    return (
        f"{listed(list(grid.methods))} were trained on {listed([f'{n:,}' for n in grid.sizes])} examples of "
        f"{dataset_name(study.config['dataset'])}{updates}, with {seeds} each, and measured "
        f"on test.{lacking}{beside}"
    )


def how(study: Study) -> str:
    """Says what the attacks were, and what "on the manifold" means."""
    by, kind = study.config["evaluation"], grids(study)[0].kind
    strong = f" Strong attacks are on the first {by['strong']} of these." if by.get("strong") else ""
    return f'{conditions(study, by)}{strong} "On the manifold" means: {MEANS[kind]}.'


def _network(grid: Grid, *, several: bool) -> dict[str, Any]:
    drawn = figures(grid)
    claims = answers(grid)
    return {
        "name": grid.architecture if several else "",
        "claims": [
            {
                "number": claim.number,
                "title": claim.title,
                "verdict": claim.verdict,
                "against": claim.against,
                "file": name,
                "picture": inline(rendered(draw(), "svg"), name, f"Claim {claim.number}: {claim.title}"),
                "rows": [_row(finding) for finding in claim.findings],
                "notes": [finding.note for finding in claim.findings if finding.note],
            }
            for claim, (name, draw) in zip(claims, drawn.items(), strict=True)
        ],
    }


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "statement": finding.statement,
        "measure": finding.measure,
        "found": _shown(finding),
        "rule": finding.rule.told(),
        "method": (f"n = {finding.found.n}, " if finding.found else "") + method(finding),
        "verdict": finding.verdict,
        "decides": finding.decides,
        "paper": finding.paper or DASH,
    }


def _shown(finding: Finding) -> str:
    found = finding.found
    if found is None:
        return DASH
    if found.low is None or found.high is None:
        return f"{found.mean:.3g}"
    return f"{found.mean:.3g} [{found.low:.3g}, {found.high:.3g}]"

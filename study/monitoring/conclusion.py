"""The last lines of a study: what was found, and where the report is."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis import load
from analysis.claims.exports import answered
from analysis.front import ConfirmedFront, confirmed_fronts
from analysis.load import Study
from analysis.objectives import corner_of
from analysis.statistics import Interval
from study.scheduling.ablation import Ablation, ablations


def conclude(run_dir: Path, report: Path, console: Console) -> None:
    """Prints every architecture's hypervolume and confirmed front, and the path of the report."""
    study = load(run_dir)
    if study.is_grid:
        _print_claims(study, console)
    elif len(study.confirmations):
        corner = corner_of(study.objectives)
        console.print(Text(f"\nOn test, mean over fresh seeds; hypervolume up to {corner}, higher is better:"))
        for front in confirmed_fronts(study):
            _print_front(front, console)
    else:
        console.print(Text("\nNothing is confirmed on test yet."))
    for ablation in ablations(study):
        console.print(Text(f"\n{_cost_of_stopping(ablation)}"))
    console.print(Text(f"\nreport: {report}"), soft_wrap=True)


def _print_claims(study: Study, console: Console) -> None:
    for architecture, claims in answered(study).items():
        console.print(Text(f"\n{architecture}, how the paper's claims fare on this grid:", style="bold"))
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        for claim in claims:
            table.add_row(str(claim.number), claim.title, Text(claim.verdict, style="bold"))
            for statement in claim.against:
                table.add_row("", Text(f"  but not: {statement}", style="dim"), "")
        console.print(table)


def _cost_of_stopping(found: Ablation) -> str:
    return (
        f"{found.architecture}: halving would have stopped {found.stopped} of {found.trials} trials and saved "
        f"{found.saved:.0%} of the search's gradient evaluations; the hypervolume on validation would be "
        f"{found.kept:.3f} instead of {found.whole:.3f}"
    )


def _print_front(front: ConfirmedFront, console: Console) -> None:
    console.print()
    if front.hypervolume is None:
        console.print(Text(f"{front.architecture}: no candidate counts on its front", style="yellow"))
        _print_doubts(front, console)
        return
    console.print(Text(f"{front.architecture}: hypervolume {_with_ends(front.hypervolume)}", style="bold"))
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("front")
    for objective in front.objectives:
        table.add_column(objective.label, justify="right")
    for member in front.members:
        name = f"{member.trial_id} {member.label}" if member.label else member.trial_id
        table.add_row(Text(name), *(f"{mean:.3f}" for mean in member.means))
    console.print(table)
    if front.excluded:
        console.print(Text(f"{len(front.excluded)} candidate(s) gave no result; the report says why", style="yellow"))
    _print_doubts(front, console)


def _print_doubts(front: ConfirmedFront, console: Console) -> None:
    for candidate in front.flagged:
        flags = ", ".join(candidate.flags)
        console.print(Text(f"{candidate.name} counts on no front: strong attacks raised {flags}", style="yellow"))


def _with_ends(found: Interval) -> str:
    if found.low is None or found.high is None:
        return f"{found.mean:.3f} (one seed: no interval)"
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}] (95 %, {found.method}; {found.n} seeds)"

"""An evaluation under way, and what has come of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from study.talking import say
from trainables.evaluation.ensemble import Line

SAY_EVERY = 10.0  # seconds of attacks between two lines where there is no terminal
COLUMNS = ("clean_error", "white_box_error", "black_box_error", "error", "mean_error", "success_rate")
TITLES = ("adversary", "radius", "clean", "white box", "black box", "worst", "mean over radii", "paper's success rate")


@contextmanager
def shown_attacks(console: Console) -> Iterator[Callable[[Line], None]]:
    """Shows which attack has just ended: on a terminal always, elsewhere a line now and then."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task, since = bar.add_task("attacking", total=None), 0.0

        def watch(line: Line) -> None:
            nonlocal since
            bar.update(task, description=described(line))
            since += line.seconds
            if not console.is_terminal and since >= SAY_EVERY:
                since = 0.0
                say(described(line))

        yield watch


def described(line: Line) -> str:
    """Returns what a line of the ledger says."""
    if not line.restarts:
        return f"looked at: {line.attack}"
    return f"{line.threat} at {line.radius:.3g}: {line.attack} took {line.lost} of {line.attacked}"


def show_evaluation(console: Console, found: Mapping[str, Any]) -> None:
    """Prints an evaluation as a table, with its flags and its cost.

    Args:
        console: to print to.
        found: as `evaluation.json` holds it.
    """
    norm, how = found["threat_model"]["norm"], found["strength"]
    _print(console, f"{found['model']}: error {found['error']:.3f} on {found['examples']:,} test images")
    title = f"errors under attack, of {found['attacked']:,} of them; {norm}, {how['steps']} gradient steps, "
    table = Table(box=None, padding=(0, 2, 0, 0), title=f"{title}{how['queries']} queries", title_justify="left")
    for name in TITLES:
        table.add_column(name, justify="left" if name == "adversary" else "right")
    for name, under in found["threats"].items():
        numbers = ("–" if under[column] is None else f"{under[column]:.3f}" for column in COLUMNS)
        table.add_row(name, f"{under['radius']:g}", *numbers)
    console.print(table)
    for flag in found["flags"]:
        _print(console, Text.assemble((flag["name"], "bold"), f": {flag['evidence']}"))
    if not found["flags"]:
        _print(console, "no flag: no sign of masked gradients or of a broken model")
    for note in found["notes"]:
        _print(console, f"note: {note}")
    cost = found["cost"]
    _print(
        console,
        f"{cost['gradient_evaluations']:,} gradient evaluations, {cost['forward_passes']:,} forward passes, "
        f"{cost['seconds']:.0f} s",
    )


def _print(console: Console, what: str | Text) -> None:
    console.print(what, highlight=False, markup=False, soft_wrap=True)

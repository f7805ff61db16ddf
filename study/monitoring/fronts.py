"""The fronts on a terminal: every member where there is room, else where each architecture stands."""

from collections.abc import Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from search_spaces.space import Objective
from study.monitoring.layout import Part, one_line, shared
from study.monitoring.progress import titled
from study.monitoring.standing import Standing
from study.storage.state import Trial

HEADING = "best on validation so far: no trial of the same network is better in both"
HEAD_LINES = 2  # the heading and the names of the columns


def fronts(standings: Mapping[str, Standing], objectives: Sequence[Objective]) -> Part:
    """Returns the part of the picture with the fronts of these architectures."""
    members = sum(max(1, len(standing.front)) for standing in standings.values())

    def draw(room: int) -> Sequence[RenderableType]:
        rooms = shared(room - HEAD_LINES, [(1, max(1, len(standing.front))) for standing in standings.values()])
        cut_to_one = any(given == 1 < len(known.front) for given, known in zip(rooms, standings.values(), strict=True))
        names = [objective.label for objective in objectives]
        table = _summary(standings, names) if cut_to_one else _members(standings, rooms, names)
        return [one_line(HEADING, style="bold"), table]

    return Part(least=HEAD_LINES + len(standings), most=HEAD_LINES + members, draw=draw)


def _summary(standings: Mapping[str, Standing], names: Sequence[str]) -> Table:
    table = _table("architecture", "front", "hypervolume", *(f"lowest {name}" for name in names))
    for name, standing in standings.items():
        numbers = (standing.hypervolume, *standing.lowest) if standing.front else ()
        size = f"{len(standing.front)} trials" if standing.front else "none yet"
        table.add_row(name, size, *(f"{number:.3f}" for number in numbers))
    return table


def _members(standings: Mapping[str, Standing], rooms: Sequence[int], names: Sequence[str]) -> Table:
    table = _table("architecture", "trial", *names)
    for (architecture, standing), room in zip(standings.items(), rooms, strict=True):
        shown = standing.front if len(standing.front) <= room else standing.front[: room - 1]
        for place, trial in enumerate(shown):
            table.add_row("" if place else architecture, titled(trial), *_errors(trial))
        if not shown:
            table.add_row(architecture, Text("none yet", style="dim"))
        elif len(standing.front) > len(shown):
            table.add_row("", Text(f"and {len(standing.front) - len(shown)} more", style="dim"))
    return table


def _errors(trial: Trial) -> list[str]:
    return [f"{value:.3f}" for value in trial.objectives or ()]


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for place, name in enumerate(columns):
        table.add_column(name, justify="right" if place > 1 else "left", no_wrap=True)
    return table

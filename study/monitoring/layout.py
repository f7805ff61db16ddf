"""How the parts of a picture share the lines of a terminal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import RenderableType
from rich.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a picture.

    Attributes:
        least: lines that it needs.
        most: lines that it has something for.
        draw: returns renderables of at most so many lines in all.
    """

    least: int
    most: int
    draw: Callable[[int], Sequence[RenderableType]]


def fixed(*lines: RenderableType) -> Part:
    """Returns a part of these lines, one line each."""
    return Part(least=len(lines), most=len(lines), draw=lambda _: lines)


def fitted(parts: Sequence[Part], height: int) -> list[RenderableType]:
    """Returns the parts that have something to show, in as many lines as there are; lines between them go first."""
    shown = [part for part in parts if part.most]
    gaps = len(shown) - 1
    spaced = sum(part.least for part in shown) + gaps <= height
    rooms = shared(height - gaps * spaced, [(part.least, part.most) for part in shown])
    picture: list[RenderableType] = []
    for part, room in zip(shown, rooms, strict=True):
        picture += [Text()] if spaced and picture else []
        picture += part.draw(room)
    return picture


def shared(room: int, wanted: Sequence[tuple[int, int]]) -> list[int]:
    """Gives everyone his least, then one more each in turn as long as there is any, up to his most."""
    given = [min(least, most) for least, most in wanted]
    spare = room - sum(given)
    while spare > 0 and any(had < most for had, (_, most) in zip(given, wanted, strict=True)):
        for place, (_, most) in enumerate(wanted):
            if spare > 0 and given[place] < most:
                given[place] += 1
                spare -= 1
    return given


def one_line(text: str, style: str = "") -> Text:
    """Returns text that is cut where the terminal ends."""
    return Text(text, style=style, overflow="ellipsis", no_wrap=True)

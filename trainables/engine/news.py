from typing import NamedTuple

from trainables.differentiation import Tensors
from trainables.report import Said


class News(NamedTuple):
    """What has happened in an engine.

    Attributes:
        handle: of the trial that it happened to; None where it happened to the engine.
        said: by that trial, as a trial on its own would have.
        over: whether it was the last word.
        note: what somebody should know, in one sentence, or None.
        weights: that the trial leaves, with its last word, where they were asked for.
    """

    handle: int | None = None
    said: Said | None = None
    over: bool = False
    note: str | None = None
    weights: Tensors | None = None

"""The ledger of an evaluation, while it is written."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, final

from trainables.evaluation.asked import Subject
from trainables.evaluation.ensemble import Line, Watch
from trainables.evaluation.questions import Question, Questions, costed_answer
from trainables.evaluation.tally import Result, costed


@final
@dataclass(slots=True, kw_only=True)
class Book:
    """Writes down what is asked of a model, and what it took.

    Attributes:
        subject: the model.
        clock: tells the seconds that are its own.
        watch: is told every line as soon as it is written.
        lines: so far.
    """

    subject: Subject
    clock: Callable[[], float] = time.perf_counter
    watch: Watch = lambda _: None
    lines: list[Line] = field(default_factory=list)

    def look(self, what: str, work: Callable[[], Result]) -> Result:
        """Looks at the model, without an attack."""
        result, cost = costed(self.subject.tally, work)
        self._write(Line("none", what, False, 0.0, 0, 0, 0, *cost))
        return result

    def asked(self, question: Question, line: Callable[[Any], Line]) -> Questions[Any]:
        """Asks what an attack does; `line` makes of the answer what is written down, but for what it took."""
        answer, cost = yield from costed_answer(question, self.clock)
        self._write(line(answer)._replace(**cost._asdict()))
        return answer

    def _write(self, line: Line) -> None:
        self.lines.append(line)
        self.watch(line)

"""What is asked about a model, one thing after another: of this one alone, or of several in calls that they share."""

import time
from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import replace
from typing import Any, Generic, NamedTuple, TypeVar, final

import torch

from trainables.allocation import ran_out
from trainables.evaluation.asked import Asked, Subject, crowd
from trainables.evaluation.tally import Cost

TOGETHER = 8  # models in a call: the images of that many fill a GPU

Result = TypeVar("Result")
Questions = Generator["Question", Any, Result]
"""Asks, is sent the answers, and returns what follows from them."""


def most_on(device: torch.device) -> int:
    """Returns how many models are asked together: on a CPU one, which is faster (`benchmarks/measuring.py`)."""
    return 1 if device.type == "cpu" else TOGETHER


class Question(NamedTuple):
    """Something that is asked about a model.

    Attributes:
        subject: the model and its data.
        what: is equal of questions that several models of one architecture may be asked together.
        ask: of models, and of what each of them brings along, an answer for each.
        rows: that a call has of each model, at most.
        own: what this model brings along.
        rowwise: whether what is shown to a model is the same, to the last bit, whatever else is made beside it.
    """

    subject: Subject
    what: Any
    ask: Callable[[Asked, Sequence[Any]], Sequence[Any]]
    rows: int
    own: Any = None
    rowwise: bool = True

    @property
    def kind(self) -> Hashable:
        """What is equal of questions that models of one architecture may be asked together."""
        return id(self.subject.split), self.what

    @property
    def shareable(self) -> bool:
        """Tells whether others may be asked in the same calls.

        Not of a model whose weights are infinite, which may reach the neighbours, and not of one whose predictions are
        random.
        """
        return self.rowwise and self.subject.tally.passes == 1 and self.subject.finite

    def answer(self) -> Any:
        """Asks the model alone."""
        return self.ask(self.subject, [self.own])[0]


def alone(questions: Questions[Result]) -> Result:
    """Answers questions about one model, and returns what follows from the answers."""
    answer = None
    while True:
        try:
            question = questions.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        answer = question.answer()


def together(questions: Sequence[Question], places: int) -> list[Any]:
    """Answers questions of one kind about models of one architecture in calls that they share.

    Args:
        questions: as many as there are places, at most.
        places: models in a call. Those that nobody has are computed too, so that no answer depends on how many asked.
    """
    first, *_ = questions
    asked = crowd([question.subject for question in questions], places, first.rows)
    return list(first.ask(asked, [question.own for question in questions]))


def answers(questions: Sequence[Question], places: int) -> list[Any]:
    """Answers questions of one kind, in shared calls as far as they may be.

    Args:
        questions: of models of one architecture, as many as there are places, at most.
        places: models in a call.

    Returns:
        answers; in the place of one that there cannot be, the exception that says why.

    Raises:
        Exception: if memory has ended; nothing was counted then.
    """
    before = [replace(question.subject.tally) for question in questions]
    try:
        return _shared(questions, places)
    except Exception as error:
        for question, tally in zip(questions, before, strict=True):
            question.subject.tally.back_to(tally)
        if ran_out(error):
            raise
        if len(questions) == 1:
            return [error]
    return [answer for question in questions for answer in answers([question], places)]


def _shared(questions: Sequence[Question], places: int) -> list[Any]:
    shared = [places > 1 and question.shareable for question in questions]
    some = [question for question, with_others in zip(questions, shared, strict=True) if with_others]
    answered = iter(together(some, places) if some else [])
    pairs = zip(questions, shared, strict=True)
    return [next(answered) if with_others else question.answer() for question, with_others in pairs]


def costed_answer(question: Question, clock: Callable[[], float]) -> Questions[tuple[Any, Cost]]:
    """Asks, and returns the answer and what it took of the model's own time, which `clock` tells."""
    tally, started = question.subject.tally, clock()
    before = replace(tally)
    answer = yield question
    return answer, tally.since(before, clock() - started)


@final
class Inquiry(Generic[Result]):
    """All that is asked about one model, and the time that is its own: of what it does, and its share of the answers.

    Args:
        begin: returns its questions; it is given what tells that time.
        seconds: of it, before.

    Attributes:
        question: that waits for its answer, once it was heard for the first time.
        result: what follows from the answers, once it is over.
        over: whether it is.
        failed: why nothing follows, if `in_step` could not go on with it.
        seconds: its own time so far.
    """

    question: Question
    result: Result
    failed: Exception | None = None

    def __init__(self, begin: Callable[[Callable[[], float]], Questions[Result]], seconds: float = 0.0) -> None:
        self.seconds, self._resumed, self.over = seconds, 0.0, False
        self._questions = begin(self._clock)

    def _clock(self) -> float:
        return self.seconds + time.perf_counter() - self._resumed

    def hear(self, answer: Any) -> None:
        """Goes on with an answer, with None at first, until it asks the next question or is over."""
        self._resumed = time.perf_counter()
        try:
            self.question = self._questions.send(answer)
        except StopIteration as end:
            self.over, self.result = True, end.value
        finally:
            self.seconds = self._clock()


def in_step(begun: Sequence[Callable[[Callable[[], float]], Questions[Result]]], places: int) -> list[Any]:
    """Answers all that is asked about models of one architecture, as many as possible together.

    Who is behind goes on first, so that those who part meet again; `Question.what` says who that is, and must have an
    order.

    Args:
        begun: return the questions of each model, given what tells its own time.
        places: models in a call. Where memory ends it has half as many from then on.

    Returns:
        what follows from the answers; in the place of what there cannot be, the exception that says why.
    """
    inquiries = [Inquiry(begin) for begin in begun]
    for one in inquiries:
        _heard(one, None)
    while going := [one for one in inquiries if not one.over]:
        behind = min((one.question for one in going), key=lambda question: question.what)
        alike, started = [one for one in going if one.question.kind == behind.kind][:places], time.perf_counter()
        try:
            found = answers([one.question for one in alike], places)
        except Exception as error:  # of memory
            if places > 1:
                places //= 2
                continue
            found = [error]
        share = (time.perf_counter() - started) / len(alike)
        for one, answer in zip(alike, found, strict=True):
            one.seconds += share
            _heard(one, answer)
    return [one.failed or one.result for one in inquiries]


def _heard(one: Inquiry[Any], answer: Any) -> None:
    """Goes on with an answer; what goes wrong is the end of this one alone."""
    try:
        if isinstance(answer, Exception):
            raise answer
        one.hear(answer)
    except Exception as error:
        one.over, one.failed = True, error

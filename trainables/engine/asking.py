"""Those whose epochs have ended: what they ask of their models is answered for several of them at a time."""

import time
from dataclasses import dataclass, field, replace
from typing import final

import torch

from trainables.engine.cohort import Slot
from trainables.engine.memory import ran_out
from trainables.report import EpochReport
from trainables.training.loop import ending
from trainables.training.questions import Answer, Question, Questions, together
from trainables.training.training import Training

TOGETHER = 8  # models in a call: the images of that many fill a GPU

End = EpochReport | Exception | None
"""What ends an epoch: a report, the reason why there can be none, or None where nothing is to be said."""


def most_on(device: torch.device) -> int:
    """Returns how many models are measured together: on a CPU one, which is faster (`benchmarks/measuring.py`)."""
    return 1 if device.type == "cpu" else TOGETHER


@dataclass(slots=True, kw_only=True, eq=False)
class _Ending:
    """An epoch that has ended, but for what is still asked.

    Attributes:
        training: whose epoch it is.
        questions: that it asks.
        question: that waits for its answer.
        resumed: when its own time began to run.
    """

    training: Training
    questions: Questions[EpochReport | None] = field(init=False)
    question: Question = field(init=False)
    resumed: float = 0.0

    def seconds(self) -> float:
        """Returns the training's own time."""
        return self.training.progress.seconds + time.perf_counter() - self.resumed


@final
class Asking:
    """Models of one line that are being measured, as many together as there are slots, up to `most_on` the device.

    Args:
        device: that measures.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._most = device, most_on(device)
        self._endings: dict[Slot, _Ending] = {}
        self._due: set[Slot] = set()

    def __contains__(self, slot: Slot) -> bool:
        return slot in self._endings

    def gathered(self, slots: int, seated: int) -> bool:
        """Says whether some are to be measured now: as many wait as are measured together, or as go on.

        Then all who wait are, before any step.

        Args:
            slots: models in a fused step.
            seated: how many of them there are.
        """
        waiting = len(self._endings)
        if waiting >= min(slots, self._most, seated - waiting):
            self._due |= self._endings.keys()
        return bool(self._due)

    def drop(self, slot: Slot) -> None:
        """Forgets a model, whose epoch has not ended then."""
        self._endings.pop(slot, None)
        self._due.discard(slot)

    def begin(self, slot: Slot) -> dict[Slot, End]:
        """Ends a model's epoch; returns how, if nothing is asked."""
        one = self._endings[slot] = _Ending(training=slot.training)
        one.questions = ending(slot.training, one.seconds, self._device)
        return self._heard(slot, None)

    def answer(self, slots: int) -> tuple[dict[Slot, End], Exception | None]:
        """Answers one question of each who asks what the first one does.

        Args:
            slots: models in a fused step.

        Returns:
            whose epochs have ended by that; and what says that memory has, after the answers: it is not raised here,
            lest the others' ends are lost. Whom it has struck has to begin anew.
        """
        places, asked = min(slots, self._most), {slot: one.question for slot, one in self._endings.items()}
        kinds = {slot: question.kind for slot, question in asked.items()}
        alike = [slot for slot, kind in kinds.items() if kind == next(iter(kinds.values()))][:places]
        started, ended = time.perf_counter(), dict[Slot, End]()
        answers, short = _answers([asked[slot] for slot in alike], places), None
        share = (time.perf_counter() - started) / len(alike)
        for slot, answer in zip(alike, answers, strict=True):
            slot.training.progress.seconds += share
            if isinstance(answer, Exception):
                self.drop(slot)
                ended[slot] = answer
                continue
            try:
                ended |= self._heard(slot, answer)
            except Exception as error:  # of memory: all others are caught there
                short = error
        return ended, short

    def _heard(self, slot: Slot, answer: Answer | None) -> dict[Slot, End]:
        one = self._endings[slot]
        one.resumed = time.perf_counter()
        try:
            one.question = one.questions.send(answer)
        except StopIteration as end:
            self.drop(slot)
            return {slot: end.value}
        except Exception as error:
            self.drop(slot)
            if ran_out(error):
                raise
            return {slot: error}
        slot.training.progress.seconds = one.seconds()
        return {}


def _answers(questions: list[Question], places: int) -> list[Answer | Exception]:
    """Answers questions of one kind; who cannot be measured is the only one who is not."""
    before = [replace(question.subject.tally) for question in questions]
    try:
        return _together(questions, places)
    except Exception as error:
        if ran_out(error):
            raise
        if len(questions) == 1:
            return [error]
    for question, tally in zip(questions, before, strict=True):
        question.subject.tally.back_to(tally)
    return [answer for question in questions for answer in _answers([question], places)]


def _together(questions: list[Question], places: int) -> list[Answer | Exception]:
    """Answers questions of one kind in shared calls, as far as they may be asked in these."""
    shared = [places > 1 and question.shareable for question in questions]
    some = [question for question, with_others in zip(questions, shared, strict=True) if with_others]
    answers = iter(together(some, places) if some else [])
    pairs = zip(questions, shared, strict=True)
    return [next(answers) if with_others else question.answer() for question, with_others in pairs]

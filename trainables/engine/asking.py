"""Those whose epochs have ended: what they ask of their models is answered for several of them at a time."""

import time
from functools import partial
from typing import Any, final

import torch

from trainables.allocation import ran_out
from trainables.engine.cohort import Slot
from trainables.evaluation.questions import Inquiry, answers, most_on
from trainables.report import EpochReport
from trainables.training.loop import ending

End = EpochReport | Exception | None
"""What ends an epoch: a report, the reason why there can be none, or None where nothing is to be said."""


@final
class Asking:
    """Models of one line that are being measured, as many together as there are slots, up to `most_on` the device.

    Args:
        device: that measures.
    """

    def __init__(self, device: torch.device) -> None:
        self._device, self._most = device, most_on(device)
        self._endings: dict[Slot, Inquiry[EpochReport | None]] = {}
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
        begun = partial(ending, slot.training, device=self._device)
        self._endings[slot] = Inquiry(begun, slot.training.progress.seconds)
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
        found, short = answers([asked[slot] for slot in alike], places), None
        share = (time.perf_counter() - started) / len(alike)
        for slot, answer in zip(alike, found, strict=True):
            self._endings[slot].seconds += share
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

    def _heard(self, slot: Slot, answer: Any) -> dict[Slot, End]:
        one = self._endings[slot]
        try:
            one.hear(answer)
        except Exception as error:
            self.drop(slot)
            if ran_out(error):
                raise
            return {slot: error}
        if one.over:
            self.drop(slot)
            return {slot: one.result}
        slot.training.progress.seconds = one.seconds
        return {}

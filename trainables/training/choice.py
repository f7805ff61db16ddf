"""Which of its epochs a model is of: the last, or the best on validation.

Adversarial training overfits: robust error on unseen images rises late while that on training images falls (Rice, Wong
and Kolter 2020, arXiv 2002.11569). Taking the best epoch is as good as most remedies there; it is taken on validation,
since choosing on test would be peeking.
"""

from dataclasses import dataclass, field
from typing import Any

from trainables.config import Checkpoint
from trainables.differentiation import Tensors
from trainables.report import Pick
from trainables.training.step import State


@dataclass(slots=True, kw_only=True)
class Choice:
    """What is known of a model's epochs so far.

    Attributes:
        kind: of epoch that the model is to be of.
        picks: the last epoch, the best clean one and the best robust one of those that were measured on validation, by
            kind; of equals the earliest.
        params: at the epoch that the model is to be of, as far as there is one; None where that is always the last.
        buffers: likewise.
    """

    kind: Checkpoint
    picks: dict[Checkpoint, Pick] = field(default_factory=dict)
    params: Tensors | None = None
    buffers: Tensors | None = None

    def note(self, pick: Pick, state: State) -> None:
        """Notes an epoch that was measured on validation, and keeps its weights where it is the best of its kind."""
        self.picks["last"] = pick
        for kind, metric in BEST.items():
            value, best = getattr(pick, metric), self.picks.get(kind)
            if value is None or (best is not None and value >= getattr(best, metric)):
                continue
            self.picks[kind] = pick
            if kind == self.kind:
                self.params, self.buffers = dict(state.params), dict(state.buffers)

    def taken(self, state: State) -> State:
        """Returns the state with the weights of the epoch that the model is to be of."""
        if self.params is None or self.buffers is None:
            return state
        return state._replace(params=self.params, buffers=self.buffers)

    def told(self, epoch: int) -> dict[str, Any]:
        """Returns what the last report says of it.

        Args:
            epoch: the last one.
        """
        chosen = self.picks[self.kind].epoch if self.kind in BEST else epoch
        return {"of_epoch": chosen, "picks": dict(self.picks) if "last" in self.picks else {}}


BEST: dict[Checkpoint, str] = {"best-clean": "error", "best-robust": "robust_error"}
"""What is lowest at the best epochs."""

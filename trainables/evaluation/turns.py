"""What an evaluation asks of a model, in turns that models of one architecture may take together."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, final

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.evaluation.asked import Asked, MakeThreat, Subject
from trainables.evaluation.errors import Probe, lost_under_attack, successes
from trainables.evaluation.members import Member, Probing
from trainables.evaluation.questions import Question

MakeStream = Callable[[], torch.Generator]
"""Makes an equal generator whenever it is called: what is asked may have to be asked again."""


class Turn(NamedTuple):
    """When an attack is made, in evaluations of one strength and seed: turns are equal where it is the same attack.

    Their order is that in which every evaluation takes its own, also where some are spared a turn.

    Attributes:
        threat: number of the threat.
        part: number of what is measured under it.
        radius: of the ball.
        kind: number of the attack's kind.
        before_last: minus the number of attacks of that kind that come after it.
        attack: its name.
    """

    threat: int
    part: int
    radius: float
    kind: int
    before_last: int
    attack: str


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A model, and what an adversary may do to its images.

    Attributes:
        subject: the model and its data.
        threat: makes it.
        number: of the threat.
        rowwise: whether an image that it renders is the same, to the last bit, whatever else is rendered beside it.
    """

    subject: Subject
    threat: MakeThreat
    number: int = 0
    rowwise: bool = True

    def falls(self, member: Member, turn: Turn, lost: Bool[Tensor, "example"], rng: MakeStream) -> Question:
        """Asks which of the first examples fall to an attack, of those that are not lost yet."""

        def ask(asked: Asked, every: Sequence[Tensor]) -> Sequence[Tensor]:
            if isinstance(member, Probing):
                return member.falls(asked, self.threat, turn.radius, torch.cat([*every]), rng()).chunk(asked.models)
            assert isinstance(asked, Subject), "other attacks are made on one model"
            return [member.falls(asked, self.threat, turn.radius, every[0], rng())]

        if isinstance(member, Probing):
            return self._question(turn, ask, lost, member.restarts)
        return self._question(turn, ask, lost, 1)._replace(rowwise=False)

    def breaks(
        self, probe: Probe, turn: Turn, lost: Bool[Tensor, "example"], rng: MakeStream, attempts: int
    ) -> Question:
        """Asks for what `successes` returns."""

        def ask(asked: Asked, every: Sequence[Tensor]) -> Sequence[Tensor | None]:
            found = successes(asked, probe, turn.radius, torch.cat([*every]), attempts=attempts, rng=rng())
            if found is None:
                return [None] * asked.models
            parts = torch.split(found, [int((~own).sum()) for own in every], dim=1)
            return [part if part.numel() else None for part in parts]

        return self._question(turn, ask, lost, attempts)

    def loses(self, probe: Probe, turn: Turn, lost: Bool[Tensor, "example"], rng: MakeStream) -> Question:
        """Asks which of the first examples are lost, without the attack or under it."""

        def ask(asked: Asked, every: Sequence[Tensor]) -> Sequence[Tensor]:
            (found,) = lost_under_attack(asked, probe, [turn.radius], torch.cat([*every]), restarts=1, rng=rng())
            return found.chunk(asked.models)

        return self._question(turn, ask, lost, 1)

    def _question(
        self, turn: Turn, ask: Callable[[Asked, Sequence[Tensor]], Sequence[Tensor | None]], lost: Tensor, starts: int
    ) -> Question:
        return Question(self.subject, turn, ask, starts * len(lost), lost, rowwise=self.rowwise)

"""What is asked about a model where an epoch has ended: of this one alone, or of several in calls that they share."""

from collections.abc import Generator, Hashable, Sequence
from typing import Any, NamedTuple, TypeVar

from trainables.config import EvaluationConfig, ThreatModel
from trainables.evaluation.asked import Asked, Subject, crowd
from trainables.evaluation.measure import UnderAttack, all_under_attack
from trainables.manifolds.manifold import Manifolds

Result = TypeVar("Result")
Answer = float | UnderAttack
Questions = Generator["Question", Any, Result]
"""Asks, is sent the answers, and returns what follows from them."""


class Attacks(NamedTuple):
    """How a model is attacked: what `all_under_attack` takes."""

    manifolds: Manifolds
    threat_model: ThreatModel
    evaluation: EvaluationConfig
    seed: int


class Question(NamedTuple):
    """How large the errors of a model are.

    Attributes:
        subject: the model and its data.
        attacks: on it; None asks for its error on the whole split.
        manifold: what says which manifolds those are.
    """

    subject: Subject
    attacks: Attacks | None = None
    manifold: Hashable = None

    @property
    def kind(self) -> Hashable:
        """What is equal of questions that several models of one architecture may be asked together."""
        attacks = self.attacks and (self.manifold, tuple(sorted(self.attacks.manifolds)), *self.attacks[1:])
        return id(self.subject.split), attacks

    @property
    def shareable(self) -> bool:
        """Tells whether others may be asked in the same calls.

        Not of a model whose weights are infinite, which may reach the neighbours, and not where images are decoded
        whose last bits depend on which others are.
        """
        decoded = self.attacks.manifolds.values() if self.attacks else ()
        return self.subject.finite and all(manifold.rowwise for manifold in decoded)

    def answer(self) -> Answer:
        """Asks the model alone."""
        return self._answers(self.subject)[0]

    def _answers(self, asked: Asked) -> Sequence[Answer]:
        return asked.errors() if self.attacks is None else all_under_attack(asked, *self.attacks)


def alone(questions: Questions[Result]) -> Result:
    """Answers questions about one model, and returns what follows from the answers."""
    answer: Answer | None = None
    while True:
        try:
            question = questions.send(answer)
        except StopIteration as end:
            result: Result = end.value
            return result
        answer = question.answer()


def together(questions: Sequence[Question], places: int) -> list[Answer]:
    """Answers questions of one kind about models of one architecture in calls that they share.

    Args:
        questions: as many as there are places, at most.
        places: models in a call. Those that nobody has are computed too, so that no answer depends on how many asked.
    """
    first, *_ = questions
    if first.attacks is None:
        examples = len(first.subject.split)
    else:
        evaluation = first.attacks.evaluation
        examples = max(1, evaluation.paper_attempts) * evaluation.n_attacked
    asked = crowd([question.subject for question in questions], places, examples)
    return list(first._answers(asked))

"""What is asked about a model where an epoch has ended."""

from collections.abc import Hashable
from typing import NamedTuple

from trainables.config import EvaluationConfig, ThreatModel
from trainables.evaluation.asked import Subject
from trainables.evaluation.measure import all_under_attack
from trainables.evaluation.questions import Question
from trainables.manifolds.manifold import Manifolds


class Attacks(NamedTuple):
    """How a model is attacked: what `all_under_attack` takes."""

    manifolds: Manifolds
    threat_model: ThreatModel
    evaluation: EvaluationConfig
    seed: int


def of_error(subject: Subject) -> Question:
    """Asks for a model's error on the whole split."""
    return Question(subject, "error", lambda asked, _: asked.errors(), len(subject.split))


def of_attacks(subject: Subject, attacks: Attacks, manifold: Hashable = None) -> Question:
    """Asks what attacks do to a model: its answer is an `UnderAttack`.

    Args:
        subject: the model and its data.
        attacks: on it.
        manifold: what says which manifolds those are.
    """
    evaluation = attacks.evaluation
    return Question(
        subject,
        (manifold, tuple(sorted(attacks.manifolds)), *attacks[1:]),
        lambda asked, _: all_under_attack(asked, *attacks),
        max(1, evaluation.paper_attempts) * evaluation.n_attacked,
        rowwise=all(each.rowwise for each in attacks.manifolds.values()),
    )

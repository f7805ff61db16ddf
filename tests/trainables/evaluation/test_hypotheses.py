"""What the claims are judged by, where it is known what it must be."""

import pytest
import torch

from tests.trainables.evaluation.test_quality import BLOBS, always, network
from tests.trainables.manifolds.test_learned import manifold
from trainables.config import EvaluationConfig, ThreatModel
from trainables.evaluation.asked import Subject
from trainables.evaluation.distance import perturbed
from trainables.evaluation.hypotheses import Beside, hypotheses
from trainables.evaluation.tally import Tally
from trainables.geometry import NORMS


@pytest.fixture(scope="module")
def found():
    """Of an untrained manifold, whose images are far from those of the split."""
    victim = network()
    subject = Subject(classifier=victim.classifier, folded=victim.folded, split=BLOBS, tally=Tally())
    config = EvaluationConfig(n_attacked=60, strong=60, paper_attempts=1)
    return hypotheses(
        subject, {"manifold": manifold()}, ThreatModel(epsilon=0.05, eta=0.05), config, 0, Beside(lambda _most: BLOBS)
    )


def test_what_leaves_a_manifold_begins_where_the_image_lies(found):
    apart = (BLOBS.images(torch.arange(60)) - manifold().decode(manifold().codes(BLOBS, torch.arange(60)))).flatten(1)

    assert found["regular_examples"] > 0
    assert apart.norm(dim=1).min() > found["regular_length"]  # the image itself is further off than that
    assert abs(found["regular_departure"]) <= 1 + 1e-3
    assert abs(found["random_departure"]) <= 1 + 1e-3


def test_costs_are_the_passes_through_the_attacked_classifier():
    """Of one that takes everything for a 3: what it has wrong ends with its first look, and nothing else ever falls."""
    radii = {"epsilon": 0.05, "eta": 0.05}
    moved = perturbed(manifold(), BLOBS, always(3), norm=NORMS["linf"], **radii, attacked=10, seed=0)
    right = int((BLOBS.labels[:10] == 3).sum())
    wrong = 10 - right

    assert 0 < right < 10
    for kind in ("regular", "on-manifold"):
        assert moved[kind].looks == 10 + 41 * right + wrong  # ten without a perturbation
        assert moved[kind].gradients == 40 * right + wrong
    assert (moved["random"].looks, moved["random"].gradients) == (0, 0)

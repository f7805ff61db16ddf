"""What the claims are judged by, where it is known what it must be."""

import pytest
import torch

from tests.trainables.evaluation.test_quality import BLOBS, network
from tests.trainables.manifolds.test_learned import manifold
from trainables.config import EvaluationConfig, ThreatModel
from trainables.evaluation.asked import Subject
from trainables.evaluation.hypotheses import Beside, hypotheses
from trainables.evaluation.tally import Tally


@pytest.fixture(scope="module")
def found():
    """Of an untrained manifold, whose images are far from those of the split."""
    victim = network()
    subject = Subject(classifier=victim.classifier, folded=victim.folded, split=BLOBS, tally=Tally())
    config = EvaluationConfig(n_attacked=60, strong=60, paper_attempts=1)
    return hypotheses(
        subject, {"manifold": manifold()}, ThreatModel(epsilon=0.05, eta=0.05), config, 0, Beside(lambda: BLOBS)
    )


def test_what_leaves_a_manifold_begins_where_the_image_lies(found):
    apart = (BLOBS.images(torch.arange(60)) - manifold().decode(manifold().codes(BLOBS, torch.arange(60)))).flatten(1)

    assert found["regular_examples"] > 0
    assert apart.norm(dim=1).min() > found["regular_length"]  # the image itself is further off than that
    assert abs(found["regular_departure"]) <= 1 + 1e-3
    assert abs(found["random_departure"]) <= 1 + 1e-3

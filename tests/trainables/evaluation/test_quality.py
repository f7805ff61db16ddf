"""A manifold's quality, where what it must be is known."""

import pytest
import torch

from tests.trainables.manifolds.conftest import Blobs
from tests.trainables.manifolds.test_learned import NETWORKS, manifold, weights
from trainables.classifiers import build
from trainables.evaluation.quality import Judges, Network, adversarial, measure, reconstructions, samples
from trainables.geometry import NORMS
from trainables.manifolds.learned import LearnedManifold
from trainables.manifolds.manifold import Code
from trainables.seeding import stream

BLOBS = Blobs(60)


def network(seed=0):
    classifier = build("mlp", (1, 12, 12), 10, 0.25)
    return Network(classifier=classifier, folded=classifier.fold(*classifier.initialise(stream(seed, "weights"))))


def always(label):
    """A classifier that takes everything for one class."""
    made = network()
    folded = {name: torch.zeros_like(values) for name, values in made.folded.items()}
    folded["logits.bias"][label] = 1
    return Network(classifier=made.classifier, folded=folded)


def measured(reference=None, victim=None, eta=0.05, **changes):
    return measure(
        manifold(**changes),
        BLOBS,
        judges=Judges(reference=reference or network(1), victim=victim or network()),
        norm=NORMS["linf"],
        eta=eta,
        attacked=40,
        seed=0,
    )


def test_distances_are_those_of_numpy():
    made = reconstructions(manifold(), BLOBS, torch.arange(60))
    apart = (BLOBS.images(torch.arange(60)) - made).flatten(1).numpy()

    found = measured()

    assert found.l1 == pytest.approx(abs(apart).sum(1).mean(), rel=1e-5)
    assert found.l2 == pytest.approx((apart**2).sum(1).__pow__(0.5).mean(), rel=1e-5)


def test_errors_and_agreement_are_the_references():
    wide = {"weights": weights(10, reach=4.0)}
    found = measured(reference=always(3), eta=3.0, **wide)
    attack = adversarial(manifold(**wide), BLOBS, network(), NORMS["linf"], 3.0, torch.arange(40), 0)
    fallen = attack.fallen & attack.wrong

    assert found.error == found.reconstruction_error == found.sample_error == pytest.approx(0.9)
    assert fallen.any()
    assert found.agreement == pytest.approx((BLOBS.labels[:40][fallen] == 3).double().mean().item())


def test_what_the_victim_had_wrong_is_no_success():
    found = measured(victim=always(3))

    assert (found.success, found.agreement) == (0, None)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_shown_as_wrong_is_wrong(seed):
    wide, rows, victim = {"weights": weights(10, reach=4.0)}, torch.arange(40), network(seed)

    attack = adversarial(manifold(**wide), BLOBS, victim, NORMS["linf"], 3.0, rows, seed)

    assert torch.equal(attack.wrong, victim.wrong(attack.images, BLOBS.labels[rows]))
    assert not (attack.fallen & ~attack.right).any()


def test_samples_of_one_model_for_all_have_no_class():
    assert measured(weights=weights(1), agnostic=True).sample_error is None


def test_the_box_leaves_some_codes_outside():
    assert measured(weights=weights(10, reach=1e-6)).outside == 1
    assert measured(weights=weights(10, reach=1e6)).outside == 0


def test_samples_come_of_their_seed_and_their_class():
    labels = torch.arange(10)

    assert torch.equal(samples(manifold(), labels, 0), samples(manifold(), labels, 0))
    assert not torch.equal(samples(manifold(), labels, 0), samples(manifold(), labels, 1))


@pytest.mark.parametrize(("norm", "order"), [("linf", float("inf")), ("l2", 2)])
def test_a_latent_attack_stays_in_box_and_ball(norm, order):
    learned = LearnedManifold(NETWORKS, weights(10, reach=0.5), agnostic=False, box="minmax")
    rows = torch.arange(60)
    found = adversarial(learned, BLOBS, network(), NORMS[norm], 0.2, rows, 0)
    codes = learned.codes(BLOBS, rows).free

    assert found.delta.norm(p=order, dim=1).max() <= 0.2 + 1e-6
    assert (codes + found.delta).abs().max() <= 0.5 + 1e-6
    torch.testing.assert_close(found.images, learned.decode(Code(codes + found.delta, BLOBS.labels)))

"""Learning: ten together are ten apart, and what is learned reconstructs."""

import pytest
import torch

from tests.trainables.elsewhere import elsewhere
from tests.trainables.manifolds.conftest import Blobs
from trainables.config import VaeGanConfig
from trainables.manifolds.vaegan.learning import ALL, Learner
from trainables.manifolds.vaegan.step import Losses

SMALL = VaeGanConfig(latent=3, width=1 / 16, updates=3, batch_size=4)


def learned(config, classes, blobs, dtype=torch.float64, **how):
    learner = Learner(config, blobs, classes, of=10, image_shape=(1, 12, 12), dtype=dtype, **how)
    reports = list(learner.learn())
    return learner.weights(), reports


@pytest.mark.parametrize("gamma", [0.0, 1.0])
def test_ten_models_together_equal_ten_apart(gamma):
    config = VaeGanConfig(latent=3, width=1 / 16, updates=3, batch_size=4, gamma=gamma)
    blobs = Blobs(70)
    together, _ = learned(config, range(10), blobs, together=True)
    in_turn, _ = learned(config, range(10), blobs, together=False)

    for each in range(10):
        apart, _ = learned(config, [each], blobs)
        for name, values in apart.items():
            for beside in (together, in_turn):
                torch.testing.assert_close(beside[name][each], values[0], rtol=0, atol=1e-6, msg=f"{name} of {each}")


def test_models_that_learn_elsewhere_are_those_that_learn_together_here():
    """To the last bit: what computes is the host. Half of the way is gone in one place, and half in the other."""
    blobs, config = Blobs(70), VaeGanConfig(latent=3, width=1 / 16, updates=4, batch_size=4)
    how = {"of": 10, "image_shape": (1, 12, 12)}
    here = Learner(config, blobs, range(10), together=True, **how)
    losses = [here.update() for _ in range(4)]
    with elsewhere() as device:
        one, other = (Learner(config, blobs, range(10), device=device, **how) for _ in range(2))
        found = [one.update(), one.update()]
        progress = one.progress()
        other.go_on(progress)
        found += [other.update(), other.update()]
        found = [Losses(*(values.cpu() for values in each)) for each in found]
        weights = other.weights()

    assert {values.device.type for values in (*weights.values(), *progress.values())} == {"cpu"}
    torch.testing.assert_close((found, weights), (losses, here.weights()), rtol=0, atol=0)


def test_the_same_config_learns_the_same():
    first, reports = learned(SMALL, range(10), Blobs(70))
    second, _ = learned(SMALL, range(10), Blobs(70))

    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert [(report.done, report.updates) for report in reports] == [(3, 3)]


def test_threads_change_nothing():
    before = torch.get_num_threads()
    found = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.append(learned(SMALL, range(10), Blobs(70))[0])
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)

    torch.testing.assert_close(*found, rtol=0, atol=0)


def test_one_model_for_all_makes_as_many_updates_as_ten():
    config = VaeGanConfig(latent=3, width=1 / 16, updates=3, batch_size=4, agnostic=True)
    weights, reports = learned(config, (ALL,), Blobs(70))

    assert reports[-1].done == reports[-1].updates == 30
    assert len(weights["decoder.linear.weight"]) == 1


def test_what_is_learned_reconstructs_better_than_the_mean():
    config = VaeGanConfig(latent=4, width=1 / 8, updates=150, batch_size=20, gamma=0, learning_rate=0.01)
    _, reports = learned(config, [0], Blobs(400), torch.float32)

    assert reports[-1].losses.distance < 0.7 * Blobs(400).distance_to_mean(0)


def test_every_image_is_seen_before_one_comes_again():
    from trainables.manifolds.vaegan.learning import _Order
    from trainables.seeding import stream

    rows = torch.arange(10)
    order = _Order(rows, stream(0, "order"), rows[:0])
    taken = torch.cat([order.take(4) for _ in range(5)])

    assert sorted(taken[:10].tolist()) == sorted(taken[10:].tolist()) == list(range(10))


def test_a_class_without_images_is_said():
    with pytest.raises(ValueError, match="at least 2 images of every class; got 1"):
        Learner(SMALL, Blobs(11), range(10), of=10, image_shape=(1, 12, 12))

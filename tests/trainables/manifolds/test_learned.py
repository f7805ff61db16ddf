"""A learned manifold: codes in their box, images by the model of their class, one name for what it is."""

import pytest
import torch

from tests.trainables.manifolds.conftest import Blobs
from trainables.manifolds.learned import LearnedManifold
from trainables.manifolds.manifold import Code
from trainables.manifolds.vaegan.networks import Networks
from trainables.seeding import stream

NETWORKS = Networks(image_shape=(1, 12, 12), latent=3, width=1 / 16)


def weights(models, seed=0, reach=0.1):
    drawn = [NETWORKS.initialise(stream(seed, each), judging=False) for each in range(models)]
    stacked = {name: torch.stack([params[name] for params, _ in drawn]) for name in drawn[0][0]}
    stacked = {name: 300 * values if "conv" in name or "linear" in name else values for name, values in stacked.items()}
    stats = {name: torch.stack([known[name] for _, known in drawn]) for name in drawn[0][1]}
    return stacked | stats | {"box.low": torch.full((3,), -reach), "box.high": torch.full((3,), reach)}


def manifold(**changes):
    return LearnedManifold(NETWORKS, **{"weights": weights(10), "agnostic": False, "box": "minmax"} | changes)


def test_every_image_is_coded_and_made_by_the_model_of_its_class():
    blobs, learned = Blobs(40), manifold()
    rows = torch.tensor([31, 2, 12, 7])
    code = learned.codes(blobs, rows)
    made = learned.decode(code)

    for place, row in enumerate(rows):
        label = int(blobs.labels[row])
        own = {name: values[label] for name, values in weights(10).items() if not name.startswith("box")}
        mean, _ = NETWORKS.encode(own, own, blobs.images(rows[place : place + 1]), training=False)
        inside = mean.clamp(-0.1, 0.1)
        torch.testing.assert_close(code.free[place : place + 1], inside)
        expected = NETWORKS.decode(own, own, inside, training=False)
        torch.testing.assert_close(made[place : place + 1], expected, atol=1e-6, rtol=1e-5)


def test_an_agnostic_manifold_does_not_look_at_labels():
    blobs, learned = Blobs(40), manifold(weights=weights(1), agnostic=True)
    code = learned.codes(blobs, torch.arange(40))
    blobs.labels = blobs.labels.flip(0)

    again = LearnedManifold(NETWORKS, weights(1), agnostic=True, box="minmax").codes(blobs, torch.arange(40))
    assert (code.fixed == 0).all()
    torch.testing.assert_close(again.fixed, code.fixed)


@pytest.mark.parametrize(("box", "reach"), [("minmax", 0.1), ("2.0", 2.0)])
def test_codes_lie_in_the_box(box, reach):
    learned = manifold(box=box)
    far = torch.full((1, 3), 50.0)

    assert learned.codes(Blobs(40), torch.arange(40)).free.abs().max() <= reach
    torch.testing.assert_close(learned.clamp(far), torch.full((1, 3), reach))


def test_its_name_is_its_weights_and_its_box():
    names = {
        manifold().digest(),
        manifold(weights=weights(10, seed=1)).digest(),
        manifold(box="2.0").digest(),
        manifold(weights=weights(10, reach=0.2)).digest(),
    }

    assert len(names) == 4
    assert manifold().digest() in names


def test_gradients_reach_the_code():
    free = torch.full((2, 3), 0.05, requires_grad=True)
    made = manifold().decode(Code(free, torch.tensor([3, 4])))

    (gradient,) = torch.autograd.grad(made.square().sum(), free)
    assert (gradient != 0).any(1).all()


FULL = 25  # of 40 rows, the most that each of three models has room for in a call


def codes_of(labels, seed=0):
    """Codes of three models' images, several slots of them."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.tensor(labels)
    return torch.rand(*labels.shape, 3, generator=rng, dtype=torch.float64) / 10, labels


def made_in(learned, free, labels, calls):
    """Images of all slots, and the gradient of a sum of them."""
    decode = torch.vmap(lambda own, fixed: learned.stacked(calls).decode(Code(own, fixed)))
    free = free.clone().requires_grad_()
    images = decode(free, labels)
    return images.detach(), torch.autograd.grad(images.square().sum(), free)[0]


@pytest.mark.parametrize(
    "labels", [[[0, 1, 2, 0], [1, 2, 0, 1]], [[2] * 40, [0, 1] * 20], [[1], [0]], [[2] * FULL + [0, 1, 1] * 5] * 2]
)
def test_models_of_classes_decode_in_calls_of_one_shape_as_they_do_when_looked_at(labels):
    learned = manifold(weights=weights(3))
    free, labels = codes_of(labels)
    calls = max(map(learned.calls, labels))
    images, gradient = made_in(learned, free, labels, calls)

    for own, fixed, found, slope in zip(free, labels, images, gradient, strict=True):
        own = own.clone().requires_grad_()
        expected = learned.decode(Code(own, fixed))
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(slope, torch.autograd.grad(expected.square().sum(), own)[0])


def test_more_calls_than_are_needed_change_no_bit_and_fewer_leave_black_what_they_have_no_room_for():
    learned = manifold(weights=weights(3))
    free, labels = codes_of([[0, 1, 2, 0] * 10, [2] * 40])
    free, needed = free.float(), [learned.calls(own) for own in labels]
    once, often = (made_in(learned, free, labels, calls)[0] for calls in (1, 5))

    assert needed == [1, 2]
    assert [learned.calls(torch.tensor([2] * many + [0] * (40 - many))) for many in (FULL, FULL + 1)] == [1, 2]
    torch.testing.assert_close(once[0], often[0], atol=0, rtol=0)
    room = int((once[1].flatten(1).amax(1) > 0).sum())
    assert 40 / 2 <= room < 40
    torch.testing.assert_close(once[1, :room], often[1, :room], atol=0, rtol=0)
    torch.testing.assert_close(often, made_in(learned, free, labels, 2)[0], atol=0, rtol=0)


def test_one_model_for_all_classes_needs_one_call():
    assert manifold(weights=weights(1), agnostic=True).calls(torch.tensor([3] * 40)) == 1

"""Every attack as a probe: who falls, what it costs, and that nobody's fate depends on the others'."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.contracts.conftest import BATCH, MakeThreat
from tests.contracts.searching import EVERY, LABELS, curved
from trainables.attacks.apgd import FIRST_STEP
from trainables.attacks.attack import Objective, look
from trainables.attacks.noise import Noise
from trainables.attacks.objectives import cross_entropy, dlr, margin
from trainables.classifiers.classifier import Blueprint, Classifier
from trainables.data.split import Split
from trainables.evaluation.asked import Subject
from trainables.evaluation.errors import Probe, Starts, lost_under_attack, raising, successes, towards
from trainables.evaluation.tally import Tally
from trainables.geometry import NORMS
from trainables.seeding import stream
from trainables.threats.pixel import PixelThreat
from trainables.threats.threat import Threat

STEPS, ATTEMPTS, RADIUS = 6, 3, 0.3
EVERYONE = torch.arange(BATCH)
STEP_SIZES = {"pgd": 0.3, "adam_pgd": 0.3, "apgd": FIRST_STEP, "square": 1.0}
RAISED = {"cross entropy": raising(cross_entropy), "margin": raising(margin), "dlr": raising(dlr), "target": towards(2)}


# How a probe keeps its books depends on no threat: rows that are images, rows that are codes, and what sorts its rows.
ON_THREE = pytest.mark.parametrize("make_threat", ["pixel", "manifold", "learned"], indirect=True)


class Labelled(Split):
    """Examples whose images only their threat knows."""

    def __init__(self, labels: Tensor) -> None:
        self.labels = labels

    def images(self, indices: Tensor) -> Tensor:
        raise NotImplementedError


def subject(model: Callable[[Tensor], Tensor] = curved, labels: Tensor = LABELS) -> Subject:
    classifier = Classifier(Blueprint(network=nn.Identity(), folded=lambda _, images: model(images), folds=()))
    return Subject(classifier=classifier, folded={}, split=Labelled(labels), tally=Tally())


def right(make_threat: MakeThreat) -> Tensor:
    """The classes that are predicted without an attack."""
    threat = make_threat(RADIUS)
    return curved(threat.render(torch.zeros_like(threat.anchor))).argmax(1)


APPROACH = ((3.0, 2), (1.5, 3))
PROBES = [
    *((name, "cross entropy", ()) for name in EVERY),
    *(("apgd", "dlr", ()), ("apgd", "target", ()), ("square", "margin", ())),
    *(("apgd", "target", APPROACH), ("pgd", "margin", APPROACH)),
]


@pytest.fixture(params=PROBES, ids=lambda given: " ".join((*given[:2], "from further out" if given[2] else "")))
def probe(request: pytest.FixtureRequest, make_threat: MakeThreat) -> Probe:
    name, raised, approach = request.param
    return Probe(
        attack=EVERY[name],
        threat=lambda indices, radius: make_threat(radius).at(indices),
        steps=STEPS,
        step_size=STEP_SIZES[name],
        objective=RAISED[raised],
        approach=approach,
    )


def noise(make_threat: MakeThreat, attempts: int = ATTEMPTS, seed: int = 0) -> Starts:
    rng, shape = stream(seed, "starts"), make_threat(RADIUS).anchor.shape
    return Starts(torch.randn(attempts, *shape, generator=rng), torch.rand(attempts, BATCH, generator=rng), seed)


def twin(probe: Probe, victim: Subject, starts: Starts) -> Tensor:
    """All examples in all attempts at once, in one batch that nobody leaves."""
    example = EVERYONE.repeat(ATTEMPTS)
    threat = probe.threat(example, torch.tensor(RADIUS))
    objective, fallen = probe.objective(victim, example, threat), torch.zeros(len(example), dtype=torch.bool)
    first = probe.threat(example, torch.tensor(RADIUS * (probe.approach[0][0] if probe.approach else 1)))
    delta = first.start(starts.gaussian.flatten(0, 1), starts.uniform.flatten())
    for times, steps in probe.approach:
        delta = best_in(probe, objective, probe.threat(example, torch.tensor(RADIUS * times)), delta, steps)
    delta = threat.project(delta) if probe.approach else delta
    state = probe.attack.begin(delta, steps=STEPS, noise=Noise.of(delta, stream(starts.seed, "steps")))
    for _ in range(STEPS + 1):
        seen = look(objective, threat, delta, climbs=probe.attack.climbs, alone=True)
        fallen |= seen.wrong
        moved, state = probe.attack.move(seen, state, threat, torch.tensor(probe.step_size))
        delta = threat.project(moved)
    return fallen.reshape(ATTEMPTS, BATCH)


def best_in(probe: Probe, objective: Objective, ball: Threat, delta: Tensor, steps: int) -> Tensor:
    """What a search keeps: whatever comes until the first success, and from then on the highest loss."""
    delta = ball.project(delta)
    state, kept = probe.attack.begin(delta, steps=steps), [(-torch.inf, False, start) for start in delta]
    for _ in range(steps + 1):
        seen = look(objective, ball, delta, climbs=True, alone=True)
        for i, (loss, fell, _) in enumerate(kept):
            if not fell or seen.loss[i] > loss:
                kept[i] = seen.loss[i].item(), fell or bool(seen.wrong[i]), seen.delta[i]
        moved, state = probe.attack.move(seen, state, ball, torch.tensor(probe.step_size))
        delta = ball.project(moved)
    return torch.stack([best for *_, best in kept])


def test_who_leaves_changes_nothing_for_the_others(probe: Probe, make_threat: MakeThreat) -> None:
    labels, starts = right(make_threat), noise(make_threat)
    whole = twin(probe, subject(labels=labels), starts)
    each = probe.succeeds(subject(labels=labels), EVERYONE, RADIUS, starts, once=False)
    any_of_them = probe.succeeds(subject(labels=labels), EVERYONE, RADIUS, starts, once=True).any(0)

    assert torch.equal(each, whole)
    assert torch.equal(any_of_them, whole.any(0))


@ON_THREE
def test_nobodys_fate_depends_on_who_else_is_attacked(probe: Probe, make_threat: MakeThreat) -> None:
    labels, starts, some = right(make_threat), noise(make_threat), torch.tensor([1, 4, 5])
    every = probe.succeeds(subject(labels=labels), EVERYONE, RADIUS, starts, once=False)

    assert torch.equal(probe.succeeds(subject(labels=labels), some, RADIUS, starts, once=False), every[:, some])


@ON_THREE
@pytest.mark.parametrize("once", [True, False])
def test_the_tally_counts_what_the_model_sees(probe: Probe, make_threat: MakeThreat, once: bool) -> None:
    forward, backward = [], []

    def watched(images: Tensor) -> Tensor:
        forward.append(len(images))
        backward.append(len(images) if images.requires_grad else 0)
        return curved(images)

    victim = subject(watched, right(make_threat))
    probe.succeeds(victim, EVERYONE, RADIUS, noise(make_threat), once=once)

    assert victim.tally.forward_passes == sum(forward)
    assert victim.tally.gradient_evaluations == sum(backward)
    assert (sum(backward) > 0) == probe.attack.climbs


@ON_THREE
def test_whoever_never_falls_costs_a_pass_a_step_and_one_more(probe: Probe, make_threat: MakeThreat) -> None:
    def sure(images: Tensor) -> Tensor:
        return curved(images) * 1e-9 + torch.nn.functional.one_hot(LABELS.repeat(ATTEMPTS), 3)[: len(images)]

    victim = subject(sure)
    found = probe.succeeds(victim, EVERYONE, RADIUS, noise(make_threat), once=False)
    targets = ATTEMPTS * BATCH * (probe.objective is RAISED["target"])

    assert not found.any()
    before = [steps for _, steps in probe.approach]
    assert victim.tally.forward_passes == ATTEMPTS * BATCH * (STEPS + 1 + sum(before) + len(before)) + targets
    assert victim.tally.gradient_evaluations == ATTEMPTS * BATCH * (STEPS + sum(before)) * probe.attack.climbs


@ON_THREE
def test_equal_generators_give_equal_errors_and_global_ones_stay(probe: Probe, make_threat: MakeThreat) -> None:
    before, clean = torch.get_rng_state(), torch.zeros(BATCH, dtype=torch.bool)
    radii = [0.1, 0.3]
    first, second = (
        lost_under_attack(subject(labels=right(make_threat)), probe, radii, clean, restarts=2, rng=stream(0, "worst"))
        for _ in range(2)
    )

    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert torch.equal(torch.get_rng_state(), before)


@ON_THREE
def test_steps_are_drawn_anew_for_every_attempt_and_by_the_generator(make_threat: MakeThreat) -> None:
    shown: list[Tensor] = []

    def watched(images: Tensor) -> Tensor:
        shown.append(images)
        return torch.zeros(len(images), 3)

    random = Probe(
        attack=EVERY["square"],
        threat=lambda indices, radius: make_threat(radius).at(indices),
        steps=2,
        step_size=1.0,
    )
    victim, clean = subject(watched, torch.zeros(BATCH, dtype=torch.long)), torch.zeros(BATCH, dtype=torch.bool)
    for seed in (0, 0, 1):
        successes(victim, random, RADIUS, clean, attempts=2, rng=stream(seed, "paper"))
    first, again, other = shown[1], shown[4], shown[7]

    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first[:BATCH], first[BATCH:])


def test_targets_are_the_likeliest_wrong_classes_without_a_perturbation() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0, 0.0], [0.0, 5.0, 1.0, 2.0]])
    victim = subject(lambda images: images[:, :, 0, 0], torch.tensor([0, 0]))
    threat = PixelThreat(logits[:, :, None, None] / 5, NORMS["linf"], torch.tensor(0.1))
    first, second = (towards(place)(victim, torch.arange(2), threat).belongings[1].tolist() for place in (1, 2))

    assert first == [2, 1]
    assert second == [1, 3]
    assert victim.tally.forward_passes == 4
    with pytest.raises(ValueError, match="from 1 to 3"):
        towards(4)(victim, torch.arange(2), threat)


@ON_THREE
def test_what_no_image_is_shown_of_is_no_success(probe: Probe, make_threat: MakeThreat) -> None:
    """Gradients that are not finite make perturbations that are not."""

    def model(images: Tensor) -> Tensor:
        nothing = (images - images.detach()).abs().sum((1, 2, 3)).sqrt()  # zero, with a gradient of 0 times infinity
        return curved(images) + nothing[:, None]

    held = subject(model, right(make_threat))
    tiny = 1e-7  # from where no random start succeeds

    (lost,) = lost_under_attack(
        held, probe, [tiny], torch.zeros(BATCH, dtype=torch.bool), restarts=1, rng=stream(0, "n")
    )

    assert not lost.any()

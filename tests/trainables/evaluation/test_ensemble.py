"""The worst case over an ensemble, against a twin that makes every attack on every example to its end."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from tests.trainables.evaluation.zoo import LOADED, TEST, honest, network
from trainables.attacks.attack import NO_SLACK, search
from trainables.classifiers.foreign import foreign
from trainables.config import NormName
from trainables.evaluation.asked import MakeThreat, Subject
from trainables.evaluation.book import Book
from trainables.evaluation.curve import KINDS, error_curve, rising_radii, whole_radius
from trainables.evaluation.ensemble import STRENGTHS, Strength, black_box, papers_own, white_box, worst_case
from trainables.evaluation.errors import starting_noise
from trainables.evaluation.measure import manifold_threats, pixel_threats
from trainables.evaluation.members import Member, Probing, Transfer
from trainables.evaluation.quality import Network
from trainables.evaluation.questions import alone
from trainables.evaluation.turns import Setting as Asking
from trainables.geometry import NORMS
from trainables.seeding import stream

SHORT = Strength(steps=4, targets=2, queries=6, attempts=1, passes=2)
EXAMPLES = 30
RADII = {"linf": (0.02, 0.04), "l2": (0.2, 0.4)}


class Setting(NamedTuple):
    subject: Subject
    threat: MakeThreat
    clean: Tensor


def setting(norm: NormName = "linf", *, codes: bool = False) -> Setting:
    subject = honest("Normal", "linf")
    manifold = LOADED.manifolds["manifold"]
    made = manifold_threats(TEST, NORMS[norm], manifold) if codes else pixel_threats(TEST, NORMS[norm])
    return Setting(subject, made, subject.unperturbed(made, torch.arange(EXAMPLES)))


def everything(here: Setting, members: Sequence[Member], radii: Sequence[float], rng: torch.Generator) -> list[Tensor]:
    """Returns what falls at each radius if every attack is made on every example, and nobody ever leaves."""
    everyone, lost, masks = torch.arange(EXAMPLES), here.clean, []
    for radius in radii:
        for member in members:
            assert isinstance(member, Probing)
            for make in member.probes:
                probe = make(here.threat, radius)
                starts = starting_noise(probe, everyone, 1, rng)
                objective = probe.objective(here.subject, everyone, probe.threat(everyone, torch.tensor(radius)))
                delta = None
                for times, steps in (*probe.approach, (1.0, probe.steps)):
                    ball = probe.threat(everyone, torch.tensor(times * radius))
                    found = search(
                        probe.attack,
                        objective,
                        ball,
                        ball.start(starts.gaussian[0], starts.uniform[0]) if delta is None else ball.project(delta),
                        step_size=torch.tensor(probe.step_size),
                        steps=torch.tensor(steps),
                        slack=torch.tensor(steps if times == 1 else NO_SLACK),
                        longest=steps,
                        alone=False,
                        rng=stream(starts.seed, "steps"),
                    )
                    delta = found.delta
                lost = lost | found.success
        masks.append(lost)
    return masks


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_leaving_with_the_first_success_changes_nothing(norm: NormName) -> None:
    here = setting(norm)
    members = [*white_box(SHORT, 10), *black_box(SHORT), *papers_own()]
    masks, _ = worst_case(here.subject, members, here.threat, RADII[norm], here.clean, stream(0, "n"), name="pixel")
    twins = everything(here, members, RADII[norm], stream(0, "n"))

    for mask, twin in zip(masks, twins, strict=True):
        assert torch.equal(mask, twin)
    assert here.clean.sum() < masks[0].sum() < masks[1].sum() < EXAMPLES


def test_codes_are_attacked_likewise() -> None:
    here = setting(codes=True)
    members = [*white_box(SHORT, 10), *black_box(SHORT)]
    masks, _ = worst_case(here.subject, members, here.threat, [0.05], here.clean, stream(0, "n"), name="manifold")

    assert torch.equal(masks[0], everything(here, members, [0.05], stream(0, "n"))[0])
    assert masks[0].sum() > here.clean.sum()


def test_every_line_tells_what_its_attack_did() -> None:
    here = setting()
    members = [*white_box(SHORT, 10), *black_box(SHORT, [network(seed=1)])]
    before = here.subject.tally.forward_passes
    masks, lines = worst_case(
        here.subject, members, here.threat, RADII["linf"], here.clean, stream(0, "n"), name="pixel"
    )

    assert [line.attack for line in lines] == ["apgd-ce", "apgd-dlr-targeted", "transfer", "square"] * 2
    assert [line.restarts for line in lines[:4]] == [1, 2, 1, 1]
    assert [line.white_box for line in lines[:4]] == [True, True, False, False]
    assert sum(line.forward_passes for line in lines) == here.subject.tally.forward_passes - before
    left = int((~here.clean).sum())
    for line in lines:
        assert line.attacked == left
        left -= line.lost
    assert left == int((~masks[-1]).sum())
    assert all(line.gradient_evaluations == 0 for line in lines if not line.white_box)


def test_nobody_is_asked_about_no_images() -> None:
    here, lost = setting(), torch.ones(EXAMPLES, dtype=torch.bool)

    def particular(images: torch.Tensor) -> torch.Tensor:
        return images.view(images.shape[0], -1)[:, :10]  # which refuses an empty batch

    subject = replace(here.subject, classifier=foreign(particular))
    other = Network(classifier=foreign(particular), folded={})
    for member in (*white_box(SHORT, 10), *black_box(SHORT, [other]), *papers_own()):
        fallen = member.falls(subject, here.threat, 0.1, lost, stream(0, "n"))
        assert not fallen.any()


def test_who_has_fallen_is_not_attacked_again() -> None:
    here = setting()
    everybody = torch.ones(EXAMPLES, dtype=torch.bool)
    before = here.subject.tally.forward_passes
    masks, _ = worst_case(
        here.subject, white_box(SHORT, 10), here.threat, [0.1], everybody, stream(0, "n"), name="pixel"
    )

    assert masks[0].all()
    assert here.subject.tally.forward_passes == before


@pytest.mark.parametrize(("classes", "second"), [(2, "apgd-margin"), (3, "apgd-margin"), (4, "apgd-dlr-targeted")])
def test_few_classes_have_no_ratio_of_logits(classes: int, second: str) -> None:
    assert [member.name for member in white_box(STRENGTHS["standard"], classes)] == ["apgd-ce", second]


@pytest.mark.parametrize(("classes", "targets"), [(10, 9), (4, 3), (26, 9)])
def test_no_more_classes_are_aimed_at_than_there_are(classes: int, targets: int) -> None:
    assert white_box(STRENGTHS["standard"], classes)[1].starts == targets


def test_a_strength_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Strength(queries=0)


# -- radii -----------------------------------------------------------------------------------------------------------


def test_radii_are_the_studys_and_then_grow_to_the_whole() -> None:
    radii = list(rising_radii((0.25, 0.5, 0.75, 1.0), 0.2, 1.0))

    assert radii[:4] == pytest.approx([0.05, 0.1, 0.15, 0.2])
    assert radii[3] == 0.2
    assert radii[-1] == 1.0
    assert all(1.2 < after / before < 1.9 for before, after in pairwise(radii[3:]))


def test_radii_end_with_the_studys_where_it_is_the_whole() -> None:
    assert list(rising_radii((0.5, 1.0), 1.0, 1.0)) == [0.5, 1.0]


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_the_whole_radius_reaches_every_image(norm: NormName) -> None:
    """The furthest corner of the cube of all images, by numpy's measure."""
    images = TEST.images(torch.arange(EXAMPLES)).double().flatten(1).numpy()
    corner = abs((images < 0.5) - images)
    wanted = {"linf": corner.max(), "l2": ((corner**2).sum(1) ** 0.5).max()}[norm]

    assert whole_radius(pixel_threats(TEST, NORMS[norm]), EXAMPLES) == pytest.approx(wanted, rel=1e-6)


def test_the_whole_radius_of_codes_is_that_of_their_box() -> None:
    manifold = LOADED.manifolds["manifold"]
    low, high = manifold.low, manifold.high
    free = manifold.codes(TEST, torch.arange(EXAMPLES)).free
    wanted = torch.maximum(free - low, high - free).max().item()

    assert whole_radius(manifold_threats(TEST, NORMS["linf"], manifold), EXAMPLES) == pytest.approx(wanted, rel=1e-5)


def test_what_is_known_to_fall_is_lost_from_its_radius_on() -> None:
    here, everybody = setting(), torch.ones(EXAMPLES, dtype=torch.bool)
    nobody: dict[str, tuple[Member, ...]] = dict.fromkeys(KINDS, ())
    about, book = {"name": "pixel", "radius": 0.2, "fractions": (0.5, 1.0)}, Book(subject=here.subject)
    asked = Asking(subject=here.subject, threat=here.threat)
    curve = alone(error_curve(asked, nobody, here.clean, 0, **about, fallen=everybody, book=book))
    clean = here.clean.double().mean().item()

    assert curve.radii == (0.0, 0.1, 0.2)
    assert curve.worst == (clean, clean, 1.0)
    assert curve.paper == (clean, clean, clean)
    assert book.lines == []


def test_a_curve_goes_on_until_all_is_lost_or_all_may_be_changed() -> None:
    here = setting()
    nobody: dict[str, tuple[Member, ...]] = dict.fromkeys(KINDS, ())
    about = {"name": "pixel", "radius": 0.2, "fractions": (0.5, 1.0), "fallen": here.clean}
    asked = Asking(subject=here.subject, threat=here.threat)
    curve = alone(error_curve(asked, nobody, here.clean, 0, **about, book=Book(subject=here.subject)))

    assert curve.radii[-1] == curve.whole == 1.0
    assert set(curve.worst) == {here.clean.double().mean().item()}


def test_images_that_another_network_makes_with_a_gradient_that_is_none_are_no_success() -> None:
    """A step along it is no number, and nobody is fooled by what is no image."""
    here = setting("l2")
    known = here.subject

    def rootless(images: Tensor) -> Tensor:
        return known.classifier.logits(known.folded, images) + (0 * images.flatten(1).sum(1, keepdim=True)).sqrt()

    member = Transfer(surrogates=(Network(classifier=foreign(rootless), folded={}),), steps=2, restarts=1)
    fallen = member.falls(known, here.threat, 1e-6, here.clean, stream(0, "transfer"))

    assert not fallen.any()

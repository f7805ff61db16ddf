"""What the claims of the paper are judged by, of one trained model.

Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740), section 3. Beside their measures stand what theirs lack: attacks
that are stronger than the one that a model was trained with, random perturbations as long as the adversarial ones, and
whether on-manifold adversarial examples still are what their label says. Success is a fraction of the correctly
classified examples: errors under attack contain the clean error, and would go along with it by themselves.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from trainables.config import EvaluationConfig, ThreatModel, ThreatName
from trainables.data.split import Split
from trainables.evaluation.asked import MakeThreat, Subject
from trainables.evaluation.distance import Distances, Perturbed, measured, perturbed
from trainables.evaluation.ensemble import Strength, black_box, papers_probe, white_box, worst_case
from trainables.evaluation.errors import successes
from trainables.evaluation.measure import manifold_threats, pixel_threats
from trainables.evaluation.nearest import nearest
from trainables.evaluation.quality import Network
from trainables.geometry import NORMS
from trainables.manifolds.affine import AffineManifold
from trainables.manifolds.learned import LearnedManifold
from trainables.manifolds.manifold import Manifold, Manifolds
from trainables.seeding import stream

SMALL = Strength(steps=20, targets=2, queries=100, attempts=1, passes=4)
FRACTIONS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)  # of the radius: at the paper's, and at half of it, nearly all fails
NEAR = 5000  # images that approximate the manifold, at most
PROJECTED = 100  # images whose distance to the manifold is measured, at most
STARTS = 1  # of the search for the nearest image: a perturbation is short


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypotheses:
    """Numbers of one model; None where there was nothing to measure. Errors and rates are fractions in [0, 1].

    Attributes:
        papers_on_manifold_success: of the paper's attack on the manifold, at the study's eta, over correctly classified
            examples, mean over attempts.
        strong_error: on the examples that the strong attacks are made on, without an attack.
        strong_success: of the strong attacks in the image, over correctly classified examples, mean over the radii
            of `FRACTIONS`.
        strong_on_manifold_success: the same on the manifold.
        regular_examples: regular adversarial examples whose distance to the manifold is measured; likewise of the other
            kinds.
        regular_length: L2 of their perturbations, mean.
        regular_departure: mean over them of how much further the nearest image of the manifold is than before the
            perturbation, as a fraction of its length, in [-1, 1]; `random_departure` of random perturbations as long,
            `on_manifold_departure` of on-manifold adversarial examples.
        regular_angle: mean angle of their perturbations to the span of training images nearby, in degrees; likewise of
            the other kinds.
        label_agreement: of the on-manifold adversarial examples, those that a strong classifier takes for their label;
            1 where the manifold is known, since codes within its box have the label by definition.
        label_agreement_before: the same of these examples before they are perturbed.
    """

    papers_on_manifold_success: float | None = None
    strong_error: float | None = None
    strong_success: float | None = None
    strong_on_manifold_success: float | None = None
    regular_examples: int = 0
    on_manifold_examples: int = 0
    regular_length: float | None = None
    regular_departure: float | None = None
    random_departure: float | None = None
    on_manifold_departure: float | None = None
    regular_angle: float | None = None
    random_angle: float | None = None
    on_manifold_angle: float | None = None
    label_agreement: float | None = None
    label_agreement_before: float | None = None


class Beside(NamedTuple):
    """What is needed beside a model.

    Attributes:
        known: reads so many images at most that approximate the manifold; none that are measured.
        reference: says what an image shows; None where nobody needs to be asked.
    """

    known: Callable[[int], Split]
    reference: Network | None = None


def along(manifolds: Manifolds) -> ThreatName:
    """Returns what the on-manifold adversary moves along: the data's manifold, or transformations without one."""
    return "manifold" if "manifold" in manifolds else "affine"


def asks(manifold: Manifold) -> bool:
    """Tells whether a reference must say if a manifold's images keep their labels."""
    return isinstance(manifold, LearnedManifold | AffineManifold)


def hypotheses(
    subject: Subject,
    manifolds: Manifolds,
    threat_model: ThreatModel,
    config: EvaluationConfig,
    seed: int,
    beside: Beside,
) -> dict[str, Any]:
    """Measures a model.

    Args:
        subject: the model and the split.
        manifolds: of the data.
        threat_model: norm and radii.
        config: says how many examples.
        seed: of all noise: equal for all models of a study.
        beside: what else is needed.

    Returns:
        `Hypotheses` as plain values.
    """
    norm, split = NORMS[threat_model.norm], subject.split
    manifold = manifolds[along(manifolds)]
    pixels, moved = pixel_threats(split, norm), manifold_threats(split, norm, manifold)
    error, success = _strong(subject, pixels, threat_model.epsilon, "pixel", config, seed)
    _, on_manifold = _strong(subject, moved, threat_model.eta, along(manifolds), config, seed)
    rate = _rate(subject, moved, threat_model.eta, config, seed)
    found = Hypotheses(
        papers_on_manifold_success=rate,
        strong_error=error,
        strong_success=success,
        strong_on_manifold_success=on_manifold,
        **_departures(subject, manifold, threat_model, min(config.strong, PROJECTED), seed, beside),
    )
    return asdict(found)


def _rate(subject: Subject, threat: MakeThreat, radius: float, config: EvaluationConfig, seed: int) -> float | None:
    """Returns the success rate of the paper's attack."""
    clean = subject.unperturbed(threat, torch.arange(config.n_attacked))
    attempts, rng = config.paper_attempts, stream(seed, "hypotheses", "rate")
    broken = successes(subject, papers_probe(threat, radius), radius, clean, attempts=attempts, rng=rng)
    return None if broken is None else broken.double().mean().item()


def _strong(
    subject: Subject, threat: MakeThreat, radius: float, name: str, config: EvaluationConfig, seed: int
) -> tuple[float, float | None]:
    """Returns the clean error, and the success of the strong attacks, mean over the radii."""
    clean = subject.unperturbed(threat, torch.arange(config.strong))
    error = clean.double().mean().item()
    if bool(clean.all()):
        return error, None
    classes = subject.logits(subject.split.images(torch.arange(1))).shape[1]
    members, rng = (*white_box(SMALL, classes), *black_box(SMALL)), stream(seed, "hypotheses", name)
    radii = [fraction * radius for fraction in FRACTIONS]
    masks, _ = worst_case(subject, members, threat, radii, clean, rng, name=name)
    return error, torch.stack(masks)[:, ~clean].double().mean().item()


def _departures(
    subject: Subject, manifold: Manifold, threat_model: ThreatModel, attacked: int, seed: int, beside: Beside
) -> dict[str, Any]:
    """Returns how far adversarial and random perturbations leave the manifold, and whether labels are kept on it."""
    victim = Network(classifier=subject.classifier, folded=subject.folded)
    radii: dict[str, float] = {"epsilon": threat_model.epsilon, "eta": threat_model.eta}
    moved = perturbed(
        manifold, subject.split, victim, norm=NORMS[threat_model.norm], **radii, attacked=attacked, seed=seed
    )
    for each in moved.values():
        subject.tally.add(each.looks, forward=1)
        subject.tally.add(each.gradients, backward=1)
    known = beside.known(NEAR)
    near = known.images(torch.arange(len(known)))
    found: dict[str, Any] = {f"{_plain(kind)}_examples": len(moved[kind].rows) for kind in ("regular", "on-manifold")}
    for kind, own in moved.items():
        if len(own.rows):
            far = measured(manifold, subject.split, near, own, seed, STARTS)
            already = torch.zeros_like(far.length)
            if isinstance(manifold, LearnedManifold):  # all others contain the images themselves
                here = manifold.codes(subject.split, own.rows)
                rng = stream(seed, "hypotheses", "starts")
                _, already = nearest(manifold, own.before, here, starts=STARTS, rng=rng)
            found |= {f"{_plain(kind)}_{name}": value for name, value in _relative(far, already).items()}
    found.pop("random_length", None)
    found.pop("on_manifold_length", None)
    return found | _agreement(manifold, moved["on-manifold"], subject.split, beside.reference)


def _plain(kind: str) -> str:
    return kind.replace("-", "_")


def _relative(far: Distances, already: Tensor) -> dict[str, float]:
    length = far.length.clamp_min(1e-12)
    angles = torch.rad2deg(torch.asin((far.beyond_neighbours / length).clamp(0, 1)))
    return {
        "length": far.length.mean().item(),
        "departure": ((far.to_manifold - already) / length).mean().item(),
        "angle": angles.mean().item(),
    }


def _agreement(manifold: Manifold, moved: Perturbed, split: Split, reference: Network | None) -> dict[str, float]:
    """Returns how many on-manifold adversarial examples keep their label, after and before the perturbation."""
    if not len(moved.rows) or (asks(manifold) and reference is None):
        return {}
    if reference is None or not asks(manifold):
        return {"label_agreement": 1.0, "label_agreement_before": 1.0}

    def agreed(images: Tensor) -> float:
        return 1 - reference.wrong(images.float(), split.labels[moved.rows]).double().mean().item()

    return {"label_agreement": agreed(moved.after), "label_agreement_before": agreed(moved.before)}

"""All numbers of one model under a study's threat model."""

from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from trainables.attacks.gradient import PGD, AdamPGD
from trainables.config import EvaluationConfig, ThreatModel
from trainables.data.split import Split
from trainables.evaluation.errors import MakeThreat, Probe, Subject, errors_under_attack, success_rate
from trainables.geometry import NORMS, Norm
from trainables.manifolds.manifold import Manifold
from trainables.seeding import stream
from trainables.threats.manifold import ManifoldThreat
from trainables.threats.pixel import PixelThreat

PAPER_STEPS = 40
PAPER_STEP = 0.005  # in image range and in code units alike
TRAVEL = 2.5  # radii that the measuring attack can cross in all its steps


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderAttack:
    """What attacks do to a model; fields as in `trainables.report.EpochReport`."""

    robust_error: float
    robust_error_at: dict[str, float]
    on_manifold_error: float | None = None
    success_rate: float | None = None
    on_manifold_success_rate: float | None = None


def pixel_threats(split: Split, norm: Norm) -> MakeThreat:
    """Returns what makes pixel threats for examples of a split."""

    def make(indices: Tensor, radius: Tensor) -> PixelThreat:
        return PixelThreat(split.images(indices), norm, radius)

    return make


def manifold_threats(split: Split, norm: Norm, manifold: Manifold) -> MakeThreat:
    """Returns what makes manifold threats for examples of a split."""

    def make(indices: Tensor, radius: Tensor) -> ManifoldThreat:
        return ManifoldThreat(manifold, manifold.codes(split, indices), norm, radius)

    return make


def under_attack(
    subject: Subject,
    manifold: Manifold | None,
    threat_model: ThreatModel,
    config: EvaluationConfig,
    seed: int,
) -> UnderAttack:
    """Measures a model under all attacks of the evaluation.

    Args:
        subject: the model and its data.
        manifold: of the data, or None.
        threat_model: norm and radii.
        config: how hard to look.
        seed: of the attacks' noise; equal seeds give every model the same starts on the same images.
    """
    norm = NORMS[threat_model.norm]
    attacked = min(config.n_attacked, len(subject.split))

    def measure(threat: MakeThreat, radius: float, name: str) -> tuple[list[float], float | None]:
        noise = partial(stream, seed, "evaluation", config.split, name)
        strong = Probe(attack=PGD(), threat=threat, steps=config.steps, step_size=TRAVEL / config.steps)
        paper = Probe(attack=AdamPGD(), threat=threat, steps=PAPER_STEPS, step_size=PAPER_STEP / radius)
        errors = errors_under_attack(
            subject,
            strong,
            [fraction * radius for fraction in config.radii],
            attacked=attacked,
            restarts=config.restarts,
            rng=noise("worst"),
        )
        rate = success_rate(
            subject, paper, radius, attacked=attacked, attempts=config.paper_attempts, rng=noise("paper")
        )
        return errors, rate

    pixel, rate = measure(pixel_threats(subject.split, norm), threat_model.epsilon, "pixel")
    names = [f"{fraction * threat_model.epsilon:.3g}" for fraction in config.radii]
    result = UnderAttack(
        robust_error=_mean(pixel), robust_error_at=dict(zip(names, pixel, strict=True)), success_rate=rate
    )
    if manifold is None:
        return result
    on_manifold, latent_rate = measure(manifold_threats(subject.split, norm, manifold), threat_model.eta, "manifold")
    return replace(result, on_manifold_error=_mean(on_manifold), on_manifold_success_rate=latent_rate)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)

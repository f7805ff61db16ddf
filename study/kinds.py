"""What each search space makes of a study."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from search_spaces.claims import claims
from search_spaces.manifold import manifold
from search_spaces.space import Space
from search_spaces.tradeoff import tradeoff
from study.manifold_kinds import ManifoldKind
from trainables.config import (
    ARCHITECTURES,
    VAEGAN,
    AnyTrialConfig,
    Checkpoint,
    DataConfig,
    EvaluationConfig,
    LearnedConfig,
    ManifoldTrialConfig,
    Precision,
    ThreatModel,
    TrialConfig,
)


class Asked(Protocol):
    """What a space is told of a study; `study.config.StudyConfig` says what each is."""

    @property
    def threat_model(self) -> ThreatModel: ...
    @property
    def data(self) -> DataConfig: ...
    @property
    def learned(self) -> LearnedConfig | None: ...
    @property
    def seeds(self) -> int: ...
    @property
    def epochs(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def sizes(self) -> Sequence[int]: ...
    @property
    def at_updates(self) -> Sequence[int]: ...
    @property
    def attacked_strongly(self) -> int: ...
    @property
    def checkpoint(self) -> Checkpoint: ...
    @property
    def attack_precision(self) -> Precision: ...
    @property
    def kinds(self) -> tuple[ManifoldKind, ...]: ...
    @property
    def measured_on(self) -> LearnedConfig | None: ...
    def width(self, architecture: str) -> float: ...
    def evaluation(self) -> EvaluationConfig: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a search space makes of a study.

    Attributes:
        architectures: that its trials may have; each is searched by itself and has a front of its own.
        moves: whether its trials move along a manifold; else they learn one.
        search_space: for a study.
        base: for a study, an architecture and a seed: the trial that a point is filled into.
        searched: how trials of the search are measured, beside what all spaces agree on.
        confirmed: the same for candidates.
        grid: whether its points are all fixed beforehand.
    """

    architectures: tuple[str, ...]
    moves: bool
    search_space: Callable[[Asked], Space]
    base: Callable[[Asked, str, int], AnyTrialConfig]
    searched: Callable[[Asked], Mapping[str, Any]]
    confirmed: Callable[[Asked], Mapping[str, Any]]
    grid: bool = False


def _tradeoff(config: Asked) -> Space:
    return tradeoff(config.steps, *config.kinds, box=config.learned.box if config.learned else "minmax")


def _claims(config: Asked) -> Space:
    return claims(config.kinds[0], sizes=config.sizes, at_updates=config.at_updates, seeds=config.seeds)


def _as_in_the_paper(config: Asked) -> Mapping[str, Any]:
    return {"split": "test", "paper_attempts": config.attempts, "strong": config.attacked_strongly, "only_last": True}


def _classifier(config: Asked, architecture: str, seed: int) -> TrialConfig:
    return TrialConfig(
        architecture=architecture,  # type: ignore[arg-type] # which checks it
        width=config.width(architecture),
        data=config.data,
        manifold=config.measured_on,
        threat_model=config.threat_model,
        fused_steps=config.steps,
        evaluation=config.evaluation(),
        epochs=config.epochs,
        attack_precision=config.attack_precision,
        checkpoint=config.checkpoint,
        seed=seed,
    )


def _vaegan(config: Asked, architecture: str, seed: int) -> ManifoldTrialConfig:
    return ManifoldTrialConfig(
        architecture=architecture,  # type: ignore[arg-type] # which checks it
        width=config.width(architecture),
        data=config.data,
        manifold=config.learned or LearnedConfig(),
        threat_model=config.threat_model,
        evaluation=config.evaluation(),
        epochs=config.epochs,
        seed=seed,
    )


ONCE: Mapping[str, Any] = {"radii": (1.0,), "paper_attempts": 0}
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "tradeoff": Kind(
            architectures=ARCHITECTURES,
            moves=True,
            search_space=_tradeoff,
            base=_classifier,
            searched=lambda _: {},
            confirmed=lambda config: {"restarts": 2, "paper_attempts": config.attempts, "only_last": True},
        ),
        "manifold": Kind(
            architectures=(VAEGAN,),
            moves=False,
            search_space=lambda config: manifold(config.data.pixels),
            base=_vaegan,
            searched=lambda _: ONCE,
            confirmed=lambda _: ONCE,
        ),
        "claims": Kind(
            architectures=ARCHITECTURES,
            moves=True,
            search_space=_claims,
            base=_classifier,
            searched=_as_in_the_paper,
            confirmed=_as_in_the_paper,
            grid=True,
        ),
    }
)

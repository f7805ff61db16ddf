"""What a study is: frozen, complete and valid from birth; the same value starts it and resumes it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from search_spaces.space import Space
from study.choices import (
    BACKENDS,
    HALVINGS,
    MOST_GP,
    MOST_REPLICATES,
    MOST_SEEDS,
    MOST_SLOTS,
    SAMPLERS,
    SCHEDULERS,
    Backend,
    Halving,
    Sampler,
    Scheduler,
)
from study.constraints import Constraint
from study.kinds import KINDS
from study.manifold_kinds import ManifoldKind, check_kinds, learned_as, usual
from study.scheduling.pareto_halving import rungs
from study.seeds import FIRST_FRESH_SEED, derived, fresh
from study.strong_config import StrongConfig
from trainables.checks import must
from trainables.config import (
    AnyTrialConfig,
    Checkpoint,
    DataConfig,
    EvaluationConfig,
    LearnedConfig,
    Precision,
    ThreatModel,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyConfig:
    """Everything that determines what a study asks for and how it measures.

    Attributes:
        name: of the study and of its folder.
        space: the search space's name.
        scale: the preset that the numbers started from.
        widths: of the architectures; 1 where one is not named.
        trials: per architecture, baselines included.
        seeds: fresh ones in the confirmation; 0 confirms nothing.
        seed: of the whole study.
        epochs: of every trial.
        steps: upper limit of the attacks in training, and of the attack that measures in the search.
        n_attacked: examples under attack in a measurement.
        attempts: of the paper's attack in the confirmation.
        data: shared by all trials.
        manifold: what the second adversary moves along, and what all trials are measured on; None is the known manifold
            of the data, or, where it has none, affine transformations. A space of manifolds has "learned".
        others: further kinds that a trial may move along instead, in training alone; the space then has the kind.
        learned: the manifold behind the two kinds that are learned; in a space of manifolds what all of them share.
        scheduler: what stops trials early.
        halving: whether it stops them, pauses and promotes them, or lets them run on and says what stopping would cost.
        grace: epochs before the first rung; every further rung lies `factor` times as high.
        factor: of those that reach a rung, one in so many goes on.
        sampler: who proposes trials; gp, whose questions take long, only up to 300 of them.
        checkpoint: the epoch that trials and confirmed models are of, see `TrialConfig`.
        attack_precision: of their training, see there.
        constraints: what a trial must satisfy to be on the front, such as "val_error<0.2".
        replicates: further seeds of points near the front, at most; trials beyond `trials`.
        warm_start: the folder of an earlier study whose trials the search is told of, or None.
        sizes: of the training set, in a grid, rising to that of `data`; `at_updates` are those of them that are also
            trained for as many updates as the largest.
        attacked_strongly: in a grid, examples that the strong attacks are made on.
        backend: whether models share fused steps; auto does where there are GPUs, and nothing forbids it.
        slots: models in a fused step; None measures how many. Numbers depend on it in their last bits.
        strong: attacks on confirmed models; the one thing here that a study may be resumed with another of.
    """

    name: str
    space: str = "tradeoff"
    scale: str = "demo"
    architectures: tuple[str, ...] = ("conv", "mlp")
    widths: Mapping[str, float] = field(default_factory=dict)
    threat_model: ThreatModel = field(default_factory=ThreatModel)
    data: DataConfig = field(default_factory=DataConfig)
    manifold: ManifoldKind | None = None
    others: tuple[ManifoldKind, ...] = ()
    learned: LearnedConfig | None = None
    trials: int = 12
    seeds: int = 2
    seed: int = 0
    sampler: Sampler = "tpe"
    epochs: int = 6
    steps: int = 10
    n_attacked: int = 100
    attempts: int = 2
    scheduler: Scheduler = "pareto-halving"
    halving: Halving = "stop"
    grace: int = 2
    factor: float = 2.0
    checkpoint: Checkpoint = "last"
    attack_precision: Precision = "float32"
    constraints: tuple[str, ...] = ()
    replicates: int = 0
    warm_start: str | None = None
    sizes: tuple[int, ...] = ()
    at_updates: tuple[int, ...] = ()
    attacked_strongly: int = 0
    backend: Backend = "auto"
    slots: int | None = None
    strong: StrongConfig = field(default_factory=StrongConfig)

    def __post_init__(self) -> None:
        plain = self.name.replace("-", "").replace("_", "").replace(".", "")
        must(
            plain.isascii() and plain.isalnum() and self.name[0] not in ".-",
            f"a study's name is a folder of letters, digits and - _ . within; got {self.name!r}",
        )
        must(self.space in KINDS, f"the space is one of {', '.join(KINDS)}; got {self.space!r}")
        must(self.sampler in SAMPLERS, f"the sampler is one of {', '.join(SAMPLERS)}; got {self.sampler!r}")
        must(self.scheduler in SCHEDULERS, f"the scheduler is one of {', '.join(SCHEDULERS)}; got {self.scheduler!r}")
        must(self.halving in HALVINGS, f"halving is one of {', '.join(HALVINGS)}; got {self.halving!r}")
        must(self.grace >= 1, f"grace is at least 1 epoch; got {self.grace}")
        must(1 < self.factor <= 100, f"factor lies above 1 and is at most 100; got {self.factor:g}")
        named, known = len(set(self.architectures)) == len(self.architectures) > 0, KINDS[self.space].architectures
        must(
            named and set(self.architectures) <= set(known),
            f"architectures of the space {self.space} are distinct and among {', '.join(known)}; "
            f"got {' '.join(self.architectures)}",
        )
        must(self.trials >= 1, f"a study has at least 1 trial per architecture; got {self.trials}")
        must(0 <= self.seeds <= MOST_SEEDS, f"fresh seeds number 0 to {MOST_SEEDS}; got {self.seeds}")
        must(0 <= self.seed < 2**31, f"the study's seed lies in [0, 2^31); got {self.seed}")
        must(set(self.widths) <= set(known), f"widths are of {', '.join(known)}; got {' '.join(self.widths)}")
        self._check_manifold()
        for architecture in self.architectures:
            # checks width, epochs, steps and n_attacked
            replace(self.base(architecture, 0), evaluation=self.confirmation())
        self._check_search()
        self._check_backend()

    def _check_manifold(self) -> None:
        if self.manifold is None:
            object.__setattr__(self, "manifold", usual(self.data))
        check_kinds(self.kinds, self.data, self.learned)
        must(
            KINDS[self.space].moves or self.kinds == ("learned",),
            f"the space {self.space} is one of learned manifolds; got --manifold {' '.join(self.kinds)}; leave it out",
        )

    def _check_search(self) -> None:
        if self.is_grid:
            self._check_grid()
        must(
            self.sampler != "gp" or self.trials <= MOST_GP,
            f"gp takes at most {MOST_GP} trials per architecture, since a question's time grows with their cube; "
            f"got {self.trials}; choose another sampler, such as tpe",
        )
        must(
            0 <= self.replicates <= MOST_REPLICATES,
            f"replicates of a point number 0 to {MOST_REPLICATES}; got {self.replicates}",
        )
        must(
            self.checkpoint == "last" or KINDS[self.space].moves,
            f"a manifold is of its last epoch; got --checkpoint {self.checkpoint} and --space manifold; leave one out",
        )
        must(
            self.attack_precision == "float32" or KINDS[self.space].moves,
            f"manifolds are learned without attacks; got --attack-precision {self.attack_precision} and --space "
            "manifold; leave one out",
        )
        must(
            (KINDS[self.space].moves and not self.is_grid) or not self.strong,
            f"strong attacks are on classifiers that a search confirms; got --strong {self.strong.strength} in the "
            f"space {self.space}",
        )
        for text in self.constraints:
            Constraint.parse(text).must_be_measured(self.base(self.architectures[0], 0).metrics)

    def _check_backend(self) -> None:
        must(self.backend in BACKENDS, f"the backend is one of {', '.join(BACKENDS)}; got {self.backend!r}")
        must(
            self.slots is None or (self.backend != "dedicated" and 1 <= self.slots <= MOST_SLOTS),
            f"slots are models in a fused step, 1 to {MOST_SLOTS}; got {self.slots} with the backend {self.backend}",
        )
        if self.backend == "fused" and self.cannot_fuse:
            raise ValueError(f"{self.cannot_fuse}; choose the backend dedicated, or auto")

    def _check_grid(self) -> None:
        cells = len(self.search_space().baselines)
        must(
            self.sizes[-1] == self.data.n_train,
            f"a grid's largest training set is that of its data, {self.data.n_train}; got {self.sizes[-1]}",
        )
        searched = self.scheduler != "none" or self.replicates or self.constraints or self.warm_start
        must(
            self.trials <= cells and not searched,
            f"the space {self.space} is a grid of {cells} trials per architecture, in which nothing is searched; got "
            f"{self.trials} trials, scheduler {self.scheduler}, {self.replicates} replicates",
        )
        must(
            self.manifold != "affine" or usual(self.data) == "affine",
            f"claims about the manifold of {self.data.dataset} are measured on it, which is known; got --manifold "
            "affine; leave it out, or choose learned",
        )

    @property
    def is_grid(self) -> bool:
        """Whether all trials are fixed beforehand and measured on test, so that nothing is chosen or confirmed."""
        return KINDS[self.space].grid

    def search_space(self) -> Space:
        """Returns the space as this study wants it."""
        return KINDS[self.space].search_space(self)

    @property
    def cannot_fuse(self) -> str | None:
        """Why its models cannot train in fused steps, or None."""
        if not KINDS[self.space].moves:
            return f"a fused step trains classifiers; got the space {self.space}"
        return None

    @property
    def kinds(self) -> tuple[ManifoldKind, ...]:
        """What trials may move along; all are measured on the first."""
        return self.manifold or usual(self.data), *self.others

    @property
    def measured_on(self) -> LearnedConfig | None:
        """The learned manifold that all trials are measured on, or None where it is not a learned one."""
        return learned_as(self.learned, self.kinds[0])

    @property
    def moves(self) -> bool:
        """Whether all trials are measured on one manifold of the data."""
        return KINDS[self.space].moves and self.manifold != "affine"

    def evaluation(self) -> EvaluationConfig:
        """How every trial of the search is measured."""
        plain = EvaluationConfig(split="validation", n_attacked=self.n_attacked, steps=self.steps)
        return replace(plain, at_epochs=self.rungs(), **KINDS[self.space].searched(self))

    def rungs(self) -> tuple[int, ...]:
        """Returns the epochs after which trials are compared and may be stopped."""
        return () if self.scheduler == "none" else rungs(self.epochs, self.grace, self.factor)

    def confirmation(self) -> EvaluationConfig:
        """How candidates are measured on test: harder than in the search, so that none hides from a weak attack."""
        plain = EvaluationConfig(split="test", n_attacked=self.n_attacked, steps=self.steps)
        return replace(plain, **KINDS[self.space].confirmed(self))

    def base(self, architecture: str, seed: int) -> AnyTrialConfig:
        """Returns the trial that a point of the space is filled into."""
        return KINDS[self.space].base(self, architecture, seed)

    def width(self, architecture: str) -> float:
        """Returns the factor of an architecture's channels."""
        return self.widths.get(architecture, 1.0)

    def trial_seed(self, architecture: str, number: int) -> int:
        """Returns the seed of a trial of the search."""
        return derived(self.seed, "trial", architecture, number) % FIRST_FRESH_SEED

    def fresh_seeds(self) -> tuple[int, ...]:
        """Returns the seeds of the confirmation, the same for all candidates; none occurs in the search."""
        return tuple(fresh(self.seed, place) for place in range(self.seeds))

    def to_dict(self) -> dict[str, Any]:
        """Returns nested plain values that JSON can hold."""
        return asdict(self) | {name: list(getattr(self, name)) for name in LISTS}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Rebuilds a config from `to_dict`.

        Raises:
            ValueError: for a value out of its range.
            TypeError: for a field that does not exist.
        """
        values = dict(plain)
        values |= {name: tuple(values.get(name, ())) for name in LISTS}
        values["threat_model"] = ThreatModel(**values["threat_model"])
        values["data"] = DataConfig(**values["data"])
        values["strong"] = StrongConfig(**values.get("strong", {}))
        if values.get("learned"):
            values["learned"] = LearnedConfig.from_dict(values["learned"])
        return cls(**values)


LISTS = ("architectures", "constraints", "others", "sizes", "at_updates")  # fields that JSON has as lists

"""What a study knows: its journal, folded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from study.storage.journal import Event
from study.strong_config import StrongConfig
from trainables.config import trial_from_dict

ERRORS = ("error", "robust_error")  # what trials are ranked by whose journal does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What was trained, and where.

    Attributes:
        parameters: of the classifier.
        manifold_digest: names the manifold behind on-manifold numbers, or None.
        trained_manifold_digest: names the one that codes were moved on in training, where that is another; else None.
        threads: that it was trained with, where that is known: sums depend on it, and on the backend.
        backend: "dedicated", or "fused-K" for one of K models in a fused step; None where that is not known.
    """

    parameters: int | None = None
    device: str | None = None
    manifold_digest: str | None = None
    trained_manifold_digest: str | None = None
    threads: int | None = None
    backend: str | None = None


@dataclass(slots=True, kw_only=True)
class Trial:
    """A trial of the search, so far.

    Attributes:
        number: within its architecture, from 0; baselines come first.
        label: the baseline's name, or None.
        point: of the search space; `params` is the same as the optimiser asked for it.
        config: as a dictionary, see `trainables.config.trial_from_dict`.
        curve: an `EpochReport` an epoch, as dictionaries.
        state: RUNNING, PAUSED (at a rung, with a checkpoint), or how it ended: COMPLETE, STOPPED (early), FAILED or
            INFEASIBLE.
        message: why it is not COMPLETE.
        stopped_at: the epoch after which halving stopped it, or would have where it only looks on.
        breaks: times that its worker died since its last report.
        replicate_of: the trial that this one repeats with another seed, or None.
        constraints: what it must satisfy to be of use, see `study.constraints`.
        ranked_by: the objectives of its space, by the names that reports have for them.
    """

    trial_id: str
    architecture: str
    number: int
    label: str | None
    point: dict[str, Any]
    params: dict[str, Any]
    config: dict[str, Any]
    curve: list[dict[str, Any]] = field(default_factory=list)
    state: str = "RUNNING"
    message: str | None = None
    model: Model = field(default_factory=Model)
    stopped_at: int | None = None
    breaks: int = 0
    replicate_of: str | None = None
    constraints: list[str] = field(default_factory=list)
    ranked_by: list[str] = field(default_factory=lambda: list(ERRORS))

    @property
    def objectives(self) -> tuple[float, ...] | None:
        """What it is ranked by, on validation; None where it has nothing to compare."""
        if self.state != "COMPLETE":
            return None
        return tuple(float(self.curve[-1][name]) for name in self.ranked_by)

    @property
    def epoch(self) -> int:
        """Epochs that it has reported."""
        return int(self.curve[-1]["epoch"]) if self.curve else 0

    @property
    def name(self) -> str:
        """The baseline's name, or the trial's."""
        return self.label or self.trial_id

    @property
    def signature(self) -> str:
        """Names the structure of its training."""
        return trial_from_dict(self.config).signature()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """A candidate retrained with one fresh seed.

    Attributes:
        report: the last `EpochReport`, measured on test, or None.
        message: why there are no metrics, or None.
        sha256: of the model's file, or None where there is none.
    """

    trial_id: str
    seed: int
    report: dict[str, Any] | None
    message: str | None
    model: Model
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attacked:
    """A confirmed model under strong attacks.

    Attributes:
        how: `strength`, `images` and `seed` of the attacks.
        sha256: of the model's file.
        sources: names of the models that images were transferred from.
        found: an `Evaluation` as a dictionary, or None.
        ledger: a column a field of `trainables.evaluation.ledger`, one entry a line.
        message: why nothing was found, or None.
    """

    trial_id: str
    seed: int
    how: dict[str, Any]
    sha256: str | None
    sources: list[str]
    found: dict[str, Any] | None
    ledger: dict[str, list[Any]]
    message: str | None

    @property
    def flags(self) -> tuple[str, ...]:
        """Names of what leaves errors on the image doubtful, and with them all: no front has such a candidate."""
        own = self.found["flags"] if self.found else ()
        return tuple(flag["name"] for flag in own if flag.get("threat", "pixel") == "pixel")

    @property
    def evidence(self) -> tuple[str, ...]:
        """What every flag says, those on manifolds included."""
        return tuple(f"{flag['name']}: {flag['evidence']}" for flag in self.found["flags"]) if self.found else ()


@dataclass(slots=True)
class State:
    """A study so far.

    Attributes:
        study: the event that began it: its config and fingerprints; empty before.
        trials: by id, in the order in which they were asked for.
        confirmations: by trial id and seed.
        attacked: what strong attacks did to confirmed models, the newest evaluation of each, by trial id and seed.
        probed: what was measured of each architecture's trials, see `study.probe`.
        happenings: what halving saw, in its order: "report", "promoted" or "left" (without a result), trial id, epoch.
        warm: COMPLETE trials of an earlier study that the search was told of; none of this study's own.
    """

    study: dict[str, Any] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    warm: list[Trial] = field(default_factory=list)
    confirmations: dict[tuple[str, int], Confirmation] = field(default_factory=dict)
    attacked: dict[tuple[str, int], Attacked] = field(default_factory=dict)
    probed: dict[str, dict[str, Any]] = field(default_factory=dict)
    happenings: list[tuple[str, str, int]] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Takes one event in; kinds that say nothing about trials are passed over."""
        kinds = {
            "study": self._study,
            "warm": self._warm,
            "asked": self._asked,
            "report": self._report,
            "finished": self._finished,
            "paused": self._paused,
            "promoted": self._promoted,
            "would_stop": self._would_stop,
            "broke": self._broke,
            "accepted": self._accepted,
            "probed": self._probed,
            "confirmed": self._confirmed,
            "strengthened": self._strengthened,
            "attacked": self._attacked,
        }
        if event["kind"] in kinds:
            kinds[event["kind"]]({key: value for key, value in event.items() if key not in ("kind", "time")})

    def _study(self, event: Event) -> None:
        self.study = event

    def _warm(self, event: Event) -> None:
        self.warm = [Trial(**known, state="COMPLETE") for known in event["trials"]]

    def _asked(self, event: Event) -> None:
        self.trials[event["trial_id"]] = Trial(**event)

    def _report(self, event: Event) -> None:
        trial, report = self.trials[event["trial_id"]], event["report"]
        # A trial that was interrupted goes on from its last checkpoint: what it had said since is said anew.
        trial.curve = [known for known in trial.curve if known["epoch"] < report["epoch"]] + [report]
        trial.model = Model(**event["model"])
        trial.breaks = 0
        self.happenings.append(("report", trial.trial_id, report["epoch"]))

    def _finished(self, event: Event) -> None:
        trial = self.trials[event["trial_id"]]
        trial.state, trial.message = event["state"], event["message"]
        if trial.state == "STOPPED":
            trial.stopped_at = trial.epoch
        if trial.state in ("FAILED", "INFEASIBLE"):
            self.happenings.append(("left", trial.trial_id, trial.epoch))

    def _paused(self, event: Event) -> None:
        self.trials[event["trial_id"]].state = "PAUSED"

    def _promoted(self, event: Event) -> None:
        trial = self.trials[event["trial_id"]]
        trial.state = "RUNNING"
        self.happenings.append(("promoted", trial.trial_id, trial.epoch))

    def _would_stop(self, event: Event) -> None:
        trial = self.trials[event["trial_id"]]
        trial.stopped_at = trial.stopped_at or event["epoch"]

    def _broke(self, event: Event) -> None:
        self.trials[event["trial_id"]].breaks += 1

    def _probed(self, event: Event) -> None:
        self.probed = event["findings"]

    def _accepted(self, event: Event) -> None:
        self.study |= event["now"]

    def _confirmed(self, event: Event) -> None:
        confirmed = Confirmation(**event | {"model": Model(**event["model"])})
        self.confirmations[confirmed.trial_id, confirmed.seed] = confirmed

    def _strengthened(self, event: Event) -> None:
        self.study = self.study | {"config": self.study["config"] | {"strong": event["strong"]}}

    def _attacked(self, event: Event) -> None:
        known = Attacked(**event)
        self.attacked[known.trial_id, known.seed] = known

    @property
    def strong(self) -> StrongConfig:
        """How hard confirmed models are to be attacked."""
        return StrongConfig(**self.study["config"].get("strong", {}))

    def of(self, architecture: str) -> list[Trial]:
        """Returns an architecture's trials in the order of their numbers."""
        return [trial for trial in self.trials.values() if trial.architecture == architecture]

    def in_flight(self) -> list[Trial]:
        """Returns the trials that were asked for, have not ended and are not paused."""
        return [trial for trial in self.trials.values() if trial.state == "RUNNING"]


def folded(events: Iterable[Mapping[str, Any]]) -> State:
    """Returns what the events amount to."""
    state = State()
    for event in events:
        state.apply(dict(event))
    return state

"""What a study says of itself to Prometheus, through the agents of the Ray cluster that it runs on.

Ray puts `ray_` before every name, and `_total` behind a counter's; `deploy/grafana` draws them.
"""

# ruff: noqa: ARG002 - a watch is told more than this one needs

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, final

from ray.util.metrics import Counter, Gauge

from study.cluster import Cluster
from study.config import StudyConfig
from study.monitoring.standing import evaluations_by_architecture, standing, work
from study.monitoring.watch import CONFIRMATION, Ended, Watch
from study.storage.state import State, Trial

UPDATE_EVERY = 5.0  # seconds; Ray's agents pass them on about every ten
BY_NETWORK = ("study", "architecture")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What is measured.

    Attributes:
        kind: a gauge is set, a counter only rises.
        says: what it is, with its unit.
        tags: what it is told by.
    """

    says: str
    tags: tuple[str, ...] = BY_NETWORK
    kind: Literal["gauge", "counter"] = "gauge"

    def exported(self, name: str) -> str:
        """Returns the name under which Prometheus gets it."""
        return f"ray_{name}{'_total' if self.kind == 'counter' else ''}"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "disentangle_trials": Metric(says="Trials of the search by state", tags=(*BY_NETWORK, "state")),
        "disentangle_trials_planned": Metric(says="Trials that the search consists of"),
        "disentangle_front_trials": Metric(says="Trials that no other dominates on validation"),
        "disentangle_hypervolume": Metric(
            says="Hypervolume of the validation front up to the objectives' worst values; (1, 1) for errors"
        ),
        "disentangle_best": Metric(
            says="Lowest value of an objective on validation, in its unit", tags=(*BY_NETWORK, "objective")
        ),
        "disentangle_confirmations": Metric(says="Models retrained with a fresh seed and measured on test"),
        "disentangle_confirmations_planned": Metric(says="Models that the confirmation consists of", tags=("study",)),
        "disentangle_gradient_evaluations": Metric(
            says="Backward passes through classifiers, one an example", kind="counter"
        ),
        "disentangle_gradient_evaluations_per_second": Metric(
            says="Gradient evaluations a second of the trials that run", tags=("study",)
        ),
        "disentangle_examples_per_second": Metric(
            says="Examples trained on a second by the trials that run", tags=("study",)
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A value of a metric.

    Attributes:
        tags: those of the metric, but for the study.
    """

    name: str
    value: float
    tags: Mapping[str, str]


def samples(state: State, config: StudyConfig) -> Iterator[Sample]:
    """Yields what a study's metrics are now; a counter's value is all of it so far."""
    spent, done = evaluations_by_architecture(state), work(state)
    objectives = config.search_space().objectives
    confirmed = [state.trials[trial_id].architecture for trial_id, _ in state.confirmations]
    for architecture in config.architectures:
        known = standing(state.of(architecture), objectives)
        numbers = {
            "trials_planned": config.trials,
            "front_trials": len(known.front),
            "hypervolume": known.hypervolume,
            "confirmations": confirmed.count(architecture),
            "gradient_evaluations": spent.get(architecture, 0),
        }
        for name, value in numbers.items():
            yield Sample(name=f"disentangle_{name}", value=value, tags={"architecture": architecture})
        lowest = dict(zip(objectives, known.lowest, strict=True)) if known.lowest else {}
        for objective, value in lowest.items():
            tags = {"architecture": architecture, "objective": objective.name}
            yield Sample(name="disentangle_best", value=value, tags=tags)
        for state_of_trial, count in known.tally.items():
            tags = {"architecture": architecture, "state": state_of_trial}
            yield Sample(name="disentangle_trials", value=count, tags=tags)
    for name, value in {"gradient_evaluations_per_second": done.rate, "examples_per_second": done.examples}.items():
        yield Sample(name=f"disentangle_{name}", value=value, tags={})


@final
class Rise:
    """By how much counters are to be raised. What falls - a trial that is repeated says less - is made up for first."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, ...], float] = {}

    def of(self, sample: Sample) -> float:
        """Returns how much a sample lies above all of its kind before it."""
        place = sample.name, *sample.tags.values()
        before = self._counted.get(place, 0.0)
        self._counted[place] = max(before, sample.value)
        return self._counted[place] - before


@final
class Metrics(Watch):
    """Hands a study's numbers to Ray now and then; needs a cluster that has been connected to.

    Args:
        config: of the study.
    """

    def __init__(self, config: StudyConfig) -> None:
        self._config, self._state = config, State()
        self._gauges: dict[str, Gauge] = {}
        self._counters: dict[str, Counter] = {}
        self._rise = Rise()
        self._updated = 0.0

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        self._state = state
        for name, metric in METRICS.items():
            if metric.kind == "gauge":
                self._gauges[name] = Gauge(name, metric.says, metric.tags)
            else:
                self._counters[name] = Counter(name, metric.says, metric.tags)
        self._update()

    def trial_began(self, trial: Trial) -> None:
        pass

    def trial_ended(self, trial: Trial) -> None:
        pass

    def stage(self, name: str, jobs: int, done: int) -> None:
        if name == CONFIRMATION:
            self._set(Sample(name="disentangle_confirmations_planned", value=jobs, tags={}))

    def job_began(self, stage: str, trial: Trial, seed: int) -> None:
        pass

    def job_ended(self, ended: Ended) -> None:
        pass

    def notice(self, text: str) -> None:
        pass

    def tick(self) -> None:
        if time.monotonic() - self._updated >= UPDATE_EVERY:
            self._update()

    def ended(self) -> None:
        self._update()

    def _update(self) -> None:
        self._updated = time.monotonic()
        for sample in samples(self._state, self._config):
            self._set(sample)

    def _set(self, sample: Sample) -> None:
        tags = {"study": self._config.name, **sample.tags}
        if sample.name in self._gauges:
            self._gauges[sample.name].set(sample.value, tags)
            return
        risen = self._rise.of(sample)
        if risen > 0:  # Ray's counters refuse to be raised by nothing
            self._counters[sample.name].inc(risen, tags)

"""The search on a cluster: Ray Tune runs what the desk hands out.

Ray's own record of it is a throwaway: it lies in a temporary folder and nothing is ever restored from it.
"""
# ruff: noqa: ARG002 - Ray calls by these names, whether we need them or not

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.experiment import Trial as RayTrial
from ray.tune.search import Searcher

from study.desk import Desk
from study.interrupt import Interrupt
from study.monitoring.watch import Watch

Trainable = Callable[[Mapping[str, Any]], None]
TRIES = 2  # of a trial whose worker dies; one that reports an error is not tried again


def run_search(desk: Desk, trainable: Trainable, watch: Watch, interrupt: Interrupt, *, concurrency: int) -> None:
    """Runs trials until the desk has none left.

    Args:
        desk: hands them out.
        trainable: a function for Ray Tune; it gets the trial's `config` and reports as `trainables.tune` does.
        watch: is told what happens.
        interrupt: stops the search between two steps.
        concurrency: trials at a time, one processor each.

    Raises:
        KeyboardInterrupt: if it was stopped; what has ended by then is recorded.
    """
    live = _Live(desk, watch, interrupt)
    with TemporaryDirectory(prefix="disentangle-", ignore_cleanup_errors=True) as scratch:
        tuner = tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            tune_config=tune.TuneConfig(
                search_alg=_Questions(live),
                num_samples=-1,
                max_concurrent_trials=concurrency,
                reuse_actors=True,
                trial_name_creator=_trial_id,
                trial_dirname_creator=_trial_id,
            ),
            run_config=tune.RunConfig(
                name=desk.store.config.name,
                storage_path=scratch,
                verbose=0,
                callbacks=[_Answers(live)],
                failure_config=tune.FailureConfig(max_failures=TRIES - 1),
            ),
        )
        tuner.fit()


def _trial_id(trial: RayTrial) -> str:
    return str(trial.config["trial_id"])


def _reason(trial: RayTrial) -> str:
    """Returns what Ray has written down of a trial's end, without its traceback."""
    error = pickle.loads(Path(trial.pickled_error_file).read_bytes())
    if isinstance(error, RayTaskError):
        cause = error.cause
        return " ".join(f"{type(cause).__name__}: {cause}".split())
    return str(error).partition("\n")[0]  # the rest are addresses of processes that are gone


@final
class _Live:
    """What belongs to this process: Tune copies and pickles its parts, and must not copy or pickle these."""

    def __init__(self, desk: Desk, watch: Watch, interrupt: Interrupt) -> None:
        self.desk, self.watch, self.interrupt = desk, watch, interrupt
        self.failures: dict[str, str] = {}

    def __deepcopy__(self, memo: object) -> "_Live":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return object, ()


@final
class _Questions(Searcher):
    """Tune's way to ask for trials."""

    def __init__(self, live: _Live) -> None:
        super().__init__(metric=None, mode=None)
        self._live = live

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        trial = self._live.desk.next()
        if trial is None:
            return Searcher.FINISHED  # type: ignore[return-value] # Ray's own marker is a string
        self._live.watch.trial_began(trial)
        return {"trial_id": trial.trial_id, "config": trial.config}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Does nothing: `_Answers` hears of it with more detail."""

    def save(self, checkpoint_path: str) -> None:
        """Does nothing: the journal remembers."""

    def restore(self, checkpoint_path: str) -> None:
        """Does nothing: the journal remembers."""


@final
class _Answers(tune.Callback):
    """Tune's way to say what happens."""

    def __init__(self, live: _Live) -> None:
        self._live = live

    def on_trial_result(
        self, iteration: int, trials: list[RayTrial], trial: RayTrial, result: dict[str, Any], **info: Any
    ) -> None:
        if "failed" in result:
            self._live.failures[_trial_id(trial)] = result["failed"]
        else:
            self._live.desk.report(_trial_id(trial), result)

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        self._end(_trial_id(trial), self._live.failures.pop(_trial_id(trial), None))

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        self._end(_trial_id(trial), f"it broke off {TRIES} times, the last time with {_reason(trial)}")

    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        self._live.desk.store.refresh_tables()
        self._live.watch.tick()
        self._live.interrupt.check()

    def _end(self, trial_id: str, failure: str | None) -> None:
        self._live.watch.trial_ended(self._live.desk.end(trial_id, failure))

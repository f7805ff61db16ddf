"""The search on a cluster: Ray Tune runs what the desk hands out.

Ray's own record of it is a throwaway: it lies in a temporary folder and nothing is ever restored from it. A trial that
was paused, or whose worker died, is another trial to Ray, with a checkpoint in its luggage.
"""
# ruff: noqa: ARG002 - Ray calls by these names, whether we need them or not

import pickle
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

from ray import tune
from ray.exceptions import RayTaskError
from ray.tune.error import TuneError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial as RayTrial
from ray.tune.schedulers import FIFOScheduler
from ray.tune.search import Searcher
from ray.tune.trainable.function_trainable import wrap_function

from study.desk import Desk
from study.interrupt import Interrupt
from study.monitoring.watch import Watch
from study.resources import Resources
from study.scheduling.pareto_halving import Decision
from trainables.report import Said

Trainable = Callable[[Mapping[str, Any]], None]


def run_search(
    desk: Desk,
    trainable: Trainable,
    watch: Watch,
    interrupt: Interrupt,
    *,
    needs: Mapping[str, Resources],
    room: Callable[[], int],
    manifolds: str | None = None,
) -> None:
    """Runs trials until the desk has none left.

    Args:
        desk: hands them out.
        trainable: a function for Ray Tune; it gets the trial's `config` and reports as `trainables.tune` does.
        watch: is told what happens.
        interrupt: stops the search between two steps.
        needs: what a trial of each architecture takes of a node.
        room: says how many trials may be under way.
        manifolds: the store of learned ones.

    Raises:
        KeyboardInterrupt: if it was stopped; what has ended by then is recorded.
    """
    live = _Live(desk, watch, interrupt, room, manifolds)
    bundles = {name: each.bundle() for name, each in needs.items()}
    trials = tune.with_resources(
        wrap_function(trainable, name=f"trials of {desk.store.config.name}"),
        lambda point: tune.PlacementGroupFactory([bundles[point["config"]["architecture"]]]),
    )
    trials.__name__ = trials.__qualname__ = "Trial"  # as the dashboard calls their actors
    with TemporaryDirectory(prefix="disentangle-", ignore_cleanup_errors=True) as scratch:
        tuner = tune.Tuner(
            trials,
            tune_config=tune.TuneConfig(
                search_alg=_Questions(live),
                scheduler=_Decisions(live),
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_trial_id,
                trial_dirname_creator=lambda trial: trial.trial_id,
            ),
            run_config=tune.RunConfig(
                name=desk.store.config.name, storage_path=scratch, verbose=0, callbacks=[_Answers(live)]
            ),
        )
        try:
            tuner.fit()
        except TuneError as error:  # Tune makes text of what is raised inside of it
            raise live.failure or error from error


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

    def __init__(
        self, desk: Desk, watch: Watch, interrupt: Interrupt, room: Callable[[], int], manifolds: str | None
    ) -> None:
        self.desk, self.watch, self.interrupt, self.room, self.manifolds = desk, watch, interrupt, room, manifolds
        self.rungs = desk.store.config.rungs()
        self.failure: Exception | None = None

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Remembers what goes wrong in this process, whatever Tune makes of it."""
        try:
            yield
        except Exception as error:
            self.failure = error
            raise

    def __deepcopy__(self, memo: object) -> "_Live":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return object, ()


@final
class _Luggage:
    """A trial's last checkpoint, read when it is sent to a worker and not kept in the driver's memory."""

    def __init__(self, desk: Desk, trial_id: str) -> None:
        self._desk, self._trial_id = desk, trial_id

    def __deepcopy__(self, memo: object) -> "_Luggage":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return bytes, (self._desk.checkpoint(self._trial_id) or b"",)


@final
class _Questions(Searcher):
    """Tune's way to ask for trials."""

    def __init__(self, live: _Live) -> None:
        super().__init__(metric=None, mode=None)
        self._live = live

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        with self._live.remembering():
            return self._next()

    def _next(self) -> dict[str, Any] | None:
        desk = self._live.desk
        trial = desk.next() if desk.out < self._live.room() else None
        if trial is None:
            # None means that there may be more later; Ray's own marker for the end is a string.
            return Searcher.FINISHED if desk.exhausted else None  # type: ignore[return-value] # see above
        self._live.watch.trial_began(trial)
        return {
            "trial_id": trial.trial_id,
            "config": trial.config,
            "rungs": self._live.rungs,
            "manifolds": self._live.manifolds,
            "checkpoint": _Luggage(desk, trial.trial_id),
        }

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Does nothing: `_Answers` hears of it with more detail."""

    def save(self, checkpoint_path: str) -> None:
        """Does nothing: the journal remembers."""

    def restore(self, checkpoint_path: str) -> None:
        """Does nothing: the journal remembers."""


@final
class _Decisions(FIFOScheduler):
    """Tune's way to ask whether a trial goes on."""

    def __init__(self, live: _Live) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Ray's
        self._live = live

    def on_trial_result(self, tune_controller: TuneController, trial: RayTrial, result: dict[str, Any]) -> str:
        said = result.get("said")
        if result.get("done") or not isinstance(said, Said):  # a trial that has returned: its last result again
            return FIFOScheduler.CONTINUE
        with self._live.remembering():
            decision = self._live.desk.hear(_trial_id(trial), said)
        # A paused trial gives its worker back; Tune will know it as a new one.
        return FIFOScheduler.CONTINUE if decision is Decision.CONTINUE else FIFOScheduler.STOP


@final
class _Answers(tune.Callback):
    """Tune's way to say what happens."""

    def __init__(self, live: _Live) -> None:
        self._live = live

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        with self._live.remembering():
            self._live.watch.trial_ended(self._live.desk.end(_trial_id(trial)))

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        with self._live.remembering():
            desk = self._live.desk
            taken = desk.broke(_trial_id(trial), _reason(trial), beside=desk.out)
            if taken.state != "RUNNING":  # else it will be tried again
                self._live.watch.trial_ended(taken)

    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        with self._live.remembering():
            self._live.desk.store.refresh_tables()
            self._live.watch.tick()
            self._live.interrupt.check()

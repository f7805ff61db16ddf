"""A search and a confirmation whose models train in the slots of engines."""

from collections.abc import Sequence
from typing import Any, final

from study.desk import Desk
from study.engines import Engines, Heard
from study.interrupt import Interrupt
from study.monitoring.watch import Watch
from study.scheduling.pareto_halving import Decision
from study.stages import RETRIES, Hands, Job

PROPOSED = 8  # trials between two looks: what ends meanwhile is known to those that come after


def run_fused_search(desk: Desk, engines: Engines[str], watch: Watch, interrupt: Interrupt) -> None:
    """Runs trials until the desk has none left.

    Args:
        desk: hands them out.
        engines: train them.
        watch: is told what happens.
        interrupt: stops the search between two looks.

    Raises:
        KeyboardInterrupt: if it was stopped; what has ended by then is recorded.
        WorkersDie: if engines die whatever they are given.
    """
    rungs = desk.store.config.rungs()
    while not desk.exhausted:
        for _ in range(PROPOSED):
            if not engines.free or (trial := desk.next()) is None:
                break
            watch.trial_began(trial)
            checkpoint = desk.checkpoint(trial.trial_id)
            engines.begin(trial.trial_id, trial.config, checkpoint=checkpoint, rungs=rungs)
        for heard in engines.heard():
            _take(desk, engines, watch, heard)
        desk.store.refresh_tables()
        watch.tick()
        interrupt.check()


def _take(desk: Desk, engines: Engines[str], watch: Watch, heard: Heard[str]) -> None:
    trial_id = heard.job
    if heard.word is None:
        trial = desk.broke(trial_id, heard.died, first=heard.first)
        if trial.state != "RUNNING":  # else it will be tried again
            watch.trial_ended(trial)
        return
    assert heard.word.said is not None, "a job says something"
    decision = desk.hear(trial_id, heard.word.said)
    if decision is not Decision.CONTINUE and not heard.word.over:
        engines.cancel(trial_id)  # a paused trial gives its slot back; the engine will know it as a new one
    if decision is not Decision.CONTINUE or heard.word.over:
        watch.trial_ended(desk.end(trial_id))


@final
class Slots(Hands):
    """The slots of engines, where candidates are trained once more."""

    def __init__(self, engines: Engines[Job]) -> None:
        self._engines = engines
        self._tries: dict[str, int] = {}
        self._kept: dict[str, bytes] = {}  # checkpoints, by the job's name

    @property
    def busy(self) -> int:
        return self._engines.jobs

    @property
    def free(self) -> bool:
        return self._engines.free

    def share(self, waiting: int) -> int:
        del waiting
        return 1  # an engine finds out itself who fits into a step

    def begin(self, jobs: Sequence[tuple[Job, tuple[Any, ...]]]) -> None:
        for job, (config, *_) in jobs:
            self._engines.begin(job, config, weights=True)

    def ended(self) -> list[tuple[Job, dict[str, Any]]]:
        answers = [(heard.job, self._answer(heard)) for heard in self._engines.heard()]
        return [(job, answer) for job, answer in answers if answer is not None]

    def _answer(self, heard: Heard[Job]) -> dict[str, Any] | None:
        if heard.word is None:
            return self._tried_again(heard)
        said = heard.word.said
        assert said is not None, "a job says something"
        if heard.word.over:
            self._kept.pop(heard.job.name, None)  # they are as large as models
        elif said.checkpoint is not None:
            self._kept[heard.job.name] = said.checkpoint
        if said.failed is not None:
            return {"failed": said.failed}
        return {**(said.report or {}), **said.model, "weights": heard.word.weights} if heard.word.over else None

    def _tried_again(self, heard: Heard[Job]) -> dict[str, Any] | None:
        tries = self._tries[heard.job.name] = self._tries.get(heard.job.name, 0) + 1
        if tries > RETRIES:
            return {"failed": f"{heard.died}, {tries} times"}
        self._engines.begin(heard.job, heard.job.config, checkpoint=self._kept.get(heard.job.name), weights=True)
        return None

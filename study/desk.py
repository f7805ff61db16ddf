"""Where trials are handed out and come back; the only place that changes a running study."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from search_spaces.space import Objective
from study.config import StudyConfig
from study.errors import WorkersDie
from study.scheduling.pareto_halving import Decision, HalvingConfig, ParetoHalving
from study.search.search import Search
from study.storage.checkpoints import Checkpoints
from study.storage.state import Model, Trial
from study.storage.store import Store
from trainables.report import EPOCH_REPORT_FIELDS, Said

TRIES = 3  # of a trial whose worker dies, again and again, without having reported in between
MOST_DEATHS = 9  # of workers in a row without a word from any: it is the cluster then, and not the trials


class Desk:
    """Hands out trials, records what becomes of them and decides who goes on.

    Trials that were in flight when the study last stopped come first, under their own numbers. All it knows besides is
    made from the journal: halving hears again, in the same order, what it had heard.
    """

    def __init__(self, store: Store) -> None:
        self.store, self._config = store, store.config
        self._checkpoints = Checkpoints(store.run_dir / "checkpoints")
        self._objectives = store.config.search_space().objectives
        self._halving = _halving(store.config)
        self._search = Search(store.config, store.state.trials.values(), store.state.warm)
        self._catch_up()
        self._again = deque(store.state.in_flight())
        self._out: set[str] = set()
        self._deaths = self._beside = 0
        self.exhausted = False

    @property
    def out(self) -> int:
        """How many trials are with workers."""
        return len(self._out)

    def next(self) -> Trial | None:
        """Returns the next trial to run, or None: for now, or for good where the desk is then `exhausted`."""
        trial = self._waiting() or self._asked()
        if trial is None and not self.store.state.in_flight():
            self._give_up_paused()
            trial = self._asked()  # what has ended now may be worth repeating
            self.exhausted = trial is None
        if trial is not None:
            self._out.add(trial.trial_id)
            self._open_test(trial)
        return trial

    def _open_test(self, trial: Trial) -> None:
        """Records, before a trial begins, that it will be measured on test, if it is one of a grid."""
        if trial.config["evaluation"]["split"] == "test":
            self.store.test_opened(self._config.space, trial.trial_id, trial.config["seed"])

    def checkpoint(self, trial_id: str) -> bytes | None:
        """Returns where a trial goes on, or None where it starts from nothing."""
        return self._checkpoints.load(trial_id)

    def hear(self, trial_id: str, said: Said) -> Decision:
        """Takes what a trial says and tells whether it goes on; what is said is recorded when this returns."""
        trial = self.store.state.trials[trial_id]
        self._deaths = self._beside = 0
        if said.failed is not None:
            self._finish(trial, "FAILED", said.failed)
            return Decision.STOP
        decision = Decision.CONTINUE
        if said.report is not None:
            report = {name: said.report[name] for name in EPOCH_REPORT_FIELDS}
            self.store.reported(trial_id, report, Model(**said.model))
            decision = self._judge(trial)
        # After the journal: a checkpoint that is ahead of it would hide a report.
        if said.checkpoint is not None and decision is not Decision.STOP:
            self._checkpoints.keep(trial_id, trial.epoch, said.checkpoint)
        if decision is Decision.PAUSE:
            self._pause(trial)
        return decision

    def broke(self, trial_id: str, reason: str, *, first: bool = True, beside: int = 0) -> Trial:
        """Takes back a trial whose worker died; it is handed out again, unless that happens too often.

        Args:
            trial_id: of the trial.
            reason: of the death.
            first: whether no other trial was taken back for the same death.
            beside: so many workers may have died of one cause, such as a node that is taken away; twice as many deaths
                in a row are none yet.

        Raises:
            WorkersDie: if workers die whatever they are given; the trials are kept for a resume.
        """
        trial = self.store.state.trials[trial_id]
        self._out.discard(trial_id)
        self._deaths, self._beside = self._deaths + first, max(self._beside, beside)
        if self._deaths >= max(MOST_DEATHS, 2 * self._beside + 1):
            raise WorkersDie(f"{self._deaths} workers died in a row, the last one with: {reason}")
        if trial.state == "RUNNING":
            self.store.broke(trial_id, reason)
            if trial.breaks >= TRIES:
                self._finish(trial, "FAILED", f"it broke off {trial.breaks} times, the last time with {reason}")
            else:
                self._again.append(trial)
        return trial

    def end(self, trial_id: str) -> Trial:
        """Takes back a trial that has nothing more to say, and returns it."""
        trial = self.store.state.trials[trial_id]
        self._out.discard(trial_id)
        if trial.state == "RUNNING":
            self._finish(trial, *_outcome(trial))
        return trial

    # -- handing out -------------------------------------------------------------------------------------------------

    def _waiting(self) -> Trial | None:
        """Returns a trial that has begun and is to go on."""
        if self._again:
            return self._again.popleft()
        for architecture in self._config.architectures:
            trial_id = self._halving.promotable(architecture) if self._halving else None
            if self._halving and trial_id is not None:
                self._halving.promoted(trial_id)
                self.store.promoted(trial_id)
                self._search.tell(self.store.state.trials[trial_id])
                return self.store.state.trials[trial_id]
        return None

    def _asked(self) -> Trial | None:
        trial = self._search.ask()
        if not isinstance(trial, Trial):
            return None
        self.store.asked(trial)
        return self.store.state.trials[trial.trial_id]

    def _give_up_paused(self) -> None:
        """Ends the trials that nobody will promote any more."""
        for trial in [each for each in self.store.state.trials.values() if each.state == "PAUSED"]:
            self._finish(trial, "STOPPED", f"paused after epoch {trial.epoch} and not promoted")

    # -- deciding ----------------------------------------------------------------------------------------------------

    def _judge(self, trial: Trial) -> Decision:
        report = trial.curve[-1]
        if _has_ended(trial):
            self._finish(trial, *_outcome(trial))
            return Decision.STOP
        decision = self._halve(trial, report)
        if decision is Decision.STOP and self._config.halving == "observe":
            self.store.would_stop(trial.trial_id, report["epoch"])
            return Decision.CONTINUE
        if decision is Decision.STOP:
            self._finish(trial, "STOPPED", f"stopped after epoch {report['epoch']}: too many do better there")
        return decision

    def _halve(self, trial: Trial, report: Mapping[str, Any]) -> Decision:
        """Asks halving about one report; baselines stand in its rungs but go on, replicates are not compared."""
        values = _values(report, self._objectives)
        if self._halving is None or values is None or trial.replicate_of is not None:
            return Decision.CONTINUE
        decision = self._halving.decide(trial.trial_id, trial.architecture, report["epoch"], values)
        if trial.label is None:
            return decision
        if decision is Decision.PAUSE:
            self._halving.promoted(trial.trial_id)
        return Decision.CONTINUE

    def _catch_up(self) -> None:
        """Tells halving all that the journal knows, and does what was decided but not yet done."""
        last: dict[str, Decision] = {}
        trials = self.store.state.trials
        for kind, trial_id, epoch in self.store.state.happenings:
            report = next((known for known in trials[trial_id].curve if known["epoch"] == epoch), None)
            if kind == "report" and report is not None:
                last[trial_id] = self._halve(trials[trial_id], report)
            elif kind == "promoted" and self._halving:
                self._halving.promoted(trial_id, epoch)
                last[trial_id] = Decision.CONTINUE
            elif kind == "left" and self._halving:
                self._halving.forget(trial_id)
        for trial in self.store.state.in_flight():
            if trial.curve:
                self._judge_again(trial, last.get(trial.trial_id, Decision.CONTINUE))

    def _judge_again(self, trial: Trial, decision: Decision) -> None:
        """Repeats what a driver that died had decided on a trial's last report."""
        if decision is Decision.PAUSE:
            self._pause(trial)
        elif _has_ended(trial) or (decision is Decision.STOP and self._config.halving != "observe"):
            self._judge(trial)

    def _pause(self, trial: Trial) -> None:
        self.store.paused(trial.trial_id)
        self._search.tell(trial)

    def _finish(self, trial: Trial, state: str, message: str | None) -> None:
        self.store.finished(trial.trial_id, state, message)
        if self._halving and state in ("FAILED", "INFEASIBLE"):
            self._halving.forget(trial.trial_id)
        self._search.tell(trial)
        self._checkpoints.drop(trial.trial_id)


def _halving(config: StudyConfig) -> ParetoHalving | None:
    if config.scheduler == "none" or not config.rungs():
        return None
    rules = HalvingConfig(
        rungs=config.rungs(), factor=config.factor, mode="pause" if config.halving == "pause" else "stop"
    )
    return ParetoHalving(rules, seed=config.seed)


def _values(report: Mapping[str, Any], objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """Returns what a report is ranked by, or None where not all of it was measured."""
    values = [report[objective.name] for objective in objectives]
    if any(value is None for value in values):
        return None
    # A constant prediction cannot be made worse by an attack: it would look robust.
    return tuple(objective.worst for objective in objectives) if report["at_chance"] else tuple(values)


def _has_ended(trial: Trial) -> bool:
    return bool(trial.curve[-1]["infeasible"]) or trial.epoch >= trial.config["epochs"]


def _outcome(trial: Trial) -> tuple[str, str | None]:
    if not trial.curve:
        return "FAILED", "it ended without a report"
    last = trial.curve[-1]
    if last["infeasible"]:
        return "INFEASIBLE", last["infeasible"]
    missing = [name for name in trial.ranked_by if last[name] is None]
    if missing:
        return "FAILED", f"its last report has no {' and no '.join(missing)}"
    if last["epoch"] < trial.config["epochs"]:
        return "FAILED", f"it ended after {last['epoch']} of {trial.config['epochs']} epochs"
    return "COMPLETE", None

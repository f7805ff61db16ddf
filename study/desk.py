"""Where trials are handed out and come back; the only place that changes a running study."""

from collections.abc import Mapping
from typing import Any

from study.search.search import Search
from study.storage.state import OBJECTIVES, Model, Trial
from study.storage.store import Store
from trainables.report import EPOCH_REPORT_FIELDS


class Desk:
    """Hands out trials and records what becomes of them.

    Trials that were in flight when the study last stopped come first, under their own numbers.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._search = Search(store.config, store.state.trials.values(), store.state.warm)
        self._again = store.state.in_flight()

    def next(self) -> Trial | None:
        """Returns the next trial to run, or None when there is none left to hand out."""
        if self._again:
            return self._again.pop(0)
        trial = self._search.ask()
        if not isinstance(trial, Trial):
            return None
        self.store.asked(trial)
        return self.store.state.trials[trial.trial_id]

    def report(self, trial_id: str, said: Mapping[str, Any]) -> None:
        """Takes what a trial says after an epoch: an `EpochReport` with its `Model`."""
        report = {name: said[name] for name in EPOCH_REPORT_FIELDS}
        model = Model(**{name: said[name] for name in Model.__dataclass_fields__})
        self.store.reported(trial_id, report, model)

    def end(self, trial_id: str, failure: str | None) -> Trial:
        """Ends a trial and returns it; a failure is why it broke off, None that it ran to its end."""
        trial = self.store.state.trials[trial_id]
        state, message = _outcome(trial, failure)
        self.store.finished(trial_id, state, message)
        self._search.tell(trial)
        return trial


def _outcome(trial: Trial, failure: str | None) -> tuple[str, str | None]:
    if failure is not None:
        return "FAILED", failure
    if not trial.curve:
        return "FAILED", "it ended without a report"
    last = trial.curve[-1]
    if last["infeasible"]:
        return "INFEASIBLE", last["infeasible"]
    missing = [name for name in OBJECTIVES if last[name] is None]
    if missing:
        return "FAILED", f"its last report has no {' and no '.join(missing)}"
    return "COMPLETE", None

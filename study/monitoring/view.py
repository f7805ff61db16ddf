"""One live picture of a study on a terminal."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from study.cluster import Cluster
from study.config import StudyConfig
from study.monitoring.progress import Count, confirmed_outcome, duration, outcome, trial_count
from study.monitoring.watch import Watch
from study.search.front import validation_front
from study.storage.state import Confirmation, State, Trial

REFRESH_EVERY = 0.25  # seconds
FIXED_LINES = 18  # of the picture beside the fronts, when all is well
PROBLEMS_SHOWN = 3
BAR_WIDTH = 30
FRONT = "best on validation so far: no other trial of the architecture is better in both errors"


@dataclass(frozen=True, slots=True)
class _Running:
    name: str
    trial: Trial | None  # None in the confirmation, whose epochs are not reported
    since: float


@final
class View(Watch):
    """Progress, what runs, what went wrong and the front, kept up to date in place."""

    def __init__(self, config: StudyConfig, console: Console) -> None:
        self._config, self._console = config, console
        self._live = Live(console=console, auto_refresh=False)
        self._counts: dict[str, Count] = {}
        self._running: dict[str, _Running] = {}
        self._problems: list[str] = []
        self._state = State()
        self._where: list[str] = []
        self._drawn = 0.0

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        self._state = state
        self._counts = {name: trial_count(state, name, self._config.trials) for name in self._config.architectures}
        self._problems = [
            f"{trial.trial_id} {outcome(trial)}"
            for trial in state.trials.values()
            if trial.state in ("FAILED", "INFEASIBLE")
        ]
        self._where = [f"results    {run_dir}"]
        if cluster.dashboard:
            self._where.append(f"dashboard  {cluster.dashboard}")
        if cluster.token:
            self._where.append(f"           asks for the token in {cluster.token}")
        self._live.start()
        self._draw()

    def trial_began(self, trial: Trial) -> None:
        name = f"{trial.trial_id} {trial.label}" if trial.label else trial.trial_id
        self._running[trial.trial_id] = _Running(name, trial, time.monotonic())

    def trial_ended(self, trial: Trial) -> None:
        self._running.pop(trial.trial_id, None)
        self._counts[trial.architecture].done += 1
        if trial.objectives is None:
            self._problems.append(f"{trial.trial_id} {outcome(trial)}")

    def confirming(self, jobs: int, done: int) -> None:
        self._counts["confirmation"] = Count(jobs, before=done, done=done)

    def confirmation_began(self, trial: Trial, seed: int) -> None:
        name = f"{trial.trial_id} {trial.label or ''}".strip()
        self._running[f"{trial.trial_id}-{seed}"] = _Running(f"{name}, seed {seed}", None, time.monotonic())

    def confirmation_ended(self, confirmation: Confirmation) -> None:
        self._running.pop(f"{confirmation.trial_id}-{confirmation.seed}", None)
        self._counts["confirmation"].done += 1
        if confirmation.message:
            self._problems.append(f"{confirmation.trial_id} {confirmed_outcome(confirmation)}")

    def tick(self) -> None:
        if time.monotonic() - self._drawn >= REFRESH_EVERY:
            self._draw()

    def ended(self) -> None:
        self._running.clear()
        self._draw()
        self._live.stop()

    def _draw(self) -> None:
        self._drawn = time.monotonic()
        self._live.update(self.picture(), refresh=True)

    def picture(self) -> RenderableType:
        """Returns all there is to see now."""
        parts: list[RenderableType] = [self._title(), *map(Text, self._where), Text(), self._progress()]
        parts += [Text(), *self._now()] if self._running else []
        parts += [Text(), *self._went_wrong()] if self._problems else []
        parts += [Text(), Text(FRONT, style="bold"), self._fronts()]
        if self._running:
            parts += [Text(), Text("Ctrl-C stops; what is done is kept and can be resumed", style="dim")]
        return Group(*parts)

    def _title(self) -> Text:
        config, threat = self._config, self._config.threat_model
        norm = {"linf": "L-inf", "l2": "L2"}[threat.norm]
        return Text.from_markup(
            f"[bold]{escape(config.name)}[/]  {config.space} on {config.data.dataset}, {config.scale} scale, "
            f"{config.data.n_train} training images, {norm} {threat.epsilon:g}"
        )

    def _progress(self) -> Table:
        grid = Table.grid(padding=(0, 2))
        for name, count in self._counts.items():
            remaining = count.remaining()
            eta = "done" if count.done >= count.total else f"{duration(remaining)} left" if remaining else ""
            unit = "models" if name == "confirmation" else "trials"
            bar = ProgressBar(total=max(count.total, 1), completed=count.done, width=BAR_WIDTH)
            grid.add_row(name, bar, f"{count.done} of {count.total} {unit}", eta)
        return grid

    def _now(self) -> list[Text]:
        return [Text(f"running    {self._said(running)}") for running in self._running.values()]

    def _said(self, running: _Running) -> str:
        passed = duration(time.monotonic() - running.since)
        if running.trial is None:
            return f"{running.name}, {passed}"
        epochs = len(running.trial.curve)
        said = f"{epochs} of {self._config.epochs} epochs done" if epochs else "starting"
        return f"{running.name}, {said}, {passed}"

    def _went_wrong(self) -> list[Text]:
        shown = [Text(problem, style="yellow", overflow="ellipsis", no_wrap=True) for problem in self._problems]
        more = len(shown) - PROBLEMS_SHOWN
        earlier = [Text(f"… {more} more above, all of them in the report", style="dim")] if more > 0 else []
        return earlier + shown[-PROBLEMS_SHOWN:]

    def _fronts(self) -> Table:
        """Shows as much of every front as the terminal has room for."""
        room = (self._console.height - FIXED_LINES) // len(self._config.architectures)
        table = Table(box=None, padding=(0, 2, 0, 0))
        for name in ("architecture", "trial"):
            table.add_column(name)
        for name in ("error", "robust error"):
            table.add_column(name, justify="right")
        for architecture in self._config.architectures:
            front = validation_front(self._state.of(architecture))
            shown = front if len(front) <= room else front[: max(2, room - 1)]
            for place, trial in enumerate(shown):
                error, robust = trial.objectives or (float("nan"), float("nan"))
                known = trial.trial_id if trial.label is None else f"{trial.trial_id} {trial.label}"
                table.add_row("" if place else architecture, known, f"{error:.3f}", f"{robust:.3f}")
            if not shown:
                table.add_row(architecture, Text("none yet", style="dim"), "", "")
            elif len(front) > len(shown):
                table.add_row("", Text(f"and {len(front) - len(shown)} more", style="dim"), "", "")
        return table

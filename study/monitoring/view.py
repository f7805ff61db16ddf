"""One live picture of a study on a terminal."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from study.cluster import Cluster
from study.config import StudyConfig
from study.monitoring.fronts import fronts
from study.monitoring.layout import Part, fitted, fixed, one_line
from study.monitoring.progress import (
    WALL_CLOCK,
    Clock,
    Count,
    duration,
    ended_trials,
    grown,
    in_words,
    outcome,
    tallied,
    titled,
    trial_count,
)
from study.monitoring.standing import Standing, standing, work
from study.monitoring.watch import STAGES, Ended, Watch
from study.storage.state import State, Trial

REFRESH_EVERY = 0.25  # seconds, or so many times as long as a picture takes: one of 10,000 trials is some work
PAUSE_PER_PICTURE = 50
PROBLEMS_SHOWN = 4
PROBLEMS = ("FAILED", "INFEASIBLE")
NARROWEST_BAR, WIDEST_BAR = 10, 30
BESIDE_BAR = 48  # columns that the words beside a bar take
WIDE = 110  # columns from which on every architecture says how its trials ended
STOPPING = "Ctrl-C stops; what is done is kept and can be resumed"


@dataclass(frozen=True, slots=True)
class _Running:
    name: str
    trial: Trial | None  # None behind the search, where epochs are not reported
    since: float


@final
class View(Watch):
    """Progress, what runs, what went wrong and the front, kept up to date in place.

    Args:
        config: of the study.
        console: the terminal.
        clock: tells when what is told happens.
        hint: the last line while something runs.
    """

    def __init__(self, config: StudyConfig, console: Console, clock: Clock = WALL_CLOCK, hint: str = STOPPING) -> None:
        self._config, self._console, self._clock, self._hint = config, console, clock, hint
        self._live = Live(console=console, auto_refresh=False)
        self._objectives = config.search_space().objectives
        self._counts: dict[str, Count] = {}
        self._standings: dict[str, Standing] = {}
        self._stale: set[str] = set()
        self._running: dict[str, _Running] = {}
        self._problems: list[str] = []
        self._state = State()
        self._run_dir = Path()
        self._reaching: list[str] = []
        self._notice = ""
        self._drawn = self._cost = 0.0

    def began(self, state: State, cluster: Cluster, run_dir: Path) -> None:
        self._state, now = state, self._clock()
        self._counts = {name: trial_count(state, name, self._config.trials, now) for name in self._config.architectures}
        self._stale = set(self._config.architectures)
        self._problems = [_problem(trial) for trial in state.trials.values() if trial.state in PROBLEMS]
        self._run_dir = run_dir
        dashboard = [f"dashboard  {cluster.dashboard}"] if cluster.dashboard else []
        self._reaching = dashboard + ([f"           asks for the token in {cluster.token}"] if cluster.token else [])
        self._running.clear()  # of an earlier driver
        self._live.start()
        self._draw()

    def trial_began(self, trial: Trial) -> None:
        self._stale.add(trial.architecture)
        self._running[trial.trial_id] = _Running(titled(trial), trial, self._clock())

    def trial_ended(self, trial: Trial) -> None:
        self._running.pop(trial.trial_id, None)
        self._stale.add(trial.architecture)
        if trial.state in PROBLEMS:
            self._problems.append(_problem(trial))

    def stage(self, name: str, jobs: int, done: int) -> None:
        grown(self._counts, name, jobs, done, self._clock())

    def job_began(self, stage: str, trial: Trial, seed: int) -> None:
        said = f"{stage}, {titled(trial)}, seed {seed}"
        self._running[f"{trial.trial_id}-{seed}"] = _Running(said, None, self._clock())

    def job_ended(self, ended: Ended) -> None:
        self._running.pop(f"{ended.trial.trial_id}-{ended.seed}", None)
        self._counts[ended.stage].done += 1
        if ended.failed:
            self._problems.append(f"{ended.trial.trial_id} {ended.said}")

    def notice(self, text: str) -> None:
        self._notice = text

    def tick(self) -> None:
        if time.monotonic() - self._drawn >= max(REFRESH_EVERY, PAUSE_PER_PICTURE * self._cost):
            self._draw()

    def ended(self) -> None:
        self._running.clear()
        if self._live.is_started:
            self._draw()
            self._live.stop()

    def _draw(self) -> None:
        began = time.monotonic()
        self._live.update(self.picture(), refresh=True)
        self._drawn = time.monotonic()
        self._cost = self._drawn - began

    def picture(self) -> RenderableType:
        """Returns all there is to see now, in no more lines than the terminal has."""
        self._renew()
        hint = [one_line(self._hint, style="dim")] if self._running else []
        standings = {name: self._standings[name] for name in self._config.architectures}
        front = [] if self._config.is_grid else [fronts(standings, self._objectives)]
        parts = [
            self._head(),
            self._progress(),
            self._now(),
            self._went_wrong(),
            *front,
            fixed(*hint),
        ]
        return Group(*fitted(parts, self._console.height))

    def _renew(self) -> None:
        """Looks again at the architectures whose trials have changed; there may be many between two pictures."""
        for name in self._stale:
            self._counts[name].done = ended_trials(self._state, name)
            self._counts[name].total = max(self._config.trials, len(self._state.of(name)))  # replicates come on top
            self._standings[name] = standing(self._state.of(name), self._objectives)
        self._stale.clear()

    def _head(self) -> Part:
        config, threat = self._config, self._config.threat_model
        norm = {"linf": "L-inf", "l2": "L2"}[threat.norm]
        title = Text.from_markup(
            f"[bold]{escape(config.name)}[/]  {config.space} on {config.data.dataset}, {config.scale} scale, "
            f"{config.data.n_train} training images, {norm} {threat.epsilon:g}",
            overflow="ellipsis",
        )
        title.no_wrap = True
        needed = [title, *self._broken(f"results    {self._run_dir}"), *self._broken(self._notice)]
        useful = [one_line(line) for line in self._reaching]
        lines = needed + useful
        return Part(least=len(needed), most=len(lines), draw=lambda room: lines[:room])

    def _broken(self, text: str) -> list[Text]:
        """Returns text in lines, all of it: paths and commands are there to be copied."""
        width = self._console.width
        return [Text(part) for line in text.splitlines() for part in wrap(line, width, break_on_hyphens=False)]

    def _progress(self) -> Part:
        width = self._console.width
        grid = Table.grid(padding=(0, 2))
        for place in range(5):
            grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1 if place == 4 else None)
        bar_width = min(max(width - BESIDE_BAR, NARROWEST_BAR), WIDEST_BAR)
        for name, count in self._counts.items():
            remaining = count.remaining(self._clock()) if self._running else None
            eta = "done" if count.done >= count.total else f"{duration(remaining)} left" if remaining else ""
            unit = "models" if name in STAGES else "trials"
            bar = ProgressBar(total=max(count.total, 1), completed=count.done, width=bar_width)
            said = in_words(self._standings[name].tally) if width >= WIDE and name in self._standings else ""
            grid.add_row(name, bar, f"{count.done} of {count.total} {unit}", eta, Text(said, style="dim"))
        totals = self._totals()
        return Part(
            least=len(self._counts) + len(totals), most=len(self._counts) + len(totals), draw=lambda _: [grid, *totals]
        )

    def _totals(self) -> list[Text]:
        ended, done = in_words(tallied(self._state.trials.values())), work(self._state)
        lines = [f"trials     {ended}"] if ended and self._console.width < WIDE else []
        if done.gradient_evaluations:
            speed = (
                f"; {done.rate:,.0f} a second now, {done.examples:,.0f} examples a second"
                if done.rate and self._running
                else ""
            )
            lines.append(f"work       {done.gradient_evaluations:,} gradient evaluations{speed}")
        return [one_line(line) for line in lines]

    def _now(self) -> Part:
        lines = [one_line(f"running    {self._said(running)}") for running in self._running.values()]

        def draw(room: int) -> Sequence[RenderableType]:
            if len(lines) <= room:
                return lines
            return [*lines[: room - 1], one_line(f"           and {len(lines) - room + 1} more", style="dim")]

        return Part(least=min(2, len(lines)), most=len(lines), draw=draw)

    def _said(self, running: _Running) -> str:
        passed = duration(max(self._clock() - running.since, 0.0))
        if running.trial is None:
            return f"{running.name}, {passed}"
        epochs = len(running.trial.curve)
        said = f"{epochs} of {running.trial.config['epochs']} epochs done" if epochs else "starting"
        return f"{running.name}, {said}, {passed}"

    def _went_wrong(self) -> Part:
        problems = [one_line(problem, style="yellow") for problem in self._problems]

        def draw(room: int) -> Sequence[RenderableType]:
            if len(problems) <= room:
                return problems
            earlier = one_line(f"… {len(problems) - room + 1} more above, all of them in the report", style="dim")
            return [earlier, *problems[len(problems) - room + 1 :]]

        return Part(least=min(2, len(problems)), most=min(PROBLEMS_SHOWN, len(problems)), draw=draw)


def _problem(trial: Trial) -> str:
    return f"{trial.trial_id} {outcome(trial)}"

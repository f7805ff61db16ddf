"""What to try next: baselines, then what a sampler proposes, then further seeds of what is near the front.

Nothing of a search is stored: it is rebuilt from the journal. Every question is seeded from the study's seed, the
architecture and the trial's number, so that the answer depends on these and on what has ended, and on nothing that a
stopped process would take with it.
"""

from collections.abc import Iterable
from typing import Any, final

from search_spaces.space import Point
from study.config import StudyConfig
from study.constraints import Constraint
from study.search.history import History, told
from study.search.optuna_space import every_distribution, middles, names, parameters
from study.search.point import to_config
from study.search.replication import WAIT, Replicate, Wait, next_replicate
from study.search.samplers import GENERATION, proposer
from study.seeds import derived
from study.storage.state import Trial


class Search:
    """Asks for trials in turn over architectures, so that all have had equal budgets whenever a study stops.

    Args:
        config: of the study.
        past: trials asked for before; those still RUNNING weigh on the next question, as they would have.
        warm: COMPLETE trials of an earlier study, which the samplers are told of and which count for nothing else.
    """

    def __init__(self, config: StudyConfig, past: Iterable[Trial] = (), warm: Iterable[Trial] = ()) -> None:
        self._config = config
        earlier = list(warm)
        self._courses = {
            name: _Course(config, name, [trial for trial in earlier if trial.architecture == name])
            for name in config.architectures
        }
        for trial in sorted(past, key=lambda trial: trial.number):
            self.tell(trial)

    def ask(self) -> Trial | Wait | None:
        """Returns the next trial, WAIT where it depends on trials that still run, or None when there is none left."""
        asked = {name: len(course.own) for name, course in self._courses.items()}
        open_ones = [name for name in self._courses if asked[name] < self._config.trials]
        if open_ones:
            return self._courses[min(open_ones, key=lambda name: asked[name])].ask()
        due = [(course, course.due()) for course in self._courses.values()]
        for course, replicate in due:
            if isinstance(replicate, Replicate):
                return course.repeat(replicate)
        return WAIT if any(replicate is WAIT for _, replicate in due) else None

    def tell(self, trial: Trial) -> None:
        """Says what has become of a trial; it may be said again.

        One without all objectives counts as failed, never as a good point; one that is PAUSED is still under way.
        """
        self._courses[trial.architecture].tell(trial)


@final
class _Course:
    """One architecture's search."""

    def __init__(self, config: StudyConfig, architecture: str, warm: list[Trial]) -> None:
        self._config, self._architecture, self._space = config, architecture, config.search_space()
        self._constraints = [Constraint.parse(text) for text in config.constraints]
        self._proposer = proposer(config, self._space)
        self._distributions, self._middles = every_distribution(self._space), middles(self._space)
        self._history = History(len(self._space.objectives))
        self.own: dict[int, Trial] = {}
        self._replicates: dict[int, Trial] = {}
        for place, trial in enumerate(sorted(warm, key=lambda trial: trial.number)):
            self._learn(place - len(warm), trial)

    def ask(self) -> Trial:
        number, baselines = len(self.own), self._space.baselines
        if number < len(baselines):
            label, point = baselines[number]
            return self._begun(number, point, parameters(self._space, point), label=label)
        seed = derived(self._config.seed, "search", self._architecture, number)
        point, params = self._proposer.propose(self._history, number, seed)
        return self._begun(number, point, params)

    def due(self) -> Replicate | Wait | None:
        own = [self.own[number] for number in sorted(self.own)]
        return next_replicate(own, list(self._replicates.values()), self._config.replicates)

    def repeat(self, replicate: Replicate) -> Trial:
        number = self._config.trials + len(self._replicates)
        original = replicate.original
        return self._begun(number, original.point, original.params, replicate=replicate)

    def tell(self, trial: Trial) -> None:
        if trial.replicate_of is not None:
            self._replicates[trial.number] = trial
            return
        self.own[trial.number] = trial
        self._history.running.pop(trial.number, None)
        if trial.state in ("RUNNING", "PAUSED"):
            self._history.running[trial.number] = told(*self._rendered(trial), None, {}, {})
        elif trial.objectives is not None:
            self._learn(trial.number, trial)

    def _learn(self, number: int, trial: Trial) -> None:
        values, report = trial.objectives, trial.curve[-1]
        if values is None:
            raise ValueError(f"only a COMPLETE trial has something to teach; {trial.trial_id} is {trial.state}")
        violations = {str(constraint): constraint.violation(report) for constraint in self._constraints}
        self._history.add(number, told(*self._rendered(trial), values, violations, {GENERATION: 0}))

    def _rendered(self, trial: Trial) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns a trial's parameters for the sampler, and what they were chosen from."""
        if self._proposer.whole:
            return self._middles | trial.params, self._distributions
        return trial.params, {name: self._distributions[name] for name in names(self._space, trial.point)}

    def _begun(
        self,
        number: int,
        point: Point,
        params: dict[str, Any],
        *,
        label: str | None = None,
        replicate: Replicate | None = None,
    ) -> Trial:
        base = self._config.base(self._architecture, self._config.trial_seed(self._architecture, number))
        trial = Trial(
            trial_id=replicate.trial_id if replicate else f"{self._architecture}-{number:03d}",
            architecture=self._architecture,
            number=number,
            label=label,
            point=point,
            params=params,
            config=to_config(point, base, self._config.learned).to_dict(),
            replicate_of=replicate.original.trial_id if replicate else None,
            constraints=list(self._config.constraints),
            ranked_by=[objective.name for objective in self._space.objectives],
        )
        self.tell(trial)
        return trial

"""What to try next: one multi-objective Optuna study per architecture, all in memory.

They are rebuilt from the journal, never stored. Before each question the sampler is made anew from the study's seed,
the architecture and the trial's number, so that the answer depends on these and on what has ended, and on
nothing that a stopped process would take with it.
"""

import warnings
from collections.abc import Iterable

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from study.config import StudyConfig, derived
from study.search.optuna_space import distributions, parameters, suggest
from study.search.point import to_config
from study.storage.state import OBJECTIVES, Trial
from trainables.config import Architecture

optuna.logging.set_verbosity(optuna.logging.ERROR)


class Search:
    """Asks for trials in turn over architectures, so that all have had equal budgets whenever a study stops.

    Args:
        config: of the study.
        past: trials asked for before; those still RUNNING weigh on the next question, as they would have.
    """

    def __init__(self, config: StudyConfig, past: Iterable[Trial] = ()) -> None:
        self._config, self._space = config, config.search_space()
        self._studies: dict[Architecture, optuna.Study] = {
            name: optuna.create_study(directions=["minimize"] * len(OBJECTIVES)) for name in config.architectures
        }
        for trial in sorted(past, key=lambda trial: trial.number):
            self._add(trial)
            if trial.state not in ("RUNNING", "PAUSED"):
                self.tell(trial)

    def ask(self) -> Trial | None:
        """Returns the next trial, or None when all have been asked for."""
        asked = {name: len(study.get_trials(deepcopy=False)) for name, study in self._studies.items()}
        open_ones = [name for name in self._studies if asked[name] < self._config.trials]
        if not open_ones:
            return None
        architecture = min(open_ones, key=lambda name: asked[name])
        number = asked[architecture]
        baselines = self._space.baselines
        return self._baseline(architecture, number) if number < len(baselines) else self._suggest(architecture, number)

    def tell(self, trial: Trial) -> None:
        """Says how a trial ended; one without both objectives counts as failed, never as a good point."""
        study = self._studies[_architecture(trial)]
        if trial.objectives is None:
            study.tell(trial.number, state=TrialState.FAIL)
        else:
            study.tell(trial.number, trial.objectives)

    def _baseline(self, architecture: Architecture, number: int) -> Trial:
        label, point = self._space.baselines[number]
        trial = self._trial(architecture, number, label, point, parameters(self._space, point))
        self._add(trial)
        return trial

    def _suggest(self, architecture: Architecture, number: int) -> Trial:
        study = self._studies[architecture]
        study.sampler = self._sampler(architecture, number)
        asked = study.ask()
        point = suggest(self._space, asked)
        return self._trial(architecture, number, None, point, dict(asked.params))

    def _sampler(self, architecture: Architecture, number: int) -> BaseSampler:
        seed = derived(self._config.seed, "search", architecture, number)
        if self._config.sampler == "random":
            return RandomSampler(seed=seed)
        startup = len(self._space.baselines) + max(4, self._config.trials // 4)
        with warnings.catch_warnings():
            # Without `group` parameters that do not exist in every point would be drawn one by one.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return TPESampler(multivariate=True, group=True, n_startup_trials=startup, seed=seed)

    def _trial(
        self,
        architecture: Architecture,
        number: int,
        label: str | None,
        point: dict[str, object],
        params: dict[str, object],
    ) -> Trial:
        base = self._config.base(architecture, self._config.trial_seed(architecture, number))
        return Trial(
            trial_id=f"{architecture}-{number:03d}",
            architecture=architecture,
            number=number,
            label=label,
            point=point,
            params=params,
            config=to_config(point, base).to_dict(),
        )

    def _add(self, trial: Trial) -> None:
        self._studies[_architecture(trial)].add_trial(
            create_trial(
                state=TrialState.RUNNING,
                params=trial.params,
                distributions=distributions(self._space, trial.point),
            )
        )


def _architecture(trial: Trial) -> Architecture:
    name: Architecture = trial.architecture  # type: ignore[assignment] # the journal holds what we wrote
    return name

"""Who proposes points: Optuna's samplers, each asked in the way that suits a space with conditions.

TPE is told of the parameters that a trial has and is asked for one group of them after another. NSGA-II and the
Gaussian process of Optuna look only at parameters that all trials have, which would be four of the trade-off's twenty;
so they are told of all parameters, and what a point does not have stands in the middle of its range or, in NSGA-II,
is passed on to the children.
"""
# ruff: noqa: ARG002 - Optuna calls by these names, and whoever asks a proposer does

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, final

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FixedTrial, FrozenTrial

from search_spaces.space import Point, Space
from study.choices import MOST_GP
from study.config import StudyConfig
from study.search.history import History, study_of
from study.search.optuna_space import every_distribution, groups, names, suggest

NEWEST = 1000  # trials that TPE is told of, beside the best
FEW = 8  # trials that TPE calls good, at least, as far as these are half
POPULATION = 50  # of NSGA-II, at most
TRIES = 10  # for a point that is not there already
ANOTHER = 7919  # between the seeds of two tries
# What NSGAIISampler writes on the trials of a generation. A question's study has one generation, the parents.
GENERATION = "NSGAIISampler:generation"


def good_of_few(complete: int) -> int:
    """Returns how many of the trials TPE calls good: a tenth, as Optuna has it, and of few trials more.

    Where halving leaves few, a tenth is one or two, and the baselines, which share most settings, are the rest: TPE
    then leaves those settings alone, the best among them (`benchmarks/few_trials.py`).
    """
    return max(math.ceil(complete / 10), min(FEW, math.ceil(complete / 2)))


class Proposer(ABC):
    """Proposes points of a space.

    Args:
        space: of the points.
        startup: trials asked for at random before anything is modelled, baselines included.
    """

    whole: bool  # whether the sampler is told of parameters that a point does not have

    def __init__(self, space: Space, startup: int) -> None:
        self.space, self.startup = space, startup
        self._all = every_distribution(space)

    @abstractmethod
    def propose(self, history: History, number: int, seed: int) -> tuple[Point, dict[str, Any]]:
        """Returns the point for the trial with the number, and Optuna's parameters of it.

        The answer depends on the arguments alone.
        """

    def _study(self, known: Iterable[FrozenTrial], sampler: BaseSampler) -> Study:
        return study_of(known, sampler, len(self.space.objectives))

    def _random(self, seed: int) -> tuple[Point, dict[str, Any]]:
        trial = self._study((), RandomSampler(seed=seed)).ask()
        return suggest(self.space, trial), dict(trial.params)

    def _at_random(self, history: History, number: int) -> bool:
        # What was asked counts, not what was completed: halving stops most trials, and must not stop the search.
        earlier = len(history.between(-len(history), 0))
        return number + earlier < self.startup or len(history) == 0


@final
class Random(Proposer):
    """Draws every point from the space."""

    whole = False

    def propose(self, history: History, number: int, seed: int) -> tuple[Point, dict[str, Any]]:
        return self._random(seed)


@final
class Tpe(Proposer):
    """Multivariate TPE on the best and the newest trials.

    Args:
        space: of the points.
        startup: as of every proposer.
        newest: trials that it is told of, beside the best.
        good: says how many of the trials that it is told of it calls good.
    """

    whole = False

    def __init__(
        self, space: Space, startup: int, newest: int = NEWEST, good: Callable[[int], int] = good_of_few
    ) -> None:
        super().__init__(space, startup)
        self._groups, self._newest, self._good = groups(space), newest, good

    def propose(self, history: History, number: int, seed: int) -> tuple[Point, dict[str, Any]]:
        if self._at_random(history, number):
            return self._random(seed)
        sampler = _GroupAfterGroup(self.space, self._groups, seed, self._good)
        trial = self._study(history.recent(self._newest), sampler).ask()
        return suggest(self.space, trial), dict(trial.params)


@final
class _GroupAfterGroup(BaseSampler):
    """Asks TPE for the groups that exist beside what it has answered so far.

    TPE's own `group` would find the groups in the trials, and ask for all of them: half as much time again.
    """

    def __init__(
        self, space: Space, known: list[dict[str, BaseDistribution]], seed: int, good: Callable[[int], int]
    ) -> None:
        self._space, self._groups = space, known
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # Optuna 6 will have no `gamma`
            self._tpe = TPESampler(multivariate=True, n_startup_trials=0, seed=seed, gamma=good)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return {name: distribution for group in self._groups for name, distribution in group.items()}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        params: dict[str, Any] = {}
        for group in self._groups:
            existing = set(names(self._space, params))
            asked = {name: distribution for name, distribution in group.items() if name in existing}
            if asked:
                params |= self._tpe.sample_relative(study, trial, asked)
        return params

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)


@final
class Nsga2(Proposer):
    """NSGA-II whose generations follow from the trials' numbers.

    Trials 0 to P - 1 are generation 0, the next P are generation 1. The parents of a generation are chosen among the
    COMPLETE ones of the generation before and that one's own parents; trials of an earlier study are the parents of
    generation 0.
    """

    whole = True

    def __init__(self, space: Space, startup: int) -> None:
        super().__init__(space, startup)
        self._size = min(startup, POPULATION)
        self._chosen: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = {}
        self._points: dict[int, str] = {}

    def propose(self, history: History, number: int, seed: int) -> tuple[Point, dict[str, Any]]:
        parents = self._parents(history, number // self._size)
        if len(parents) < 2:
            return self._asked(RandomSampler(seed=seed), ())
        known = [history.between(parent, parent + 1)[parent] for parent in parents]
        point, params = self._child(known, seed)
        tried = self._tried(history)
        for again in range(1, TRIES):  # it may be a copy of a parent, or of what has been tried since
            if _rounded(point) not in tried:
                break
            point, params = self._child(known, (seed + again * ANOTHER) % 2**32)
        return point, params

    def _tried(self, history: History) -> set[str]:
        """Returns the points that are known. They are told apart as points: equal weights have many parameters."""
        found = set()
        for number, trial in history.every():
            if number not in self._points:
                self._points[number] = _rounded(suggest(self.space, FixedTrial(trial.params)))
            found.add(self._points[number])
        return found

    def _child(self, parents: Sequence[FrozenTrial], seed: int) -> tuple[Point, dict[str, Any]]:
        return self._asked(NSGAIISampler(population_size=len(parents), seed=seed), parents)

    def _asked(self, sampler: BaseSampler, known: Iterable[FrozenTrial]) -> tuple[Point, dict[str, Any]]:
        params = dict(self._study(known, sampler).ask(fixed_distributions=self._all).params)
        return suggest(self.space, FixedTrial(params)), params

    def _parents(self, history: History, generation: int) -> tuple[int, ...]:
        """Returns the numbers of a generation's parents; choices that still stand are not made again."""
        parents: tuple[int, ...] = ()
        for before in range(-1, generation):
            first = before * self._size if before >= 0 else -len(history)
            pool = (*history.between(first, (before + 1) * self._size), *parents)
            if before not in self._chosen or self._chosen[before][0] != pool:
                self._chosen[before] = pool, self._select(history, pool)
            parents = self._chosen[before][1]
        return parents

    def _select(self, history: History, pool: tuple[int, ...]) -> tuple[int, ...]:
        sampler = NSGAIISampler(population_size=self._size)
        study = self._study([history.between(number, number + 1)[number] for number in pool], sampler)
        return tuple(sorted(pool[trial.number] for trial in sampler.select_parent(study, generation=1)))


@final
class Gp(Proposer):
    """Expected improvement of the hypervolume under Gaussian processes."""

    whole = True

    def propose(self, history: History, number: int, seed: int) -> tuple[Point, dict[str, Any]]:
        if self._at_random(history, number):
            return self._random(seed)
        sampler = GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)
        params = self._study(history.recent(MOST_GP), sampler).ask(fixed_distributions=self._all).params
        point = suggest(self.space, FixedTrial(dict(params)))
        return point, {name: params[name] for name in names(self.space, point)}


PROPOSERS: Mapping[str, type[Proposer]] = {"tpe": Tpe, "nsga2": Nsga2, "gp": Gp, "random": Random}


def proposer(config: StudyConfig, space: Space) -> Proposer:
    """Returns the one that a study wants, for one of its architectures."""
    startup = len(space.baselines) + max(4, config.trials // 4)
    return PROPOSERS[config.sampler](space, startup)


def _rounded(point: Point) -> str:
    """Names a point by its values to nine digits: a logarithm and its inverse change the last of more."""

    def told(value: Any) -> str:
        if isinstance(value, Mapping):
            return repr(sorted((name, told(part)) for name, part in value.items()))
        return f"{value:.9g}" if isinstance(value, float) else str(value)

    return told(point)

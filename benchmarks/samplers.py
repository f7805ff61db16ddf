"""Who asks for the surrogate's next configuration: random, or Optuna in memory, told of stopped trials in some way."""

import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np
import optuna
from optuna.samplers import BaseSampler, NSGAIISampler, TPESampler
from optuna.trial import TrialState, create_trial
from simulation import Errors, Plan
from surrogate import EPOCHS, Configuration, course, sample

optuna.logging.set_verbosity(optuna.logging.ERROR)
Told = Literal["FAIL", "COMPLETE", "PRUNED"]
STARTUP, POPULATION = 20, 20
SPACE = {
    "strength": optuna.distributions.FloatDistribution(0, 1),
    "rate": optuna.distributions.FloatDistribution(-3, -1),
    "decay": optuna.distributions.FloatDistribution(-6, -2),
    "share": optuna.distributions.FloatDistribution(0.1, 1),
    "steps": optuna.distributions.CategoricalDistribution((20, 40)),
}


def plan(configuration: Configuration, number: int, seed: int) -> Plan:
    """Draws how a trial goes: the same for the same configuration under the same number and seed."""
    drawn = course(configuration, np.random.default_rng((seed, number, 1)))
    return Plan(
        number=number,
        measured=drawn.measured,
        epoch_costs=np.full(EPOCHS, configuration.epoch_cost()),
        measurement_costs=drawn.measurement_costs(),
        ends=drawn.ends,
        final=drawn.final,
    )


class RandomAsker:
    """Draws configurations that depend on the seed and the trial's number alone."""

    def __init__(self, seed: int) -> None:
        self._seed, self._asked = seed, 0

    def ask(self) -> Plan:
        number, self._asked = self._asked, self._asked + 1
        return plan(sample(np.random.default_rng((self._seed, number, 0))), number, self._seed)

    def complete(self, number: int, values: Errors) -> None: ...
    def stopped(self, number: int, values: Errors) -> None: ...
    def failed(self, number: int) -> None: ...


class OptunaAsker:
    """Asks Optuna.

    Args:
        make: the sampler, from a seed.
        told: as what a stopped trial is told, COMPLETE and PRUNED with the values of its last measurement.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int, told: Told) -> None:
        self._study = optuna.create_study(directions=["minimize"] * 2, sampler=make(seed))
        self._seed, self._told = seed, told
        self._closed: set[int] = set()

    def ask(self) -> Plan:
        asked = self._study.ask(SPACE)
        return plan(Configuration(**asked.params), asked.number, self._seed)

    def complete(self, number: int, values: Errors) -> None:
        if number not in self._closed:
            self._study.tell(number, values)
            return
        # It had paused, and what has been told cannot be told otherwise.
        params = self._study.get_trials(deepcopy=False)[number].params
        self._study.add_trial(create_trial(params=params, distributions=SPACE, values=values))

    def stopped(self, number: int, values: Errors) -> None:
        if number in self._closed:
            return
        self._closed.add(number)
        if self._told == "COMPLETE":
            self._study.tell(number, values)
        else:
            self._study.tell(number, state=TrialState[self._told])

    def failed(self, number: int) -> None:
        if number not in self._closed:
            self._study.tell(number, state=TrialState.FAIL)


def tpe(seed: int) -> BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return TPESampler(multivariate=True, group=True, n_startup_trials=STARTUP, seed=seed)


def nsga2(seed: int) -> BaseSampler:
    return NSGAIISampler(population_size=POPULATION, seed=seed)


def asker(name: str, seed: int, told: Told = "FAIL") -> RandomAsker | OptunaAsker:
    """Returns what asks, by name: random, tpe or nsga2."""
    if name == "random":
        return RandomAsker(seed)
    return OptunaAsker({"tpe": tpe, "nsga2": nsga2}[name], seed, told)

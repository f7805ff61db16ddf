"""Where a study stands: its fronts and its work so far, as views and metrics tell it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from analysis.pareto import hypervolume
from search_spaces.space import Objective
from study.monitoring.progress import tallied
from study.search.front import validation_front
from study.storage.state import State, Trial
from trainables.config import trial_from_dict


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where an architecture stands on validation, which flatters.

    Attributes:
        tally: trials by state.
        front: trials that no other dominates, by the first objective.
        hypervolume: of the front, up to the objectives' worst values.
        lowest: values of each objective, of all trials that ran to their end; empty without any.
    """

    tally: dict[str, int]
    front: tuple[Trial, ...]
    hypervolume: float
    lowest: tuple[float, ...]


def standing(trials: Iterable[Trial], objectives: Sequence[Objective]) -> Standing:
    """Returns where an architecture with these trials stands."""
    known = list(trials)
    front = validation_front(known)
    points = [trial.objectives for trial in front if trial.objectives is not None]
    return Standing(
        tally=tallied(known),
        front=tuple(front),
        hypervolume=hypervolume(points, [objective.worst for objective in objectives]),
        lowest=tuple(min(values) for values in zip(*points, strict=True)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was computed so far, and how fast it goes at the moment.

    Attributes:
        gradient_evaluations: in all, of search and confirmation.
        rate: gradient evaluations a second, over the running trials that have reported; 0 where there is none.
        examples: that are trained on a second, likewise.
    """

    gradient_evaluations: int
    rate: float
    examples: float


def work(state: State) -> Work:
    """Returns what a study has computed; trials say what they cost after every epoch."""
    running = [(trial.curve[-1], trial) for trial in state.in_flight() if trial.curve and trial.curve[-1]["seconds"]]
    return Work(
        gradient_evaluations=sum(evaluations_by_architecture(state).values()),
        rate=sum(report["gradient_evaluations"] / report["seconds"] for report, _ in running),
        examples=sum(
            _examples(trial) * report["epoch"] / trial.config["epochs"] / report["seconds"] for report, trial in running
        ),
    )


def _examples(trial: Trial) -> int:
    return trial_from_dict(trial.config).examples


def evaluations_by_architecture(state: State) -> dict[str, int]:
    """Returns the gradient evaluations of search and confirmation."""
    spent: dict[str, int] = {}
    for trial in state.trials.values():
        done = trial.curve[-1]["gradient_evaluations"] if trial.curve else 0
        spent[trial.architecture] = spent.get(trial.architecture, 0) + done
    for confirmation in state.confirmations.values():
        architecture = state.trials[confirmation.trial_id].architecture
        spent[architecture] += (confirmation.report or {}).get("gradient_evaluations", 0)
    return spent

"""How much each hyperparameter matters, for each objective and for being near the front: a table for the analysis.

By PED-ANOVA (Watanabe, Bansal and Hutter 2023, arXiv 2304.10255), in its form for parameters that only some trials have
(Optuna 5): how differently the best trials and all trials are spread over a parameter's range. It says what tells the
best part from the rest, and not how large the effect on a value is.
"""

import io
import math
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.samplers import RandomSampler
from optuna.trial import FrozenTrial

from analysis.schema import IMPORTANCE
from study.config import StudyConfig
from study.search.front import best_fronts
from study.search.history import Told, study_of, told
from study.search.optuna_space import every_distribution, names
from study.seeds import derived
from study.storage.atomic import write_bytes
from study.storage.state import State, Trial

PLACE: Final = Path("results") / "importance.parquet"
FEWEST: Final = 20  # trials of an architecture that anything is said of
MOST: Final = 10_000  # the newest of more
BEST: Final = 0.1  # of the trials are told from the rest, but at least so many:
FEWEST_BEST: Final = 5
RESAMPLES: Final = 20
PATIENCE: Final = 60.0  # seconds for the resamples of an architecture; fewer of them make a coarser spread
ENDS: Final = (0.025, 0.975)
FRONT: Final = "front"


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much a parameter matters for an objective.

    Attributes:
        objective: a metric, or "front": for being among the first fronts of non-dominated trials.
        parameter: by Optuna's name; of a simplex every part is one.
        importance: its part of what all parameters amount to together, in [0, 1].
        low: of the middle 95 % over resamples of the trials, drawn with replacement.
        high: likewise.
        n: trials.
    """

    architecture: str
    objective: str
    parameter: str
    importance: float
    low: float
    high: float
    n: int


def write_importance(
    run_dir: Path, config: StudyConfig, state: State, say: Callable[[str], None], resamples: int = RESAMPLES
) -> None:
    """Writes `results/importance.parquet`, which has no rows where there are too few trials to say anything.

    Args:
        run_dir: of the study.
        config: of the study.
        state: what it knows.
        say: is told of networks with too few trials.
        resamples: for the spread.
    """
    found: list[Importance] = []
    for architecture in config.architectures:
        own = importances(config, architecture, state.of(architecture), resamples)
        if not own:
            say(f"{architecture}: too few trials to say which hyperparameters matter; it takes {FEWEST} complete ones")
        found += own
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([asdict(each) for each in found], schema=IMPORTANCE), sink)
    write_bytes(run_dir / PLACE, sink.getvalue())


def importances(
    config: StudyConfig, architecture: str, trials: Iterable[Trial], resamples: int = RESAMPLES
) -> list[Importance]:
    """Returns how much each parameter matters for each objective and for the front; nothing for too few trials.

    It depends on nothing but the trials and the study's seed, unless the resamples run out of time.
    """
    complete = [trial for trial in trials if trial.objectives is not None and trial.replicate_of is None][-MOST:]
    if len(complete) < FEWEST or config.is_grid:
        return []
    space = config.search_space()
    distributions = every_distribution(space)
    known = [
        told(trial.params, {name: distributions[name] for name in names(space, trial.point)}, trial.objectives, {}, {})
        for trial in complete
    ]
    values = np.asarray([trial.objectives for trial in complete], dtype=np.float64)
    resampled = _resampled(known, values, derived(config.seed, "importance", architecture), resamples)
    labels = [*(objective.name for objective in space.objectives), FRONT]
    found = []
    for place, (label, weights) in enumerate(zip(labels, _weighed(known, values), strict=True)):
        for name, weight in weights.items():
            low, high = np.quantile([each[place].get(name, 0.0) for each in resampled], ENDS)
            found.append(
                Importance(
                    architecture=architecture,
                    objective=label,
                    parameter=name,
                    importance=weight,
                    low=float(low),
                    high=float(high),
                    n=len(known),
                )
            )
    return found


def _resampled(
    known: Sequence[Told], values: NDArray[np.float64], seed: int, resamples: int
) -> list[list[dict[str, float]]]:
    """Returns the same of resamples, as many as there is time for."""
    rng, began, found = np.random.default_rng(seed), time.process_time(), []
    for _ in range(resamples):
        rows = rng.integers(len(known), size=len(known))
        found.append(_weighed([known[row] for row in rows], values[rows]))
        if time.process_time() - began > PATIENCE:
            break
    return found


def _weighed(known: Sequence[FrozenTrial], values: NDArray[np.float64]) -> list[dict[str, float]]:
    """Returns the parameters' weights for each objective, and for the front."""
    best = max(BEST, FEWEST_BEST / len(known))
    study = study_of(known, RandomSampler(), values.shape[1])
    near = np.ones(len(known))
    near[best_fronts(values, at_least=math.ceil(best * len(known)))] = 0.0
    evaluator = PedAnovaImportanceEvaluator(target_quantile=best)
    return [_of(study, evaluator, column) for column in (*values.T, near)]


def _of(study: optuna.Study, evaluator: PedAnovaImportanceEvaluator, column: NDArray[np.float64]) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that low values are taken for good ones, as they are here
        return get_param_importances(study, evaluator=evaluator, target=lambda trial: float(column[trial.number]))

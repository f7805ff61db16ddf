"""Strong attacks on what a study has confirmed, on test.

The members of the confirmed front are attacked, or all candidates. A model that the evaluation doubts counts on no
front: others may be members then, and are attacked as well.
"""

from collections.abc import Mapping
from typing import Any, final

from study.confirmation import job_of
from study.monitoring.progress import attacked_outcome
from study.monitoring.watch import ATTACKS, Ended
from study.search.front import already_attacked, attacked_models, how_attacked
from study.stages import Job, Stage
from study.storage.models import is_whole
from study.storage.state import Attacked, Confirmation
from study.storage.store import Store
from trainables.evaluation.ensemble import STRENGTHS
from trainables.tune import attack


@final
class StrongAttacks(Stage):
    """Attacks confirmed models.

    Args:
        store: says what is confirmed, and keeps what comes of it.
        manifolds: the store of learned ones.
    """

    name, verb, purpose = ATTACKS, "attack", "strong attacks"
    work = staticmethod(attack)

    def __init__(self, store: Store, manifolds: str) -> None:
        self._store, self._manifolds, self._config = store, manifolds, store.config
        self._how = how_attacked(self._config)
        self._failed: set[str] = set()  # here; what failed under another driver is tried again

    def jobs(self) -> list[Job]:
        """Returns the models to attack; what is found may make it more."""
        models = attacked_models(self._store.state, self._config)
        return [job_of(self._config, trial, seed) for trial, seed in models]

    def done(self, job: Job) -> bool:
        """Tells whether this very model has been attacked like this."""
        key = job.trial.trial_id, job.seed
        if key not in already_attacked(self._store.state, self._config):
            return False
        return self._store.state.attacked[key].message is None or job.name in self._failed

    def arguments(self, job: Job) -> tuple[Any, ...]:
        others = [self._held(other) for other in self._sources(job)]
        return self._held(job), others, self._how, self._manifolds

    def keep(self, job: Job, answer: Mapping[str, Any]) -> Ended:
        rows: list[dict[str, Any]] = answer.get("ledger", [])
        if "failed" in answer:
            self._failed.add(job.name)
        known = Attacked(
            trial_id=job.trial.trial_id,
            seed=job.seed,
            how=self._how,
            sha256=self._confirmed(job).sha256,
            sources=[other.name for other in self._sources(job)],
            found=answer.get("found"),
            ledger={name: [row[name] for row in rows] for name in (rows[0] if rows else ())},
            message=answer.get("failed"),
        )
        self._store.attacked(known)
        return attacked_outcome(known, job.trial)

    def _sources(self, job: Job) -> list[Job]:
        """Returns whose images are transferred: of every other architecture the most robust model, then of its own.

        They have the same fresh seed, and are on disk as they were confirmed.
        """
        config, best = self._config, dict[str, Confirmation]()
        for known in self._store.state.confirmations.values():
            trial = self._store.state.trials[known.trial_id]
            other = known.seed == job.seed and known.trial_id != job.trial.trial_id
            if other and known.message is None and self._whole(job_of(config, trial, known.seed)):
                so_far = best.get(trial.architecture)
                if so_far is None or _robust_error(known) < _robust_error(so_far):
                    best[trial.architecture] = known
        own = job.trial.architecture
        ordered = sorted(best, key=lambda name: (name == own, _robust_error(best[name])))
        found = [job_of(config, self._store.state.trials[best[name].trial_id], job.seed) for name in ordered]
        return found[: STRENGTHS[config.strong.strength].sources]

    def _confirmed(self, job: Job) -> Confirmation:
        return self._store.state.confirmations[job.trial.trial_id, job.seed]

    def _whole(self, job: Job) -> bool:
        recorded = self._confirmed(job).sha256
        return recorded is not None and is_whole(self._store.weights(job.name), recorded)

    def _held(self, job: Job) -> tuple[Mapping[str, Any], bytes]:
        """Returns a model's config and its weights.

        Raises:
            OSError: if they are not there as they were confirmed.
        """
        path = self._store.weights(job.name)
        if not self._whole(job):
            raise OSError(
                f"a model that is attacked lies at {path} as it was confirmed; it does not; restore it, or resume the "
                "study, which trains it anew if it is damaged"
            )
        return job.config, path.read_bytes()


def _robust_error(known: Confirmation) -> float:
    report = known.report or {}
    return float(report["robust_error"])

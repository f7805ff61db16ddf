"""The search and what follows it, on the backend that a study has."""

from dataclasses import replace
from typing import Any

import ray

from study.cluster import Cluster, Room
from study.confirmation import Confirmation
from study.desk import Desk
from study.engines import Engines
from study.execution import run_search
from study.fused import Slots, run_fused_search
from study.interrupt import Interrupt
from study.monitoring.watch import Watch
from study.opening import resources
from study.options import Request
from study.resources import Resources
from study.stages import Hands, Tasks, run_stage
from study.storage.store import Store
from study.strong import StrongAttacks
from trainables.evaluation.questions import TOGETHER
from trainables.tune import trainable


class Running:
    """Does what a study has left to do, in turn.

    Args:
        store: of the study.
        request: says how.
        cluster: that it runs on.
        watch: is told what happens.
        interrupt: stops it between two looks.

    Raises:
        Refused: if this machine has no room for a trial.
    """

    def __init__(self, store: Store, request: Request, cluster: Cluster, watch: Watch, interrupt: Interrupt) -> None:
        self._store, self._request, self._cluster = store, request, cluster
        self._watch, self._interrupt = watch, interrupt
        self._needs, self._room = resources(store, request, cluster)
        self._confirms = request.confirm and not request.config.is_grid

    def search_and_confirm(self) -> None:
        """Trains; leaves out what is done already.

        Raises:
            KeyboardInterrupt: if it was stopped; what has ended by then is recorded.
        """
        desk, confirmation = Desk(self._store), Confirmation(self._store, self._request.manifolds)
        if self._fuses:
            with self._engines() as engines:
                run_fused_search(desk, engines, self._watch, self._interrupt)
                if self._confirms:
                    self._stage(confirmation, Slots(engines))
            return
        if (config := self._request.config).slots:
            why = config.cannot_fuse or "there is no GPU; choose --backend fused to share steps without one"
            self._note(f"every trial trains on its own, whatever --slots says: {why}")
        where: dict[str, Any] = {"needs": self._needs, "room": self._room, "manifolds": self._request.manifolds}
        run_search(desk, trainable, self._watch, self._interrupt, **where)
        if self._confirms:
            self._stage(confirmation, Tasks(confirmation, self._needs, self._room))

    def attack(self) -> None:
        """Attacks confirmed models strongly, where that is asked for; raises as `search_and_confirm` does."""
        if self._confirms and self._store.config.strong:
            strong, needs, room = StrongAttacks(self._store, self._request.manifolds), self._needs, self._room
            if self._takes_gpus:
                needs = {name: replace(each, gpus=1) for name, each in needs.items()}
                room = Room(self._cluster, needs.values())
            together = TOGETHER if any(each.gpus for each in needs.values()) else 1
            self._stage(strong, Tasks(strong, needs, room, together=together))

    def _stage(self, stage: Confirmation | StrongAttacks, hands: Hands) -> None:
        run_stage(stage, hands, self._store, self._watch, self._interrupt)

    def _note(self, text: str) -> None:
        self._store.note(text)
        self._watch.notice(text)

    @property
    def _fuses(self) -> bool:
        config = self._request.config
        return config.backend == "fused" or (config.backend == "auto" and not config.cannot_fuse and _gpus())

    @property
    def _takes_gpus(self) -> bool:
        """Tells whether what can compute on a GPU has one: where there are any, and nothing else was asked for."""
        return _gpus() and self._request.per_trial.gpus is None

    def _engines(self) -> Engines[Any]:
        request = self._request
        least = Resources(cpus=max(each.cpus for each in self._needs.values()))
        memory = max(each.memory_bytes for each in self._needs.values())
        needs = replace(request.per_trial.of(least), memory_bytes=memory)
        if self._takes_gpus:
            needs = replace(needs, gpus=1)
        return Engines(
            needs,
            Room(self._cluster, [needs]),
            most=request.concurrency or float("inf"),
            manifolds=request.manifolds,
            slots=request.config.slots,
            note=self._note,
        )


def _gpus() -> bool:
    return bool(ray.cluster_resources().get("GPU"))  # type: ignore[no-untyped-call] # Ray has none here

"""Which jobs begin together, and that each is kept on its own."""

from unittest.mock import create_autospec

import pytest

from study.interrupt import Interrupt
from study.monitoring.watch import Watch
from study.resources import Resources
from study.stages import Hands, Tasks, run_stage
from study.strong import StrongAttacks
from tests.study.test_strong import answer, confirmed, left


@pytest.fixture
def store(tmp_path):
    with confirmed(tmp_path) as store:
        yield store


class Pairs(Hands):
    """Does two jobs at a time, and remembers them."""

    def __init__(self):
        self.begun, self._over = [], []

    @property
    def busy(self):
        return len(self._over)

    @property
    def free(self):
        return not self._over

    def share(self, waiting):
        return 2

    def begin(self, jobs):
        self.begun.append([job.name for job, _ in jobs])
        self._over = [(job, answer()) for job, _ in jobs]

    def ended(self):
        over, self._over = self._over, []
        return over


def test_models_of_one_architecture_are_attacked_together_and_who_is_damaged_alone_is_left_out(store):
    stage, hands, watch = StrongAttacks(store, "manifolds"), Pairs(), create_autospec(Watch)
    seed = store.config.fresh_seeds()[0]
    store.weights(f"mlp-001-{seed}").write_bytes(b"other")

    run_stage(stage, hands, store, watch, Interrupt())

    front = [["conv-000", "conv-001"], ["mlp-000"], ["mlp-002"]]
    assert hands.begun == [[f"{name}-{seed}" for name in pair] for pair in front]
    assert left(stage) == []
    messages = {trial_id: known.message for (trial_id, _), known in store.state.attacked.items()}
    assert "as it was confirmed" in messages.pop("mlp-001")
    assert set(messages.values()) == {None}
    assert watch.job_began.call_count == watch.job_ended.call_count == 5


@pytest.mark.parametrize(
    ("room", "together", "waiting", "share"), [(1, 8, 20, 8), (1, 8, 5, 5), (4, 8, 20, 5), (4, 8, 3, 1), (4, 1, 20, 1)]
)
def test_no_task_has_several_jobs_where_another_would_have_none(store, room, together, waiting, share):
    stage = StrongAttacks(store, "manifolds")

    tasks = Tasks(stage, {"mlp": Resources()}, lambda: room, together=together)

    assert tasks.share(waiting) == share

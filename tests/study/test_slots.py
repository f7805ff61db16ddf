"""What becomes of a candidate's checkpoints while it is retrained in an engine."""

from types import SimpleNamespace

from study.engines import Heard
from study.fused import Slots
from study.fused_trials import Word
from trainables.report import Said


class Listed:
    """Engines that say what a test wants, and remember what they were given."""

    def __init__(self):
        self.begun, self.says = [], []

    def begin(self, job, config, **how):
        self.begun.append((job.name, how["checkpoint"]))

    def heard(self):
        return iter([self.says.pop(0)])


def test_a_candidate_goes_on_from_its_last_checkpoint_and_nothing_is_kept_of_one_that_is_over():
    engines, job = Listed(), SimpleNamespace(name="conv-000-7", config={})
    slots = Slots(engines)
    engines.says = [
        Heard(job, Word(0, Said(checkpoint=b"first"))),
        Heard(job, Word(0, Said(checkpoint=b"second"))),
        Heard(job, died="its engine died"),
        Heard(job, Word(1, Said(report={"error": 0.1}), over=True)),
        Heard(job, died="its engine died"),
    ]

    answers = [slots.ended() for _ in range(5)]

    assert [len(each) for each in answers] == [0, 0, 0, 1, 0]
    assert engines.begun == [("conv-000-7", b"second"), ("conv-000-7", None)]

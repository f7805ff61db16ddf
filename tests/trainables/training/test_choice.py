"""The epoch that a model is of, against the epochs of a trial that trains alike and leaves its last."""

from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from trainables.config import Checkpoint, DataConfig, EvaluationConfig, OptimiserConfig, RoleConfig, TrialConfig
from trainables.evaluation.asked import Subject
from trainables.evaluation.tally import Tally
from trainables.optimisers import begin
from trainables.pipeline import prepare
from trainables.report import EpochReport, Pick
from trainables.training.choice import Choice
from trainables.training.step import State

EPOCHS = 6
ALL = tuple(range(1, EPOCHS))
UNSTEADY = TrialConfig(  # its rate is too high
    width=0.125,
    data=DataConfig(variant="easy", n_train=200, n_validation=60, n_test=40),
    epochs=EPOCHS,
    batch_size=50,
    fused_steps=5,
    roles=(RoleConfig(threat="pixel", share=0.5, steps=2, step_size=0.5, radius=0.1, attack="pgd"),),
    optimiser=OptimiserConfig(learning_rate=0.15),
    evaluation=EvaluationConfig(n_attacked=40, steps=2, radii=(0.1, 0.2), paper_attempts=0, at_epochs=ALL),
)
ON_TEST = replace(UNSTEADY.evaluation, split="test", only_last=True, at_epochs=())
METRIC: dict[Checkpoint, str] = {"best-clean": "error", "best-robust": "robust_error"}
BEST: list[Checkpoint] = ["best-clean", "best-robust"]
SEEDS = 20


class Kept(NamedTuple):
    """What is known of a trial that leaves its last epoch: its reports, and its weights after each."""

    config: TrialConfig
    reports: list[EpochReport]
    weights: list[dict[str, Tensor]]

    def best(self, kind: Checkpoint) -> int:
        """Returns the epoch that is to be chosen."""
        values = [getattr(report, METRIC[kind]) for report in self.reports]
        return values.index(min(value for value in values if value is not None)) + 1


@pytest.fixture(scope="module")
def kept() -> Kept:
    """A trial whose last, best clean and best robust epochs are three; which seed has them depends on rounding."""
    for seed in range(SEEDS):
        config = replace(UNSTEADY, seed=seed)
        run = prepare(config)
        pairs = [(report, run.weights()) for report in run.reports()]
        found = Kept(config, [report for report, _ in pairs], [weights for _, weights in pairs])
        if found.reports[-1].infeasible is None and len({*map(found.best, BEST), EPOCHS}) == 3:
            return found
    raise AssertionError(f"none of {SEEDS} seeds has one")


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_trial_tells_its_best_epochs_whichever_it_leaves(kept: Kept) -> None:
    of = {kind: kept.reports[kept.best(kind) - 1] for kind in BEST} | {"last": kept.reports[-1]}
    expected = {k: Pick(epoch=r.epoch, error=r.error or 0.0, robust_error=r.robust_error) for k, r in of.items()}

    assert kept.reports[-1].picks == expected
    assert kept.reports[-1].of_epoch == EPOCHS
    assert not any(report.picks or report.of_epoch for report in kept.reports[:-1])


@pytest.mark.parametrize("kind", BEST)
def test_what_a_trial_leaves_and_is_measured_by_is_the_chosen_epochs(kept: Kept, kind: Checkpoint) -> None:
    best = kept.reports[kept.best(kind) - 1]
    run = prepare(replace(kept.config, checkpoint=kind))

    *others, last = run.reports()

    assert last.of_epoch == best.epoch
    assert last.picks == kept.reports[-1].picks
    assert same(run.weights(), kept.weights[best.epoch - 1])
    assert (last.error, last.robust_error) == (best.error, best.robust_error)
    assert [report.error for report in others] == [report.error for report in kept.reports[:-1]]


@pytest.mark.parametrize("kind", BEST)
def test_a_confirmation_chooses_on_validation_and_measures_that_epoch_on_test(kept: Kept, kind: Checkpoint) -> None:
    run = prepare(replace(kept.config, checkpoint=kind, evaluation=ON_TEST))

    (last,) = run.reports()

    assert last.of_epoch == kept.best(kind)
    assert same(run.weights(), kept.weights[kept.best(kind) - 1])
    test = run.training.splits.test
    folded = run.training.classifier.fold(run.weights(), run.weights())
    assert last.error == Subject(classifier=run.training.classifier, folded=folded, split=test, tally=Tally()).error()
    assert last.picks[kind].error == kept.reports[kept.best(kind) - 1].error


def test_a_confirmation_of_the_last_epoch_looks_at_validation_for_nothing(kept: Kept) -> None:
    (last,) = prepare(replace(kept.config, evaluation=ON_TEST)).reports()

    assert (last.of_epoch, last.picks) == (EPOCHS, {})


@pytest.mark.parametrize(
    ("kind", "step", "evaluation"),
    [("last", 21, UNSTEADY.evaluation), ("best-robust", 21, UNSTEADY.evaluation), ("best-clean", 13, ON_TEST)],
)
def test_a_choice_survives_a_checkpoint(kept: Kept, kind: Checkpoint, step: int, evaluation: EvaluationConfig) -> None:
    config = replace(kept.config, checkpoint=kind, evaluation=evaluation)
    run, packed = prepare(config), list[bytes]()
    *_, expected = run.reports(lambda: packed.append(run.checkpoint()))
    again = prepare(config)
    again.go_on(packed[step])

    *_, last = again.reports()

    assert replace(last, seconds=0.0) == replace(expected, seconds=0.0)
    assert same(again.weights(), run.weights())


def test_of_equal_epochs_the_earliest_is_chosen() -> None:
    choice = Choice(kind="best-robust")
    for epoch, robust in enumerate([None, 0.5, 0.4, None, 0.4, 0.6], start=1):
        marked = {"weight": torch.tensor(float(epoch))}
        choice.note(Pick(epoch=epoch, error=0.3, robust_error=robust), State(marked, {}, begin(marked)))

    assert {kind: pick.epoch for kind, pick in choice.picks.items()} == {"last": 6, "best-clean": 1, "best-robust": 3}
    assert choice.params == {"weight": torch.tensor(3.0)}


def test_a_usual_checkpoint_leaves_a_config_as_it_was() -> None:
    assert "checkpoint" not in UNSTEADY.to_dict()
    for kind in ("last", *BEST):
        config = replace(UNSTEADY, checkpoint=kind)
        assert TrialConfig.from_dict(config.to_dict()) == config
        assert config.signature() == UNSTEADY.signature()


def test_what_chooses_by_robust_error_needs_enough_validation_to_attack() -> None:
    few = replace(UNSTEADY.data, n_validation=30)
    with pytest.raises(ValueError, match="some of the 30"):
        replace(UNSTEADY, checkpoint="best-robust", data=few, evaluation=ON_TEST)
    assert replace(UNSTEADY, checkpoint="best-clean", data=few, evaluation=ON_TEST)

"""What an engine promises beside parity: nobody sees his neighbours, and everybody may leave."""

import gc
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import pytest
import torch

from tests.trainables.engine.alike import assert_same, params, precise, reports_of, trial
from trainables.allocation import ran_out
from trainables.config import (
    ARCHITECTURES,
    Architecture,
    Checkpoint,
    LearnedConfig,
    ManifoldTrialConfig,
    TrialConfig,
    VaeGanConfig,
)
from trainables.data.split import Split
from trainables.differentiation import Tensors
from trainables.engine import Engine, News
from trainables.engine.cohort import After, Cohort, guarded
from trainables.engine.sizing import REPEATS, measured
from trainables.engine.turns import Turns
from trainables.evaluation.asked import Asked
from trainables.evaluation.measure import UnderAttack, all_under_attack
from trainables.evaluation.questions import most_on
from trainables.pipeline import ClassifierRun, prepare
from trainables.report import EpochReport
from trainables.runs import Clock
from trainables.training.choice import Choice
from trainables.training.loop import advance, draw, ending, ready
from trainables.training.step import Step


def exploding(run: ClassifierRun) -> ClassifierRun:
    """A trial whose weights are finite, and nothing that is computed with them."""
    weights = params(run)["logits.weight"]
    weights.fill_(torch.finfo(weights.dtype).max)
    return run


def weights_after(config: TrialConfig, before: list[ClassifierRun], after: list[ClassifierRun]) -> Tensors:
    """Trains a trial in one of three slots beside others."""
    engine, run = Engine("", slots=3), prepare(config)
    for each in [*before, run, *after]:
        engine.admit(each)
    for _ in engine.run():
        pass
    return params(run)


@pytest.mark.parametrize(
    "architecture", [name if name == "mlp" else pytest.param(name, marks=pytest.mark.slow) for name in ARCHITECTURES]
)
def test_a_model_is_the_same_to_the_last_bit_whoever_is_beside_it(architecture: Architecture) -> None:
    """One neighbour goes before it ends, another explodes, and a third comes in its place."""
    one, others = trial(0, architecture, epochs=2), [prepare(trial(k, architecture, epochs=1)) for k in (1, 2, 3)]
    lonely = weights_after(one, [], [])
    crowded = weights_after(one, others[:1], [exploding(others[1]), others[2]])

    assert all(torch.equal(values, crowded[name]) for name, values in lonely.items())


def test_who_becomes_infinite_ends_with_its_reason_and_alone() -> None:
    fused, alone = (precise(trial(1, "mlp", "sgd", epochs=2)) for _ in range(2))
    engine, lost = Engine("", slots=2), exploding(precise(trial(0, "mlp", "sgd", epochs=40)))

    explosion, reports = reports_of(engine, [engine.admit(lost), engine.admit(fused)])

    assert [report.infeasible for report in explosion] == ["the training loss is nan"]
    assert_same(reports, list(alone.reports()))


def test_a_trial_goes_on_from_a_checkpoint_in_the_engine_and_out_of_it_again() -> None:
    config = trial(0, "mlp", "sgd")
    whole, begun = precise(config), precise(config)
    steps = 0

    def stop_after_one() -> None:
        nonlocal steps
        steps += 1
        if steps == 1:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        next(begun.reports(stop_after_one))
    inside, outside, engine = precise(config), precise(config), Engine("", slots=2)
    inside.go_on(begun.checkpoint())
    handle = engine.admit(inside)
    news = [news for _ in range(2) for news in engine.advance()]  # the first epoch's last step, the second's first

    outside.go_on(engine.checkpoint(handle))

    expected = list(whole.reports())
    assert_same(_reports(news) + list(outside.reports()), expected)
    assert_same(_reports(news) + reports_of(engine, [handle])[0], expected)


@pytest.mark.slow
def test_a_rungs_report_comes_with_the_checkpoint_of_that_moment() -> None:
    config = trial(0, "mlp", "sgd")
    whole, run, again, engine = precise(config), precise(config), precise(config), Engine("", slots=1)
    engine.admit(run, rungs=(2,))

    told = [news for news in engine.run() if news.said]
    checkpoints = [news.said.checkpoint for news in told]
    assert [each is not None for each in checkpoints] == [False, True, False]
    again.go_on(checkpoints[1])

    assert_same(list(again.reports()), list(whole.reports())[2:])


@pytest.mark.parametrize("checkpoint", ["best-clean", "best-robust"])
def test_what_a_trial_leaves_are_the_weights_that_its_config_chooses(checkpoint: Checkpoint) -> None:
    config = trial(1, "mlp", "sgd", epochs=4)
    config = replace(config, checkpoint=checkpoint, evaluation=replace(config.evaluation, at_epochs=(1, 2, 3)))
    alone, last = precise(config), precise(replace(config, checkpoint="last"))
    for run in (alone, last):
        list(run.reports())
    chosen = alone.weights()
    assert any(not torch.equal(values, last.weights()[name]) for name, values in chosen.items())  # else it says nothing

    engine, run = Engine("", slots=2), precise(config)
    engine.admit(run, weights=True)
    *_, word = engine.run()

    for found in (word.weights, run.weights()):
        assert found.keys() == chosen.keys()
        for name, values in found.items():
            torch.testing.assert_close(values, chosen[name], rtol=1e-6, atol=1e-9)


def test_a_trial_that_is_silent_until_its_end_leaves_checkpoints_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    config = trial(0, "mlp", "sgd")
    config = replace(config, evaluation=replace(config.evaluation, only_last=True, at_epochs=()))
    monkeypatch.setattr(Clock, "__call__", lambda _: True)
    engine, again = Engine("", slots=1), precise(config)
    engine.admit(precise(config))

    *silent, last = [news.said for news in engine.run() if news.said]

    assert [said.report for said in silent] == [None, None]
    again.go_on(silent[-1].checkpoint)
    assert_same([EpochReport(**last.report)], list(again.reports()))


def watched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the models of every call that attacks some, as calls are made."""
    asked: list[int] = []
    monkeypatch.setattr(
        "trainables.training.questions.all_under_attack",
        lambda subject, *how: asked.append(subject.models) or all_under_attack(subject, *how),
    )
    return asked


def attacked_at_once(k: int) -> TrialConfig:
    """A trial whose model is attacked after its first epoch already."""
    config = trial(k, "mlp", epochs=2)
    return replace(config, evaluation=replace(config.evaluation, at_epochs=(1,)))


def test_trials_that_end_together_are_measured_and_heard_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, engine = watched(monkeypatch), Engine("", slots=3)
    handles = [engine.submit(attacked_at_once(0)) for _ in range(3)]

    looks = [engine.advance() for _ in range(4)]  # two steps, errors, attacks

    assert [[news.handle for news in look] for look in looks] == [[], [], [], handles]
    assert asked == [3]


def test_on_a_processor_models_are_measured_and_heard_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.engine.asking.most_on", most_on)
    asked, engine = watched(monkeypatch), Engine("", slots=3)
    handles = [engine.submit(attacked_at_once(0)) for _ in range(3)]

    looks = [engine.advance() for _ in range(8)]  # two steps, and errors and attacks of each

    assert [[news.handle for news in look] for look in looks if look] == [[handle] for handle in handles]
    assert asked == [1, 1, 1]


def test_no_more_are_measured_together_than_a_call_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trainables.engine.asking.most_on", lambda _: 2)
    asked, engine = watched(monkeypatch), Engine("", slots=5)
    handles = [engine.submit(attacked_at_once(0)) for _ in range(5)]

    reports_of(engine, handles)

    assert asked[:3] == [2, 2, 1]


def test_who_ends_first_waits_until_as_many_have_ended_as_go_on() -> None:
    """Epochs of two steps and of three: after the second step two of four wait, which is enough."""
    engine = Engine("", slots=4)
    two, three = ([attacked_at_once(k) for k in some] for some in ((0, 2), (1, 3)))
    for config in [*two, *three]:
        engine.submit(config)
    seen = [[news.handle for news in engine.advance()] for _ in range(7)]
    assert seen == [[], [], [], [0, 1], [], [], [2, 3]]

    for handle in range(4):
        engine.cancel(handle)
    for config in [two[0], *three]:  # one of three is not enough: it waits for the third step of the others
        engine.submit(config)
    seen = [[news.handle for news in engine.advance()] for _ in range(7)]
    assert seen == [[], [], [], [], [4], [], [5, 6]]


@pytest.mark.parametrize("how", ["checkpoint", "cancel"])
def test_who_waits_to_be_measured_may_be_checkpointed_or_cancelled(how: str) -> None:
    configs = [trial(k, "mlp", "sgd") for k in (0, 1, 3)]
    alone, runs, engine = precise(configs[0]), [precise(config) for config in configs], Engine("", slots=3)
    first, *others = (engine.admit(run) for run in runs)
    assert [engine.advance() for _ in range(2)] == [[], []]  # of three one has ended
    packed = engine.checkpoint(first)

    if how == "cancel":
        assert engine.cancel(first)
        assert [len(reports) for reports in reports_of(engine, others)] == [3, 3]
    again = precise(configs[0])
    again.go_on(packed)

    expected = list(alone.reports())
    assert_same(list(again.reports()), expected)
    if how == "checkpoint":
        assert_same(reports_of(engine, [first, *others])[0], expected)


def test_who_cannot_be_measured_fails_alone_of_those_that_are_asked_together(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, runs = Engine("", slots=3), [prepare(trial(0, "mlp", epochs=1)) for _ in range(3)]
    first, second, third = (engine.admit(run) for run in runs)

    def errors(asked: Asked) -> list[float]:
        found = honest(asked)
        if asked.models > 1 or asked.classifier is runs[1].training.classifier:
            raise OSError("the disk is gone")
        return found

    honest = Asked.errors
    monkeypatch.setattr(Asked, "errors", errors)
    last = {news.handle: news.said for news in engine.run()}

    assert last[second].failed == "OSError: the disk is gone"
    (alone,) = prepare(trial(0, "mlp", epochs=1)).reports()
    for handle in (first, third):  # what was counted before the failure is forgotten
        assert last[handle].report["forward_passes"] == alone.forward_passes


def test_who_asks_about_other_manifolds_is_measured_on_these(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second trial's last epoch is the first one's rung: only one of them is attacked on manifolds, too."""
    monkeypatch.setattr("trainables.training.measuring._infeasible", lambda *_: None)
    configs = [trial(0, "mlp", "sgd", epochs=epochs) for epochs in (3, 2)]
    for ours in (configs, configs[::-1]):
        engine = Engine("", slots=2)
        reports = reports_of(engine, [engine.admit(precise(config)) for config in ours])

        for config, own in zip(ours, reports, strict=True):
            assert_same(own, list(precise(config).reports()))


def test_memory_that_ends_for_one_after_the_answers_loses_no_others_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two trials end their last epoch together: the first one has reported it when the second one has no room."""
    ends = 0

    def short_of_memory(choice: Choice, epoch: int) -> dict[str, object]:
        nonlocal ends
        ends += 1
        return _out_of_memory() if ends == 2 else honest(choice, epoch)

    honest = Choice.told
    monkeypatch.setattr(Choice, "told", short_of_memory)
    engine = Engine("", slots=2)
    handles = [engine.admit(precise(trial(k, "mlp", "sgd", epochs=2))) for k in (0, 2)]
    told: dict[int | None, list[News]] = {handle: [] for handle in (None, *handles)}
    for news in engine.run():
        told[news.handle].append(news)

    assert [each.note for each in told[None]] == ["trials like 1: 1 in a step from here on, since memory ended with 2"]
    monkeypatch.undo()
    for k, handle in zip((0, 2), handles, strict=True):
        assert_same(_reports(told[handle]), list(precise(trial(k, "mlp", "sgd", epochs=2)).reports()))


@pytest.mark.parametrize("checkpoint", ["best-clean", "best-robust"])
def test_until_the_last_answer_no_epoch_is_chosen(checkpoint: Checkpoint) -> None:
    """The last epoch of such a trial asks more after it has been compared with the others."""
    config = trial(0, "mlp", "sgd", epochs=1)
    run = precise(replace(config, checkpoint=checkpoint, evaluation=replace(config.evaluation, at_epochs=(1,))))
    step, examples = ready(run.training)
    for _ in range(2):
        advance(run.training, step, examples)
    before, questions = run.checkpoint(), ending(run.training, lambda: 0.0)

    answers = [questions.send(None).answer()]
    answers.append(questions.send(answers[0]).answer())
    questions.send(answers[1])

    assert run.checkpoint() == before
    assert run.training.choice.picks == {}


def test_an_engine_that_is_done_keeps_nobodys_data() -> None:
    engine = Engine("", slots=2)
    reports_of(engine, [engine.submit(trial(k, "mlp", epochs=1)) for k in range(2)])
    gc.collect()

    assert len(engine._residents) == 0


def _reports(news: list[News]) -> list[EpochReport]:
    return [EpochReport(**each.said.report) for each in news]


def test_who_is_cancelled_makes_room_for_the_next() -> None:
    engine = Engine("", slots=1)
    first, second = (engine.submit(trial(k, "mlp")) for k in range(2))
    engine.advance()

    assert engine.cancel(first)
    assert not engine.cancel(first)
    with pytest.raises(ValueError, match="runs or waits; got 0"):
        engine.checkpoint(first)
    assert [report.epoch for report in reports_of(engine, [second])[0]] == [1, 2, 3]


def test_who_waits_may_be_cancelled_and_checkpointed_too() -> None:
    engine = Engine("", slots=1)
    _, second, third = (engine.submit(trial(k, "mlp", epochs=1)) for k in range(3))
    engine.advance()

    prepare(trial(1, "mlp", epochs=1)).go_on(engine.checkpoint(second))
    assert engine.cancel(second)
    assert {news.handle for news in engine.run()} == {0, third}


class Unreadable(Split):
    labels = torch.zeros(20, dtype=torch.int64)

    def images(self, indices: torch.Tensor) -> torch.Tensor:
        raise OSError("the disk is gone")


def test_a_trial_that_cannot_be_measured_fails_alone() -> None:
    engine, run = Engine("", slots=2), prepare(trial(0, "mlp", epochs=1))
    run.training.splits = replace(run.training.splits, validation=Unreadable())
    failed, other = engine.admit(run), engine.submit(trial(1, "mlp", epochs=1))

    last = {news.handle: news for news in engine.run()}

    assert last[failed].over
    assert last[failed].said.failed == "OSError: the disk is gone"
    assert last[other].said.report["epoch"] == 1


@pytest.mark.slow
def test_memory_that_ends_halves_the_slots_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is planted to end in the third step, after noise has been drawn."""
    steps = 0

    def short_of_memory(step: Step) -> Callable:
        def one(*arguments: object) -> After:
            nonlocal steps
            steps += 1
            return _out_of_memory() if steps == 3 else guarded(step)(*arguments)

        return one

    monkeypatch.setattr("trainables.engine.cohort.guarded", short_of_memory)
    configs, engine, notes = [trial(k, "mlp", "sgd") for k in range(4)], Engine("", slots=4), []
    told: dict[int, list[News]] = {engine.admit(precise(config)): [] for config in configs}
    for news in engine.run():
        (notes if news.handle is None else told[news.handle]).append(news)

    assert [each.note for each in notes] == ["trials like 0: 2 in a step from here on, since memory ended with 4"]
    assert steps == 3 + 4 + 3 + 1 + 6  # 4, 7, 4 and 7 were left, for two slots
    for config, news in zip(configs, told.values(), strict=True):
        assert_same(_reports(news), list(precise(config).reports()))


def test_memory_that_ends_while_a_model_is_measured_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is planted to end under attack, after what that costs both models was counted."""
    asked = 0

    def short_of_memory(subject: Asked, *how: object) -> list[UnderAttack]:
        nonlocal asked
        asked += 1
        found = all_under_attack(subject, *how)
        return _out_of_memory() if asked == 1 else found

    monkeypatch.setattr("trainables.training.questions.all_under_attack", short_of_memory)
    evaluation = replace(trial(0, "mlp").evaluation, at_epochs=(1,))
    configs = [replace(trial(k, "mlp", "sgd", epochs=2), evaluation=evaluation) for k in (0, 2)]
    engine, notes = Engine("", slots=2), []
    told: dict[int, list[News]] = {engine.admit(precise(config)): [] for config in configs}
    for news in engine.run():
        (notes if news.handle is None else told[news.handle]).append(news)
    monkeypatch.undo()

    assert [each.note for each in notes] == ["trials like 0: 1 in a step from here on, since memory ended with 2"]
    for config, news in zip(configs, told.values(), strict=True):
        assert_same(_reports(news), list(precise(config).reports()))


def test_a_trial_that_comes_at_the_end_of_an_epoch_is_measured_before_it_goes_on() -> None:
    config, packed = trial(0, "mlp", "sgd", epochs=2), []
    alone = precise(config)
    expected = list(alone.reports(lambda: packed.append(alone.checkpoint())))
    run = precise(config)
    run.go_on(packed[1])  # an epoch is two steps

    engine = Engine("", slots=2)

    assert_same(reports_of(engine, [engine.admit(run)])[0], expected)


def _out_of_memory(*_arguments: object) -> NoReturn:
    raise torch.OutOfMemoryError("CUDA out of memory.")


def test_one_model_that_has_no_room_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Cohort, "step", _out_of_memory)
    engine = Engine("", slots=1)
    engine.submit(trial(0, "mlp"))
    engine.submit(trial(1, "mlp"))

    failed = [news.said.failed for news in engine.run()]

    assert len(failed) == 2
    assert all("one model alone needs more memory" in each for each in failed)


def test_what_torch_says_when_memory_ends_is_understood() -> None:
    with pytest.raises(RuntimeError) as error:
        torch.empty(2**52)

    assert ran_out(error.value)
    assert not ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.mark.slow
def test_kins_take_turns_of_equal_time() -> None:
    engine = Engine("", slots=2)
    wide, narrow = (replace(trial(k, "mlp", epochs=400), width=w) for k, w in enumerate((1.0, 1 / 16)))
    handles = [engine.submit(config) for config in (wide, narrow)]
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        engine.advance()

    used = [line.used for line in engine._lines.values()]
    assert len(used) == 2
    assert abs(used[0] - used[1]) < 0.3 * sum(used)
    assert all(engine.cancel(handle) for handle in handles)


def test_others_have_their_say_between_two_steps() -> None:
    turns, stopped, taken = Turns(), threading.Event(), []

    def greedy() -> None:
        while not stopped.is_set():
            with turns:
                time.sleep(0.01)

    thread = threading.Thread(target=greedy)
    thread.start()
    for _ in range(10):
        began = time.monotonic()
        with turns:
            taken.append(time.monotonic() - began)
    stopped.set()
    thread.join()

    assert max(taken) < 30  # not for ever; a processor that many share may keep it waiting


@pytest.mark.slow
def test_trials_come_and_go_while_another_thread_computes() -> None:
    engine, stopped, news = Engine("", slots=2), threading.Event(), []

    def compute() -> None:
        while not stopped.is_set():
            news.extend(engine.advance())
            time.sleep(0)

    thread = threading.Thread(target=compute)
    thread.start()
    long = engine.submit(trial(0, "mlp", epochs=1000))
    short = engine.submit(trial(1, "mlp", epochs=1))
    assert len(engine.checkpoint(long)) > 1000
    deadline = time.monotonic() + 50
    while not any(each.over for each in news) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert engine.cancel(long)
    stopped.set()
    thread.join()

    assert [each.handle for each in news if each.over] == [short]
    assert not engine.busy


@pytest.mark.parametrize(
    ("seconds", "slots", "ended"),
    [
        (lambda k: 1.0, 64, "no more are asked for"),
        (lambda k: k / 1.0, 1, "it pays no more"),
        (lambda k: max(1.0, k / 4), 4, "it pays no more"),
        (lambda k: 1.0 if k == 1 else 2.0, 64, "no more are asked for"),  # two cost as much as one after the other
        (lambda k: k if k <= 4 else k / 8, 1, "it pays no more"),
    ],
)
def test_slots_are_doubled_while_it_pays(seconds, slots: int, ended: str) -> None:
    found = measured(seconds, 64)

    assert (found.slots, found.ended) == (slots, ended)


def test_slots_are_as_many_as_memory_allows() -> None:
    def seconds(slots: int) -> float:
        return 1.0 if slots <= 8 else float(torch.empty(2**52)[0])

    assert measured(seconds, 64)[::2] == (8, "memory ends")


def test_what_is_timed_are_steps_however_few_an_epoch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr("trainables.engine.cohort.draw", lambda *given: drawn.append(1) or draw(*given))
    engine = Engine("", largest=2)
    engine.submit(trial(0, "mlp"))

    engine.advance()

    timed = 1 + REPEATS  # of one model, and of two; then there is the trial's own first step
    assert len(drawn) == timed + 2 * timed + 1


@pytest.mark.slow
def test_measuring_leaves_a_trial_as_it_was() -> None:
    engine, run = Engine("", largest=2), precise(trial(0, "mlp", "sgd"))
    handle = engine.admit(run)
    news = list(engine.run())

    assert "in a step, since" in news[0].note
    assert_same(_reports(news[1:]), list(precise(trial(0, "mlp", "sgd")).reports()))
    assert {each.handle for each in news[1:]} == {handle}


def test_what_cannot_be_fused_is_refused_in_one_sentence() -> None:
    config, engine = trial(0, "mlp"), Engine("", slots=1)
    learned = LearnedConfig(model=VaeGanConfig(width=0.125, updates=1))

    with pytest.raises(ValueError, match="got a trial of vaegan: train it alone"):
        engine.submit(ManifoldTrialConfig(data=config.data, manifold=learned, epochs=1, evaluation=config.evaluation))
    with pytest.raises(ValueError, match="slots counts models"):
        Engine("", slots=0)

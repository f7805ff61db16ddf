"""Models that come under strong attacks together find what each finds alone, and part and meet again."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainables.elsewhere import elsewhere
from tests.trainables.evaluation.zoo import DATA, LOADED, TEST, UNMEASURED
from trainables.allocation import HOST
from trainables.config import ThreatModel, TrialConfig
from trainables.evaluation.asked import Asked, Crowd, Subject, crowd
from trainables.evaluation.ensemble import Strength
from trainables.evaluation.errors import Probe
from trainables.evaluation.quality import Network
from trainables.evaluation.questions import Question, Questions, alone, answers, in_step
from trainables.evaluation.strong import Evaluation, evaluating
from trainables.evaluation.tally import Tally
from trainables.evaluation.turns import Turn
from trainables.pipeline import prepare
from trainables.seeding import stream

BRIEF = Strength(steps=4, targets=2, queries=6, attempts=2, passes=2)
THREATS = ThreatModel(epsilon=0.05, eta=0.3)
KNOWN = {"manifold": LOADED.manifolds["manifold"]}
Begin = Callable[[Callable[[], float]], Questions[Evaluation]]


@cache
def network(seed: int) -> Network:
    """A small network, trained for the longer, the higher its seed."""
    config = TrialConfig(
        architecture="mlp", width=1 / 16, data=DATA, epochs=2 * seed + 1, evaluation=UNMEASURED, seed=seed
    )
    run = prepare(config)
    for _ in run.reports():
        pass
    return Network(classifier=run.training.classifier, folded=run.training.folded())


def subject(seed: int = 0, dtype: torch.dtype = torch.float64, device: torch.device = HOST) -> Subject:
    own = network(seed)
    folded = {name: values.to(dtype).to(device) for name, values in own.folded.items()}
    return Subject(classifier=own.classifier, folded=folded, split=TEST, tally=Tally())


def begun(asked: Subject, strength: Strength = BRIEF) -> Begin:
    def begin(clock: Callable[[], float]) -> Questions[Evaluation]:
        about = {"attacked": 8, "surrogates": [network(1).to(asked.device)], "clock": clock}
        return evaluating(asked, KNOWN, THREATS, strength, 0, **about)

    return begin


def plain(found: Evaluation) -> tuple[Any, ...]:
    """Returns all but the seconds."""
    return found.error, found.threats, found.flags, [line[:-1] for line in found.ledger]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[Turn]:
    """The turns that were taken, by however many models, in the order of the calls."""
    turns: list[Turn] = []

    def told(questions: Sequence[Question], places: int) -> list[Any]:
        turns.append(questions[0].what)
        return answers(questions, places)

    monkeypatch.setattr("trainables.evaluation.questions.answers", told)
    return turns


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Which attacks were made, on how many models."""
    made, succeeds = [], Probe.succeeds

    def told(self: Probe, asked: Asked, *more: Any, **named: Any) -> Tensor:
        made.append((type(self.attack).__name__, asked.models))
        return succeeds(self, asked, *more, **named)

    monkeypatch.setattr(Probe, "succeeds", told)
    return made


def test_models_find_together_what_each_finds_alone(calls: list[tuple[str, int]], taken: list[Turn]) -> None:
    models = [subject(seed) for seed in (1, 2, 0)]
    expected = [alone(begun(each)(lambda: 0.0)) for each in models]
    costs = [replace(each.tally) for each in models]
    calls.clear()

    found = in_step([begun(replace(each, tally=each.tally)) for each in models], 4)

    assert [plain(each) for each in found] == [plain(each) for each in expected]
    assert [each.tally for each in models] == [
        Tally(gradient_evaluations=2 * cost.gradient_evaluations, forward_passes=2 * cost.forward_passes)
        for cost in costs
    ]
    assert all(line.seconds > 0 for each in found for line in each.ledger)
    assert len({str([under.curve.radii for under in each.threats.values()]) for each in found}) > 1, "nobody parts"
    assert {name for name, models in calls if models == 3} >= {"APGD", "AdamPGD", "Square"}
    assert len(taken) == len(set(taken)), "some have parted for longer than they had to"


@pytest.mark.slow
def test_what_a_model_finds_is_the_same_whoever_is_beside() -> None:
    """To the last bit of what decides, in float32, where bits differ between one place and four."""

    def found(*models: Subject) -> tuple[Any, ...]:
        return plain(in_step([begun(each) for each in models], 4)[0])

    one, other, wild = (subject(seed, torch.float32) for seed in range(3))
    for values in wild.folded.values():
        values.mul_(1e30)

    assert found(one) == found(one, other, wild)


def test_who_cannot_be_measured_is_the_only_one() -> None:
    def broken(_: Callable[[], float]) -> Questions[Evaluation]:
        raise ValueError("a model has the weights of its configuration")
        yield

    reason, found = in_step([broken, begun(subject())], 2)

    assert str(reason) == "a model has the weights of its configuration"
    assert plain(found) == plain(alone(begun(subject())(lambda: 0.0)))


def test_memory_that_ends_makes_fewer_go_together_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: Counter[int] = Counter()

    def narrow(subjects: Sequence[Subject], places: int, examples: int) -> Crowd:
        tried[places] += 1
        if places > 2:
            raise torch.OutOfMemoryError("planted")
        return crowd(subjects, places, examples)

    monkeypatch.setattr("trainables.evaluation.questions.crowd", narrow)
    models = [subject(seed) for seed in range(3)]

    found = in_step([begun(each) for each in models], 4)

    assert (tried[4], tried.keys()) == (1, {4, 2})
    for each, own in zip(found, models, strict=True):
        assert sum(line.forward_passes for line in each.ledger) == own.tally.forward_passes


def test_where_memory_does_not_do_for_one_model_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_: Any, **__: Any) -> Tensor:
        raise torch.OutOfMemoryError("planted")

    monkeypatch.setattr(Probe, "succeeds", short)

    found = in_step([begun(subject()), begun(subject(1))], 2)

    assert [str(each) for each in found] == ["planted", "planted"]


def test_who_is_random_or_infinite_is_asked_alone() -> None:
    ask = partial(Question, what="", ask=lambda asked, _: [0.0], rows=1)
    noisy, infinite = (replace(subject(), tally=Tally(passes=n)) for n in (2, 1))
    infinite = replace(infinite, folded={name: values / 0 for name, values in infinite.folded.items()})

    assert ask(subject()).shareable
    assert not any(ask(each).shareable for each in (noisy, infinite))
    assert not ask(subject(), rowwise=False).shareable


def test_the_clock_is_a_models_own() -> None:
    """Two that take their time do not wait for each other by it, and share what is answered."""
    rng, told = stream(0, "clock"), list[float]()

    def begin(clock: Callable[[], float]) -> Questions[None]:
        for _ in range(3):
            before = clock()
            yield Question(subject(), "", lambda asked, own: [torch.rand(300, 300, generator=rng).sum()] * len(own), 1)
            told.append(clock() - before)

    in_step([begin, begin, begin], 2)

    assert len(told) == 9
    assert all(seconds > 0 for seconds in told)


@pytest.mark.slow
def test_models_that_lie_elsewhere_find_the_same_together() -> None:
    """On images and codes, all attacks and checks: what computes is the host."""
    brief = replace(BRIEF, steps=2, targets=1, queries=2, attempts=1)

    def found(device: torch.device) -> list[tuple[Any, ...]]:
        models = [subject(seed, torch.float32, device) for seed in range(2)]
        return [plain(each) for each in in_step([begun(each, brief) for each in models], 2)]

    with elsewhere() as device:
        there = found(device)

    assert there == found(HOST)

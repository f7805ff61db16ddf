"""Models that train in one fused step, each in a slot of its own.

Horizontally fused training (Wang et al. 2021, arXiv 2102.02344) has all models begin and end together. Here a slot is
filled the moment it is free, in the middle of the others' epochs: every model has its own parameters, optimiser,
numbers, place in its epoch and random streams. The number of slots is constant and empty ones are computed too, so that
no model's numbers depend on who else is there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.differentiation import Tensors
from trainables.training.examples import Resident
from trainables.training.loop import Draw, batches, charge, draw, noise_shapes
from trainables.training.plan import calls, fused_step, hyper
from trainables.training.step import Batch, Hyper, RoleNoise, State, Step
from trainables.training.training import Training

Kin = tuple[Any, ...]
"""What must be equal of models in one fused step; may be a key."""


def kin(training: Training) -> Kin:
    """Returns what must be equal of models that train in one fused step with this one.

    It is the structure of the config, and what data and manifolds alone can tell: numbers of classes and pixels, and
    which manifolds codes are moved on.
    """
    config, splits = training.config, training.splits
    moved = {role.threat: training.moved[role.threat].digest() for role in config.roles if role.threat != "pixel"}
    return config.signature(), training.dtype, splits.image_shape, splits.classes, tuple(sorted(moved.items()))


class After(NamedTuple):
    """What a slot's step leaves.

    Attributes:
        loss: before the update; NaN of a slot that is empty or lost.
        passes: as in `Outcome`.
        live: whether a model is there, and finite.
    """

    state: State
    loss: Float[Tensor, ""]
    passes: Int[Tensor, "roles 2"]
    live: Bool[Tensor, ""]


def guarded(step: Step) -> Callable[[State, Batch, tuple[RoleNoise, ...], Hyper, Tensor], After]:
    """Returns the step of a slot that may be empty, or whose model has become infinite: both are left as they are.

    What is not finite is kept away from the arithmetic: kernels for many models pad and mix, and zero times infinity
    would reach the neighbours.
    """

    def one(state: State, batch: Batch, noise: tuple[RoleNoise, ...], numbers: Hyper, live: Tensor) -> After:
        sound = tree_map(lambda values: torch.where(live, values, 0), state)
        after, outcome = step(sound, batch, noise, numbers)
        after = tree_map(lambda new, old: torch.where(live, new, old), after, state)
        loss = torch.where(live, outcome.loss, torch.nan)
        finite = torch.stack([values.isfinite().all() for values in after.params.values()]).all()
        return After(after, loss, outcome.passes, live & finite & loss.isfinite())

    return one


@dataclass(slots=True, kw_only=True, eq=False)
class Slot:
    """A model in a fused step.

    Attributes:
        training: of the model; its state and its tally are those of the last `Cohort.settle`.
        data: that it learns from.
        steps: since then.
    """

    training: Training
    data: Resident
    steps: int = field(default=0)


@final
class Cohort:
    """Slots for models that are kin.

    Args:
        founder: one of them; it does not join by founding.
        slots: how many; an exact repetition needs the same number.
        device: that computes.
    """

    def __init__(self, founder: Training, slots: int, device: torch.device) -> None:
        self._founder = founder.config, founder.classifier, founder.dtype
        self._moved = {name: manifold.to(device) for name, manifold in founder.moved.items()}
        self._steps: dict[int, Callable[..., After]] = {}
        self._shapes = noise_shapes(founder.splits, self._moved)
        self._batch_size, self._dtype, self._device = founder.config.batch_size, founder.dtype, device
        self.slots: list[Slot | None] = [None] * slots
        self._state: State = tree_map(
            lambda values: torch.zeros(slots, *values.shape, dtype=values.dtype, device=device), founder.state
        )
        self._live = torch.zeros(slots, dtype=torch.bool, device=device)
        self._passes = torch.zeros(slots, len(founder.config.roles), 2, dtype=torch.int64, device=device)
        self._numbers = [hyper(founder.config, 0.0, founder.dtype)] * slots
        self._hyper = self._sent(_stacked(self._numbers))

    @property
    def seated(self) -> list[Slot]:
        """The slots that are filled."""
        return [slot for slot in self.slots if slot is not None]

    @property
    def full(self) -> bool:
        """Tells whether no slot is free."""
        return None not in self.slots

    def join(self, training: Training, data: Resident) -> Slot:
        """Gives a model a free slot; it goes on from where it is."""
        row, slot = self.slots.index(None), Slot(training=training, data=data)
        tree_map(lambda stack, values: stack[row].copy_(values), self._state, training.state)
        self._live[row] = _finite(training.state.params)
        self._passes[row] = 0
        self._numbers[row] = hyper(training.config, 0.0, self._dtype)
        self._hyper = self._sent(_stacked(self._numbers))
        self.slots[row] = slot
        return slot

    def step(self) -> list[Slot]:
        """Does one step of all models whose epoch has steps left, and returns those whose epoch has none.

        If all have ended, that is no step. If it raises, nothing has happened.
        """
        going = [None if slot is None or _done(slot) else slot for slot in self.slots]
        before = [(slot.training.attack, slot.training.attack.get_state()) for slot in going if slot]
        if before:
            try:
                drawn = [None if slot is None else draw(slot.training, self._shapes) for slot in going]
                goes: Tensor = self._sent(torch.tensor([slot is not None for slot in going]))
                step = self._step(max(_calls(slot, own) for slot, own in zip(going, drawn, strict=True)))
                after = step(self._state, *self._arguments(drawn), self._live & goes)
            except Exception:
                for generator, noise in before:
                    generator.set_state(noise)
                raise
            self._state, self._live = after.state, torch.where(goes, after.live, self._live)
            self._passes += after.passes * goes[:, None, None]
            for row, slot in enumerate(going):
                if slot is not None:
                    slot.training.progress.losses.append(after.loss[row])
                    slot.steps += 1
        return [slot for slot in self.seated if _done(slot)]

    def settle(self, slot: Slot) -> None:
        """Brings a slot's training up to date, on the host; it may then be packed, or measured."""
        row, training = self.slots.index(slot), slot.training
        training.state = tree_map(lambda stack: stack[row].to("cpu", copy=True), self._state)
        training.progress.losses = [loss.cpu() for loss in training.progress.losses]
        charge(training, slot.steps, self._passes[row].cpu().tolist())
        slot.steps = 0
        self._passes[row] = 0

    def leave(self, slot: Slot) -> None:
        """Frees a slot, after settling what has not been: what a model's end made of its state stays."""
        if slot.steps:
            self.settle(slot)
        row = self.slots.index(slot)
        tree_map(lambda stack: stack[row].zero_(), self._state)
        self._live[row] = False
        self.slots[row] = None

    def _step(self, calls: int) -> Callable[..., After]:
        """Returns the step of all slots whose manifolds decode in so many calls."""
        if calls not in self._steps:
            config, classifier, dtype = self._founder
            moved = {name: manifold.stacked(calls) for name, manifold in self._moved.items()}
            self._steps[calls] = torch.vmap(guarded(fused_step(config, classifier, moved, dtype)))
        return self._steps[calls]

    def _arguments(self, drawn: Sequence[Draw | None]) -> tuple[Batch, tuple[RoleNoise, ...], Hyper]:
        """Returns what a step takes beside the state; an empty slot's examples are some, and its noise is zero."""
        some = next(each for each in drawn if each is not None)
        empty = Draw(torch.zeros_like(some.indices), tree_map(torch.zeros_like, some.noise), 0.0)
        every = [empty if each is None else each for each in drawn]
        rates = torch.tensor([each.rate for each in every], dtype=self._dtype)
        numbers = self._hyper._replace(learning_rate=self._sent(rates))
        return self._batch([each.indices for each in every]), self._sent(_stacked([e.noise for e in every])), numbers

    def _batch(self, indices: list[Tensor]) -> Batch:
        first = self.seated[0].data
        data = [first if slot is None else slot.data for slot in self.slots]
        rows: Tensor = self._sent(torch.stack(indices))
        if all(each is first for each in data):
            return first.take(rows)
        batch: Batch = _stacked([each.take(row) for each, row in zip(data, rows, strict=True)])
        return batch

    def _sent(self, tree: Any) -> Any:
        return tree_map(lambda values: values.to(self._device, non_blocking=True), tree)


def _done(slot: Slot) -> bool:
    """Tells whether the epoch's steps are."""
    return len(slot.training.progress.losses) == batches(slot.training.config)


def _calls(slot: Slot | None, drawn: Draw | None) -> int:
    """Returns in how many calls a slot's codes are decoded; an empty one's are nobody's."""
    if slot is None or drawn is None:
        return 1
    training = slot.training
    return calls(training.config, training.splits.train.labels[drawn.indices], training.moved)


def _finite(params: Tensors) -> Bool[Tensor, ""]:
    return torch.stack([values.isfinite().all() for values in params.values()]).all()


def _stacked(trees: Sequence[Any]) -> Any:
    return tree_map(lambda *leaves: torch.stack(leaves), *trees)

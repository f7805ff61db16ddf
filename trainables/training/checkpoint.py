"""A training packed into bytes, and unpacked to go on as if nothing had happened.

Weights, running statistics, the optimiser's moments, the states of all generators, the place in the epoch and the best
epoch so far are in them; the same backend, device and number of threads then give the same numbers.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from trainables import packing
from trainables.allocation import HOST
from trainables.checks import must
from trainables.config import Checkpoint, digest
from trainables.differentiation import Tensors
from trainables.evaluation.tally import Tally
from trainables.optimisers import OptimiserState
from trainables.report import Pick
from trainables.training.choice import Choice
from trainables.training.step import State
from trainables.training.training import Progress, Training

FORMAT = "disentangle.checkpoint.1"
PARTS = ("params", "buffers", "first", "second")
CHOSEN = (
    "chosen params",
    "chosen buffers",
)  # of the best epoch so far, where a trial leaves that one


def pack(training: Training) -> bytes:
    """Returns everything that a training has changed since it began."""
    state, progress, choice = training.state, training.progress, training.choice
    parts = dict(zip(PARTS, (state.params, state.buffers, *state.optimiser[:2]), strict=True))
    if choice.params is not None and choice.buffers is not None:
        parts |= zip(CHOSEN, (choice.params, choice.buffers), strict=True)
    tensors = {f"{part}/{name}": value for part, values in parts.items() for name, value in values.items()}
    tensors |= {"updates": state.optimiser.updates, "losses": torch.tensor([float(loss) for loss in progress.losses])}
    tensors |= {"order": training.order.get_state(), "attack": training.attack.get_state()}
    if progress.permutation is not None:
        tensors["permutation"] = progress.permutation
    said = {
        "config": digest(training.config.to_dict()),
        "epoch": progress.epoch,
        "seconds": progress.seconds,
        "tally": [training.tally.gradient_evaluations, training.tally.forward_passes],
        "picks": {kind: asdict(pick) for kind, pick in choice.picks.items()},
    }
    return packing.pack({name: values.to(HOST) for name, values in tensors.items()}, said, FORMAT)


def unpack(training: Training, packed: bytes) -> None:
    """Puts a training where it was when it was packed.

    Raises:
        ValueError: if the bytes are not a checkpoint of a trial with this config.
    """
    tensors, said = packing.unpack(packed, FORMAT)
    fits = said.get("config") == digest(training.config.to_dict())
    must(fits, "a checkpoint is of the trial that goes on; got another config's")
    training.state = _state(tensors)
    training.order.set_state(tensors["order"])
    training.attack.set_state(tensors["attack"])
    gradients, forwards = said["tally"]
    training.tally = Tally(gradient_evaluations=gradients, forward_passes=forwards)
    training.progress = Progress(
        epoch=said["epoch"],
        losses=list(tensors["losses"].unbind()),
        permutation=tensors.get("permutation"),
        seconds=said["seconds"],
    )
    training.choice = _choice(training.config.checkpoint, tensors, said.get("picks", {}))


def _choice(kind: Checkpoint, tensors: Tensors, picks: Mapping[Checkpoint, Mapping[str, Any]]) -> Choice:
    known = {name: Pick(**pick) for name, pick in picks.items()}
    if kind == "last" or kind not in known:
        return Choice(kind=kind, picks=known)
    params, buffers = (packing.part(tensors, part) for part in CHOSEN)
    return Choice(kind=kind, picks=known, params=params, buffers=buffers)


def _state(tensors: Tensors) -> State:
    params, buffers, first, second = (packing.part(tensors, part) for part in PARTS)
    return State(params, buffers, OptimiserState(first, second, tensors["updates"]))

"""A training packed into bytes, and unpacked to go on as if nothing had happened.

Weights, running statistics, the optimiser's moments, the states of all generators and the place in the epoch are in
them; the same backend, device and number of threads then give the same numbers.
"""

import torch

from trainables import packing
from trainables.checks import must
from trainables.config import digest
from trainables.differentiation import Tensors
from trainables.evaluation.tally import Tally
from trainables.optimisers import OptimiserState
from trainables.training.loop import Progress, Training
from trainables.training.step import State

FORMAT = "disentangle.checkpoint.1"
PARTS = ("params", "buffers", "first", "second")


def pack(training: Training) -> bytes:
    """Returns everything that a training has changed since it began."""
    state, progress = training.state, training.progress
    parts = dict(zip(PARTS, (state.params, state.buffers, *state.optimiser[:2]), strict=True))
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
    }
    return packing.pack(tensors, said, FORMAT)


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


def _state(tensors: Tensors) -> State:
    params, buffers, first, second = (packing.part(tensors, part) for part in PARTS)
    return State(params, buffers, OptimiserState(first, second, tensors["updates"]))

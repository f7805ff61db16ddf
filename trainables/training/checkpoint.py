"""A training packed into bytes, and unpacked to go on as if nothing had happened.

The format is safetensors with JSON beside the tensors: nothing is unpickled. Weights, running statistics, the
optimiser's moments, the states of all generators and the place in the epoch are in it; the same backend, device and
number of threads then give the same numbers.
"""

import json
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from trainables.config import digest
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
    tensors = {f"{part}/{name}": value.clone() for part, values in parts.items() for name, value in values.items()}
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
    return save(tensors, metadata={FORMAT: json.dumps(said)})


def unpack(training: Training, packed: bytes) -> None:
    """Puts a training where it was when it was packed.

    Raises:
        ValueError: if the bytes are not a checkpoint of a trial with this config.
    """
    try:
        said, tensors = _said(packed), load(packed)
        fits = said["config"] == digest(training.config.to_dict())
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"a checkpoint is {FORMAT} in the safetensors format; got {error}") from error
    if not fits:
        raise ValueError("a checkpoint is of the trial that goes on; got another config's")
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


def _said(packed: bytes) -> dict[str, Any]:
    """Reads the JSON of a safetensors header: eight bytes of its length, then the header."""
    length = int.from_bytes(packed[:8], "little")
    said: dict[str, Any] = json.loads(json.loads(packed[8 : 8 + length])["__metadata__"][FORMAT])
    return said


def _state(tensors: dict[str, Tensor]) -> State:
    found: dict[str, dict[str, Tensor]] = {part: {} for part in PARTS}
    for key, value in tensors.items():
        part, _, name = key.partition("/")
        if part in found:
            found[part][name] = value
    params, buffers, first, second = (found[part] for part in PARTS)
    return State(params, buffers, OptimiserState(first, second, tensors["updates"]))

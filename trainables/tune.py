"""Trials inside a Ray cluster. The one file below `study` that imports ray."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import ray
import torch
from ray import tune
from safetensors.torch import save

from trainables.config import TrialConfig
from trainables.pipeline import Run, prepare


def trainable(point: Mapping[str, Any]) -> None:
    """Trains the trial whose config is `point["config"]` and reports to Tune after every epoch.

    What goes wrong in it is reported as `failed`, since trying the same again would go wrong the same way.
    """
    _use_own_cpus()
    try:
        run = prepare(TrialConfig.from_dict(point["config"]))
        for report in run.reports():
            tune.report({**asdict(report), **_about(run)})
    except Exception as error:
        tune.report({"failed": _in_one_line(error)})


def retrain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Trains a candidate once more and returns its last report, with its weights in the safetensors format.

    Returns:
        the keys of an `EpochReport`, of what `trainable` adds to one, and `weights`; or `failed`: what went wrong.
    """
    _use_own_cpus()
    try:
        run = prepare(TrialConfig.from_dict(config))
        *_, last = run.reports()
        weights = {name: tensor.contiguous() for name, tensor in run.weights().items()}
        return {**asdict(last), **_about(run), "weights": save(weights)}
    except Exception as error:
        return {"failed": _in_one_line(error)}


def _about(run: Run) -> dict[str, Any]:
    return {"parameters": run.parameters, "device": run.device, "manifold_digest": run.manifold_digest}


def _use_own_cpus() -> None:
    # More threads than the trial was given would slow its neighbours; and sums depend on how many there are.
    cpus = ray.get_runtime_context().get_assigned_resources().get("CPU", 1)  # type: ignore[no-untyped-call] # Ray's
    torch.set_num_threads(max(1, int(cpus)))


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

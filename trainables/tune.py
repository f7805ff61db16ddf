"""Trials inside a Ray cluster. The one file below `study` that imports ray."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import ray
import torch
from ray import tune

from trainables.allocation import ready_to_compute
from trainables.appraisal import appraise
from trainables.config import TrialConfig, trial_from_dict
from trainables.examination import Model, examined
from trainables.manifolds.store import ManifoldStore
from trainables.packing import pack_weights
from trainables.provision import Told, load_data, provide
from trainables.report import EpochReport, Said
from trainables.runs import Clock, Run
from trainables.trials import prepared, shared

Held = tuple[Mapping[str, Any], bytes]
"""A model: its config, and its weights in the safetensors format."""
Attacked = tuple[Held, Sequence[Held], Mapping[str, Any], str]
"""A model; others of the same data, to transfer images from; how it is attacked: `strength`, its name, `images`, that
are attacked, and `seed`, of the attacks; and the store of learned manifolds."""


def trainable(point: Mapping[str, Any]) -> None:
    """Trains the trial whose config is `point["config"]`, from `point["checkpoint"]` on where there is one.

    It tells Tune `Said` under the key "said": after every epoch, and between two where a checkpoint is due. What goes
    wrong in it is said as `failed`, since trying the same again would go wrong the same way. `point["manifolds"]` is
    the store of learned ones.
    """
    settle()
    try:
        config = trial_from_dict(point["config"])
        _show(f"{point['trial_id']}, epoch 1 of {config.epochs}")
        run = prepared(config, point["manifolds"])
        if point.get("checkpoint"):
            run.go_on(point["checkpoint"])
        due = Clock()
        reports = run.reports(lambda: _say(_said(run, None)) if due() else None)
        for report in reports:
            _show(f"{point['trial_id']}, epoch {min(report.epoch + 1, config.epochs)} of {config.epochs}")
            _say(_said(run, report, with_checkpoint=report.epoch in point["rungs"] or due()))
    except Exception as error:
        _say(Said(failed=_in_one_line(error)))


def retrain(trials: Sequence[tuple[Mapping[str, Any], str]]) -> list[dict[str, Any]]:
    """Trains candidates once more, one after another, and returns their last reports, with their weights.

    Args:
        trials: the config of each, and the store of learned manifolds.

    Returns:
        of each, the keys of an `EpochReport`, of what is known about the model, and `weights` in the safetensors
        format; or `failed`: what went wrong.
    """
    settle()
    return [_retrained(config, manifolds) for config, manifolds in trials]


def _retrained(config: Mapping[str, Any], manifolds: str) -> dict[str, Any]:
    try:
        run = prepared(trial_from_dict(config), manifolds)
        *_, last = run.reports()
        return {**asdict(last), **run.about(), "weights": pack_weights(run.weights())}
    except Exception as error:
        return {"failed": _in_one_line(error)}


def attack(models: Sequence[Attacked]) -> list[dict[str, Any]]:
    """Evaluates models of one architecture as strongly as `how` of the first one says, together on a GPU.

    Returns:
        of each, `found` and `ledger`, see `trainables.examination.examined`; or `failed`: what went wrong.
    """
    settle()
    *_, how, manifolds = models[0]
    try:
        every = [(_model(*model), [_model(*other) for other in others]) for model, others, *_ in models]
        found = examined(every, how["strength"], manifolds, attacked=how["images"], seed=how["seed"])
    except Exception as error:
        found = [error] * len(models)
    return [{"failed": _in_one_line(each)} if isinstance(each, Exception) else each for each in found]


def _model(config: Mapping[str, Any], weights: bytes) -> Model:
    return Model(config=TrialConfig.from_dict(config), weights=weights)


def make_shared(config: Mapping[str, Any], manifolds: str) -> Iterator[Told]:
    """Makes what the trials of a study share, unless the store has it, and tells how far it is."""
    settle()
    yield from shared(trial_from_dict(config), manifolds)


def appraise_manifold(config: Mapping[str, Any], attacked: int, manifolds: str) -> dict[str, Any]:
    """Measures the manifold of a trial's config on the test split.

    Returns:
        `digest`; `quality` as plain values, or None where it is known; `pictures`, arrays of bytes by what they show;
        `distances`, arrays by kind of perturbation and measure.
    """
    settle()
    trial = TrialConfig.from_dict(config)
    manifold = provide(trial.manifold, trial.data, manifolds)["manifold"]
    store, data = ManifoldStore(manifolds), load_data(trial.data)
    found = appraise(manifold, trial.data, data, trial.threat_model, store, attacked=attacked)
    return {
        "digest": manifold.digest(),
        "quality": found.quality and asdict(found.quality),
        "pictures": {name: images.numpy() for name, images in found.pictures.items()},
        "distances": {
            kind: {name: values.numpy() for name, values in measured._asdict().items()}
            for kind, measured in found.distances.items()
        },
    }


def _show(text: str) -> None:
    """Names this process, which the dashboard lists: a reused actor keeps the name that it was made with."""
    ray._raylet.setproctitle(f"ray::{text}")  # type: ignore[attr-defined] # as Ray itself does for tasks


def _say(said: Said) -> None:
    tune.report({"said": said})


def _said(run: Run, report: EpochReport | None, *, with_checkpoint: bool = True) -> Said:
    return Said(
        report=None if report is None else asdict(report),
        model=run.about(),
        checkpoint=run.checkpoint() if with_checkpoint else None,
    )


def settle() -> None:
    """Makes this process of Ray's one that computes: with as many threads as it has processors, keeping its memory."""
    given = ray.get_runtime_context().get_assigned_resources()  # type: ignore[no-untyped-call] # Ray's
    # More threads than the trial was given would slow its neighbours; and sums depend on how many there are.
    torch.set_num_threads(max(1, int(given.get("CPU", 1))))
    if not given.get("GPU"):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray may leave those of others in sight
    ready_to_compute()


def _in_one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())

"""A trial that learns a manifold: VAE-GANs on their way, and how good they are after every epoch.

An epoch is a part of the updates. Reconstructions are measured after each, label disagreement at rungs and at the end.
It is what Stutz, Hein and Schiele (CVPR 2019, arXiv 1812.00740) take on trust: that a code near an image's own is one
of the same class. Where the attack finds no adversarial example nothing shows that, and disagreement is 1: a decoder
whose images depend little on the code would otherwise be the best of all.
"""

import math
import time
from collections.abc import Callable, Iterator
from typing import final

import torch
from torch import Tensor

from trainables import packing
from trainables.allocation import HOST, own_device
from trainables.checks import must
from trainables.config import ManifoldTrialConfig, digest
from trainables.data.split import Split
from trainables.evaluation.quality import Judges, agreement, distances
from trainables.evaluation.tally import Tally
from trainables.geometry import NORMS
from trainables.manifolds.learned import LearnedManifold, bounded
from trainables.provision import Data, learner_of
from trainables.report import EpochReport
from trainables.runs import Run

FORMAT = "disentangle.manifold.1"


@final
class ManifoldRun(Run):
    """A manifold that is being learned.

    Args:
        config: of the trial.
        data: that was loaded by it.
        judges: say whether labels are kept.

    Raises:
        ValueError: if a class has too few images.
    """

    def __init__(self, config: ManifoldTrialConfig, data: Data, judges: Judges) -> None:
        self.device = str(own_device())
        self._config, self._data, self._judges = config, data, judges
        self._learner, self._split = learner_of(config.learned.model, data)
        self._epoch, self._seconds, self._tally = 0, 0.0, Tally()
        self._losses: list[Tensor] = []
        self._manifold: LearnedManifold | None = None

    @property
    def parameters(self) -> int:
        """Counts those of encoders and decoders; nobody keeps a discriminator."""
        return self._learner.size

    @property
    def manifold_digest(self) -> str | None:
        """Names what has been learned, as it was measured last."""
        return self._manifold.digest() if self._manifold else None

    @property
    def trained_manifold_digest(self) -> str | None:
        """None: it trains on no manifold."""
        return None

    def reports(self, after_step: Callable[[], None] = lambda: None) -> Iterator[EpochReport]:
        """Learns from wherever it is, and reports after every epoch; ends early where nothing can come."""
        while self._epoch < self._config.epochs:
            started, before = time.perf_counter(), self._seconds
            while self._learner.done < self._end(self._epoch + 1):
                self._losses.append(self._update())
                self._seconds = before + time.perf_counter() - started
                after_step()
            report = self._report(self._epoch + 1, before - started)
            self._epoch, self._losses, self._seconds = report.epoch, [], report.seconds
            yield report
            if report.infeasible:
                return

    def _end(self, epoch: int) -> int:
        """Returns how many updates every model has made after an epoch."""
        return round(epoch * self._learner.updates / self._config.epochs)

    def _update(self) -> Tensor:
        """Moves all models once, and returns the mean of what they minimise."""
        model = self._config.manifold.model
        losses = self._learner.update()
        self._tally.add(model.batch_size * len(losses.kl), forward=1, backward=1)
        judged = model.gamma * (losses.deception + losses.discrimination)
        return (losses.kl + model.reconstruction * losses.distance + judged).mean().to(HOST)

    def _report(self, epoch: int, since: float) -> EpochReport:
        """Measures what has been learned. Test data, where the config names it, is opened once: at the end.

        Args:
            epoch: that has just ended.
            since: what the clock is ahead of the trial's own time.
        """
        config, last = self._config, epoch == self._config.epochs
        split: Split = getattr(self._data.splits, config.evaluation.split if last else "validation")
        loss = torch.stack(self._losses).mean().item()
        infeasible = _infeasible(loss, self._learner.weights())
        length = disagreement = success = None
        if not infeasible:
            self._manifold = manifold = self._learned()
            length = distances(manifold, split)[1].mean().item()
            if last or epoch in config.evaluation.at_epochs:
                success, disagreement = self._judged(manifold, split)
        return EpochReport(
            epoch=epoch,
            train_loss=loss,
            reconstruction_l2=length,
            label_disagreement=disagreement,
            attack_success=success,
            gradient_evaluations=self._tally.gradient_evaluations,
            forward_passes=self._tally.forward_passes,
            seconds=since + time.perf_counter(),
            infeasible=infeasible,
        )

    def _judged(self, manifold: LearnedManifold, split: Split) -> tuple[float | None, float]:
        """Returns the success of an attack on the manifold, and how many of its examples have lost their label."""
        threat, by = self._config.threat_model, self._config.evaluation
        success, agreed = agreement(
            manifold,
            split,
            self._judges,
            NORMS[threat.norm],
            threat.eta,
            attacked=by.n_attacked,
            steps=by.steps,
            seed=self._config.data.seed,  # equal for all trials of a study, and for all seeds of one
        )
        self._tally.add(by.n_attacked, forward=by.steps + 3, backward=by.steps)
        return success, 1.0 if agreed is None else 1 - agreed

    def _learned(self) -> LearnedManifold:
        learned, learner = self._config.manifold, self._learner
        # Extremes take a look at all images that were learned from.
        weights = self.weights() if learned.box == "minmax" else learner.weights()
        return LearnedManifold(learner.networks, weights, agnostic=learned.model.agnostic, box=learned.box)

    def checkpoint(self) -> bytes:
        """Returns all that `go_on` needs; to be taken after an update or a report."""
        losses = torch.tensor([float(loss) for loss in self._losses])
        said = {
            "config": digest(self._config.to_dict()),
            "epoch": self._epoch,
            "seconds": self._seconds,
            "tally": [self._tally.gradient_evaluations, self._tally.forward_passes],
        }
        return packing.pack(self._learner.progress() | {"losses": losses}, said, FORMAT)

    def go_on(self, checkpoint: bytes) -> None:
        """Continues where a checkpoint of the same trial was taken.

        Raises:
            ValueError: if it is none.
        """
        tensors, said = packing.unpack(checkpoint, FORMAT)
        fits = said.get("config") == digest(self._config.to_dict())
        must(fits, "a checkpoint is of the trial that goes on; got another config's")
        gradients, forwards = said["tally"]
        self._tally = Tally(gradient_evaluations=gradients, forward_passes=forwards)
        self._epoch, self._seconds = said["epoch"], said["seconds"]
        self._losses = list(tensors.pop("losses").unbind())
        self._learner.go_on(tensors)

    def weights(self) -> dict[str, Tensor]:
        """Returns encoders and decoders, stacked, with the extremes of their codes, as a manifolds' store has them."""
        model = self._config.manifold.model
        return bounded(self._learner.networks, self._learner.weights(), self._split, agnostic=model.agnostic)


def _infeasible(loss: float, weights: dict[str, Tensor]) -> str | None:
    """Returns why a manifold can give no point of a front, or None."""
    if not math.isfinite(loss):
        return f"the training loss is {loss}"
    if not all(bool(values.isfinite().all()) for values in weights.values()):
        return "the last update left weights that are not finite"
    return None

"""A model on its way, and how it begins."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from trainables import optimisers
from trainables.classifiers.classifier import Classifier
from trainables.config import TrialConfig
from trainables.data.split import Splits
from trainables.differentiation import Tensors
from trainables.evaluation.hypotheses import Beside
from trainables.evaluation.tally import Tally
from trainables.manifolds.manifold import Manifolds
from trainables.seeding import stream
from trainables.training.choice import Choice
from trainables.training.step import State

DTYPE = torch.float32


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a model is.

    Attributes:
        epoch: epochs that are done and reported.
        losses: of the steps since then, one a batch.
        permutation: the order of examples in the epoch under way; None between two epochs.
        seconds: wall time so far, over all processes that trained it; in a fused step the model's share of it.
    """

    epoch: int = 0
    losses: list[Tensor] = field(default_factory=list)
    permutation: Tensor | None = None
    seconds: float = 0.0


@dataclass(slots=True, kw_only=True)
class Training:
    """A model on its way.

    Attributes:
        manifolds: that it is measured on.
        moved: that its roles move on.
        state: parameters, running statistics and the optimiser's moments, after the last step.
        tally: what training and evaluation have cost so far.
        order: draws the order of examples; `attack` the noise of the attacks.
        beside: what is needed where the paper's claims are asked about; else None.
        dtype: of the numbers in it; reports of a study are of float32.
        choice: of the epoch whose weights are left.
    """

    config: TrialConfig
    classifier: Classifier
    splits: Splits
    manifolds: Manifolds
    moved: Manifolds
    state: State
    tally: Tally
    order: torch.Generator
    attack: torch.Generator
    progress: Progress
    choice: Choice
    beside: Beside | None = None
    dtype: torch.dtype = DTYPE

    def folded(self) -> Tensors:
        """Returns the parameters of the model as it is evaluated."""
        return self.classifier.fold(self.state.params, self.state.buffers)


def begin(
    config: TrialConfig,
    classifier: Classifier,
    splits: Splits,
    manifolds: Manifolds,
    moved: Manifolds,
    *,
    beside: Beside | None = None,
    dtype: torch.dtype = DTYPE,
) -> Training:
    """Returns an untrained model; its weights depend on the trial's seed alone."""
    params, buffers = classifier.initialise(stream(config.seed, "weights"), dtype)
    state = State(params, buffers, optimisers.begin(params))
    return Training(
        config=config,
        classifier=classifier,
        splits=splits,
        manifolds=manifolds,
        moved=moved,
        state=state,
        tally=Tally(),
        order=stream(config.seed, "order"),
        attack=stream(config.seed, "attack"),
        progress=Progress(),
        beside=beside,
        dtype=dtype,
        choice=Choice(kind=config.checkpoint),
    )

"""Whoever is measured: one model, or several in calls that they share.

What several are asked together is what each is asked alone. Every model has as many rows in a call as there may be,
whoever is beside it, so that its numbers do not depend on that; in which rows an image stands depends on its own model.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.utils._pytree import tree_map

from trainables.allocation import HOST
from trainables.attacks.attack import Objective
from trainables.checks import must
from trainables.classifiers.classifier import Classifier
from trainables.data.split import Split
from trainables.differentiation import Tensors
from trainables.evaluation.tally import Tally
from trainables.threats.threat import Threat

CHUNK = 500

MakeThreat = Callable[[Tensor, Tensor], Threat]
"""Makes the threat for some examples (indices into a split) at one radius."""
MakeLoss = Callable[..., Objective]
"""Makes what is raised of a classifier, its parameters, the true labels and what more an example has, such as `dlr`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(ABC):
    """Who is asked for predictions.

    An index names an example as one of the models sees it: those of the first model come first, then all of the next.

    Attributes:
        classifier: what all models are.
        folded: parameters, without normalisations; where they lie, images must.
        split: that is measured on.
    """

    classifier: Classifier
    folded: Tensors
    split: Split

    @property
    @abstractmethod
    def models(self) -> int:
        """Counts the models."""

    @abstractmethod
    def add(self, indices: Tensor, *, forward: int = 0, backward: int = 0) -> None:
        """Counts so many passes for each of the examples."""

    @abstractmethod
    def raised(self, loss: MakeLoss, indices: Tensor, *more: Tensor) -> Objective:
        """Returns what is raised on examples, of which `loss` takes the labels and what more there is of each."""

    @abstractmethod
    def predicted(self, indices: Tensor, images: Tensor) -> Float[Tensor, "batch classes"]:
        """Returns the logits of images that are made of some examples."""

    @property
    def device(self) -> torch.device:
        """Where the models lie."""
        return next((values.device for values in self.folded.values()), HOST)

    @property
    def finite(self) -> bool:
        """Tells whether all parameters are."""
        return all(bool(values.isfinite().all()) for values in self.folded.values())

    @property
    def indices(self) -> int:
        """Counts all indices that there are."""
        return self.models * len(self.split)

    def first(self, examples: int) -> Int[Tensor, "everyone"]:
        """Returns the first examples of the split as every model sees them.

        Raises:
            ValueError: if there are not as many.
        """
        must(examples <= len(self.split), f"a split of {len(self.split)} has as many examples; got {examples}")
        return (len(self.split) * torch.arange(self.models)[:, None] + torch.arange(examples)).flatten()

    def own(self, indices: Tensor) -> Tensor:
        """Returns indices into the split."""
        return indices % len(self.split)

    def owners(self, indices: Tensor) -> Tensor:
        """Returns which model sees each."""
        return indices // len(self.split)

    def labels(self, indices: Tensor) -> Int[Tensor, "batch"]:
        """Returns the labels of examples, where the models lie."""
        return self.split.labels[self.own(indices)].to(self.device)

    def images(self, indices: Tensor) -> Float[Tensor, "batch channel height width"]:
        """Returns the images of examples, where the models lie."""
        return self.split.images(self.own(indices)).to(self.device)

    def errors(self) -> list[float]:
        """Returns of every model the fraction of the whole split that it misclassifies."""
        every = self.parts(self.first(len(self.split))[:, None])
        seen = [(part[:, 0], self.wrong(part[:, 0], self.images(part[:, 0]))) for part in every]
        return self.means(*(torch.cat(some) for some in zip(*seen, strict=True)))

    def means(self, indices: Tensor, values: Tensor) -> list[float]:
        """Returns the mean of what is known of examples, model by model."""
        owners = self.owners(indices)
        sums = torch.zeros(self.models, dtype=torch.float64).index_add_(0, owners, values.double())
        means: list[float] = (sums / owners.bincount(minlength=self.models)).tolist()
        return means

    def unperturbed(self, threat: MakeThreat, indices: Tensor) -> Bool[Tensor, "batch"]:
        """Returns which examples are misclassified as the threat renders them without a perturbation."""
        made = threat(self.own(indices), torch.tensor(0.0))
        return self.wrong(indices, made.render(torch.zeros_like(made.anchor)))

    @torch.no_grad()
    def wrong(self, indices: Tensor, images: Tensor) -> Bool[Tensor, "batch"]:
        """Returns, to the host, which images, made of these examples, are misclassified; what is no image is not."""
        self.add(indices, forward=1)
        wrong = self.predicted(indices, images).argmax(1) != self.labels(indices)
        return (wrong & images.flatten(1).isfinite().all(1)).cpu()

    def parts(self, rows: Int[Tensor, "batch columns"], times: int = 1) -> Iterator[Int[Tensor, "part columns"]]:
        """Yields rows, whose last column are indices, in parts that memory bears.

        Args:
            rows: of every model.
            times: that each of its examples is there; no part has one twice.
        """
        owners, every = self.owners(rows[:, -1]), []
        for model in range(self.models):
            own = rows[owners == model]
            every.append(torch.split(own, max(1, min(CHUNK, len(own) // times))))
        for some in zip_longest(*every, fillvalue=rows[:0]):
            yield torch.cat(some)

    def staying(self, indices: Tensor, left: Bool[Tensor, "batch"], worth: float) -> Bool[Tensor, "batch"]:
        """Returns who stays in a batch: all of a model, or those who are left where enough of its others are not.

        Args:
            indices: of the batch.
            left: who has not fallen.
            worth: so large a part of a model's examples must have fallen to leave.
        """
        owners = self.owners(indices)
        here, there = (each.bincount(minlength=self.models).double() for each in (owners, owners[left]))
        return left | (there / here > 1 - worth)[owners]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Subject(Asked):
    """A trained model and the split that it is measured on.

    Attributes:
        tally: counts what every measurement costs.
    """

    tally: Tally

    @property
    def models(self) -> int:
        return 1

    def add(self, indices: Tensor, *, forward: int = 0, backward: int = 0) -> None:
        self.tally.add(len(indices), forward=forward, backward=backward)

    def raised(self, loss: MakeLoss, indices: Tensor, *more: Tensor) -> Objective:
        return loss(self.classifier, self.folded, self.labels(indices), *more)

    def predicted(self, _indices: Tensor, images: Tensor) -> Tensor:
        return self.classifier.logits(self.folded, images)

    def error(self) -> float:
        """Returns the fraction of the whole split that is misclassified."""
        return self.errors()[0]

    @torch.no_grad()
    def logits(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch classes"]:
        """Returns logits, and counts what they cost."""
        self.tally.add(len(images), forward=1)
        return self.classifier.logits(self.folded, images)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd(Asked):
    """Several models in calls that they share: of equal architecture, on one split.

    Attributes:
        folded: with the models as their first axis. Those that are beyond the tallies are computed, and nobody's.
        tallies: one a model.
        width: rows that each model has in a call.
    """

    tallies: Sequence[Tally]
    width: int

    @property
    def models(self) -> int:
        return len(self.tallies)

    def add(self, indices: Tensor, *, forward: int = 0, backward: int = 0) -> None:
        counts = self.owners(indices).bincount(minlength=self.models).tolist()
        for tally, count in zip(self.tallies, counts, strict=True):
            tally.add(count, forward=forward, backward=backward)

    def raised(self, loss: MakeLoss, indices: Tensor, *more: Tensor) -> Objective:
        def one(folded: Tensors, images: Tensor, labels: Tensor, *more: Tensor) -> tuple[Tensor, Tensor]:
            return loss(self.classifier, folded, labels, *more)(images)

        def function(images: Tensor, owners: Tensor, places: Tensor, *rest: Tensor) -> tuple[Tensor, Tensor]:
            found: tuple[Tensor, Tensor] = self._together(one, owners, places, images, *rest)
            return found

        return Objective(function, (*self._seats(indices), self.labels(indices), *more))

    def predicted(self, indices: Tensor, images: Tensor) -> Tensor:
        owners, places = self._seats(indices)
        calls = (places // self.width).cpu()
        order = [(calls == call).nonzero()[:, 0] for call in range(int(calls.max()) + 1)]
        parts = [
            self._together(self.classifier.logits, owners[rows], places[rows] % self.width, images[rows])
            for rows in order
        ]
        return torch.cat(parts)[torch.cat(order).argsort()]

    def _seats(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the model of each, and its place among that model's, where the models lie."""
        owners = self.owners(indices)
        order, counts = owners.argsort(stable=True), owners.bincount(minlength=self.models)
        places = torch.empty_like(owners)
        places[order] = torch.arange(len(owners)) - (counts.cumsum(0) - counts)[owners[order]]
        return owners.to(self.device), places.to(self.device)

    def _together(self, function: Callable[..., Any], owners: Tensor, places: Tensor, *rows: Tensor) -> Any:
        """Calls a function of a model's parameters and rows for all models, and returns each row's result."""
        models = len(next(iter(self.folded.values())))
        seats = [
            values.new_zeros(models, self.width, *values.shape[1:]).index_put((owners, places), values)
            for values in rows
        ]
        return tree_map(lambda found: found[owners, places], torch.vmap(function)(self.folded, *seats))


def crowd(subjects: Sequence[Subject], places: int, examples: int) -> Crowd:
    """Returns models that are asked together: of one architecture, on one split.

    Args:
        subjects: as many as there are places, at most.
        places: models in a call. Those that nobody has are computed too, so that no answer depends on how many asked.
        examples: that each is asked about at a time, at most.
    """
    first, *_ = subjects
    every = [each.folded for each in subjects] + [_zeros(first.folded)] * (places - len(subjects))
    return Crowd(
        classifier=first.classifier,
        folded={name: torch.stack([own[name] for own in every]) for name in first.folded},
        split=first.split,
        tallies=[each.tally for each in subjects],
        width=min(CHUNK, examples),
    )


def _zeros(folded: Tensors) -> Tensors:
    return {name: torch.zeros_like(values) for name, values in folded.items()}


def chunks(rows: Tensor) -> list[Tensor]:
    """Returns rows in parts that memory bears; none of none, since not every network takes an empty batch."""
    return list(torch.split(rows, CHUNK)) if len(rows) else []

"""Which rows of a training and a test file become training, validation and test examples."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from trainables.checks import must
from trainables.config import DataConfig
from trainables.seeding import stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of the training file (train, validation) and of the test file; no row is taken twice."""

    train: Int[Tensor, "train"]
    validation: Int[Tensor, "validation"]
    test: Int[Tensor, "test"]


def stratified_order(labels: Int[Tensor, "rows"], rng: torch.Generator) -> Int[Tensor, "rows"]:
    """Orders rows at random so that the classes of every prefix have the proportions of the whole.

    The k-th of a class of n comes at (k + 1/2) / n of the way, so that suffixes are stratified as well.
    """
    shuffled = torch.randperm(len(labels), generator=rng)
    by_class = shuffled[labels[shuffled].argsort(stable=True)]
    sizes = labels.bincount()
    begins = sizes.cumsum(0) - sizes
    own = labels[by_class]
    place = (torch.arange(len(labels)) - begins[own] + 0.5).double() / sizes[own]
    return by_class[place.argsort(stable=True)]


def select(config: DataConfig, training: Int[Tensor, "rows"], test: Int[Tensor, "others"]) -> Rows:
    """Draws the rows of the three splits from the labels of the two files.

    With "random" subsets, training sets of rising size contain one another and the validation set does not depend on
    that size: they are taken from the two ends of one order. With "first", training takes the file's first rows, as
    the paper does, and validation is drawn from the rest.

    Raises:
        ValueError: if a file has too few rows.
    """
    _must_suffice(config, len(training), len(test))

    def order(name: str, labels: Int[Tensor, "some"]) -> Int[Tensor, "some"]:
        return stratified_order(labels, stream(config.seed, config.dataset, str(config.variant), name))

    if config.subset == "first":
        train = torch.arange(config.n_train)
        rest = config.n_train + order("train", training[config.n_train :])
    else:
        whole = order("train", training)
        train, rest = whole[: config.n_train], whole[config.n_train :]
    return Rows(
        train=train,
        validation=rest.flip(0)[: config.n_validation],
        test=order("test", test)[: config.n_test],
    )


def _must_suffice(config: DataConfig, training: int, test: int) -> None:
    what, where = config.dataset, config.source
    must(
        config.n_train + config.n_validation <= training,
        f"training and validation take different ones of the {training} training images of {what} in {where}; got "
        f"{config.n_train} + {config.n_validation}: lower --n-train or --n-validation",
    )
    must(
        config.n_test <= test,
        f"testing takes some of the {test} test images of {what} in {where}; got {config.n_test}: lower --n-test",
    )

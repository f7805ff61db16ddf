import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from trainables.config import DataConfig
from trainables.data.selection import select, stratified_order
from trainables.seeding import stream

LABELS = torch.randint(0, 7, (400,), generator=stream(1, "labels")) ** 2 // 6  # classes of very different sizes
CONFIG = {"dataset": "mnist", "source": "somewhere", "n_train": 100, "n_validation": 50, "n_test": 60}


def rows_of(**changes):
    return select(DataConfig(**(CONFIG | changes)), LABELS, LABELS[:200])


def farthest_from_proportion(labels):
    """The most that any class's count in any prefix differs from its share of the prefix."""
    counts = torch.nn.functional.one_hot(labels).cumsum(0).double()
    shares = counts[-1] / len(labels)
    return (counts - shares * torch.arange(1, len(labels) + 1)[:, None]).abs().max().item()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=200), st.integers(0, 2**32))
def test_an_order_has_every_row_once_and_proportional_prefixes(classes, seed):
    labels = torch.tensor(classes)

    order = stratified_order(labels, stream(seed))

    assert sorted(order.tolist()) == list(range(len(labels)))
    assert farthest_from_proportion(labels[order]) <= 3  # rounding: half an example for each of six classes


def test_a_shuffle_alone_would_not_be_proportional():
    assert farthest_from_proportion(LABELS[torch.randperm(400, generator=stream(0))]) > 6


@pytest.mark.parametrize("subset", ["random", "first"])
def test_training_and_validation_share_no_row(subset):
    rows = rows_of(subset=subset, n_train=300, n_validation=100)

    assert sorted(torch.cat([rows.train, rows.validation]).tolist()) == list(range(400))
    assert len(set(rows.test.tolist())) == 60


@pytest.mark.parametrize("subset", ["random", "first"])
def test_a_smaller_training_set_is_the_beginning_of_a_larger_one(subset):
    assert torch.equal(rows_of(subset=subset, n_train=40).train, rows_of(subset=subset, n_train=300).train[:40])


def test_validation_and_test_do_not_depend_on_the_training_set():
    few, many = rows_of(n_train=2), rows_of(n_train=300)

    assert torch.equal(few.validation, many.validation)
    assert torch.equal(few.test, many.test)


def test_first_takes_the_first_rows_of_the_file():
    assert rows_of(subset="first").train.tolist() == list(range(100))


@pytest.mark.parametrize(("subset", "split"), [("random", "train"), ("random", "validation"), ("first", "validation")])
def test_classes_keep_their_proportions(subset, split):
    chosen = LABELS[getattr(rows_of(subset=subset), split)]

    assert (chosen.bincount(minlength=7) - LABELS.bincount() * len(chosen) / 400).abs().max() < 3


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_the_seed_and_nothing_else_decides_what_is_drawn(split):
    once, again, other = (getattr(rows_of(seed=seed), split) for seed in (3, 3, 4))

    assert torch.equal(once, again)
    assert set(once.tolist()) != set(other.tolist())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_train": 351}, "400 training images of mnist in somewhere; got 351 [+] 50: lower --n-train"),
        ({"n_validation": 301}, "got 100 [+] 301: lower --n-train or --n-validation$"),
        ({"n_test": 201}, "some of the 200 test images of mnist in somewhere; got 201: lower --n-test$"),
    ],
)
def test_too_few_rows_are_refused_with_the_option_to_lower(changes, message):
    with pytest.raises(ValueError, match=message):
        rows_of(**changes)

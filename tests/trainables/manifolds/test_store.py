"""The store: one maker for many askers, and nothing damaged is ever used."""

import json
import multiprocessing
import os
import signal
import time

import pytest
import torch

from trainables.config import digest
from trainables.manifolds.store import DESCRIPTION, ManifoldStore

RECIPE = {"model": {"latent": 3}, "data": "f00d"}
NAME = digest(RECIPE)
FORK = multiprocessing.get_context("fork")


@pytest.fixture(params=["folder", "address"])
def store(request, tmp_path):
    root = tmp_path / "manifolds"
    return ManifoldStore(str(root) if request.param == "folder" else root.as_uri())


def make():
    return {"a": torch.arange(6.0).reshape(2, 3)}, {"seconds": 1.5}


def refuse():
    raise AssertionError("it was there already")


def test_what_is_made_is_kept_and_not_made_again(store):
    made = store.obtain(RECIPE, make)
    again = store.obtain(RECIPE, refuse)

    torch.testing.assert_close(made, again, rtol=0, atol=0)
    (entry,) = store.entries()
    assert (entry.name, entry.description["recipe"], entry.description["seconds"]) == (NAME, RECIPE, 1.5)
    assert entry.size > 0


def test_another_recipe_is_another_manifold(store):
    store.obtain(RECIPE, make)
    store.obtain({**RECIPE, "data": "beef"}, make)

    assert len(store.entries()) == 2


def test_what_is_deleted_is_gone(store):
    store.obtain(RECIPE, make)
    store.delete(NAME)

    assert store.entries() == []
    assert store.load(NAME) == (None, None)
    assert not store.has(NAME)


def weights_of(folder):
    (path,) = (folder / NAME).glob("*.safetensors")
    return path


def _flip(folder):
    content = bytearray(weights_of(folder).read_bytes())
    content[-3] ^= 1
    weights_of(folder).write_bytes(content)


def _halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _swap(folder):
    path = folder / NAME / DESCRIPTION
    path.write_text(json.dumps(json.loads(path.read_text()) | {"recipe": {"data": "beef"}}))


@pytest.mark.parametrize(
    ("harm", "why"),
    [
        (_flip, "not those that were written"),
        (lambda folder: _halve(weights_of(folder)), "not those that were written"),
        (lambda folder: _halve(folder / NAME / DESCRIPTION), "cannot be read"),
        (lambda folder: weights_of(folder).unlink(), "are missing"),
        (_swap, "another manifold"),
    ],
)
def test_what_is_damaged_is_named_set_aside_and_made_again(store, tmp_path, harm, why):
    store.obtain(RECIPE, make)
    harm(tmp_path / "manifolds")

    weights, fault = store.load(NAME)
    assert weights is None
    assert why in fault
    again = store.obtain(RECIPE, make)

    torch.testing.assert_close(again, make()[0])
    assert store.damaged() == [f"damaged-{NAME[:12]}-0"]
    torch.testing.assert_close(store.obtain(RECIPE, refuse), again)
    assert len(store.entries()) == 1
    store.delete(store.damaged()[0])
    assert store.damaged() == []


def test_what_is_set_aside_is_said_on_one_line(store):
    store.obtain(RECIPE, make)

    said = store.set_aside(NAME, "it is broken")

    assert "\n" not in said
    assert NAME[:12] in said
    assert "it is broken" in said


def test_a_reader_sees_an_old_entry_or_a_new_one(store):
    """The description names its weights, and nothing that it names is overwritten."""
    store.obtain(RECIPE, make)
    seen = store._description(NAME)
    store.keep(NAME, {"a": torch.zeros(3)}, {"recipe": RECIPE})

    old = store._files.read(f"{NAME}/{seen['sha256'][:16]}.safetensors")
    assert old is not None
    torch.testing.assert_close(store.load(NAME)[0], {"a": torch.zeros(3)})


def test_an_entry_without_a_description_is_not_there(store, tmp_path):
    store.obtain(RECIPE, make)
    (tmp_path / "manifolds" / NAME / DESCRIPTION).unlink()

    assert store.load(NAME) == (None, None)
    assert store.entries() == []


def _ask(root, log, pause):
    def slow():
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(pause)
        return make()

    weights = ManifoldStore(root).obtain(RECIPE, slow)
    os._exit(0 if torch.equal(weights["a"], make()[0]["a"]) else 1)


def _asker(root, log, pause):
    process = FORK.Process(target=_ask, args=(root, log, pause))
    process.start()
    return process


def test_of_twenty_askers_one_makes_it(tmp_path):
    askers = [_asker(str(tmp_path / "manifolds"), tmp_path / "log", 0.5) for _ in range(20)]
    for asker in askers:
        asker.join()

    assert [asker.exitcode for asker in askers] == [0] * 20
    assert len((tmp_path / "log").read_text().split()) == 1


def test_if_the_maker_is_killed_another_takes_over(tmp_path):
    log = tmp_path / "log"
    maker = _asker(str(tmp_path / "manifolds"), log, 600)
    while not log.exists():
        time.sleep(0.05)
    others = [_asker(str(tmp_path / "manifolds"), log, 0) for _ in range(5)]
    time.sleep(0.3)
    assert all(other.is_alive() for other in others)

    os.kill(maker.pid, signal.SIGKILL)
    for process in (maker, *others):
        process.join()

    assert [other.exitcode for other in others] == [0] * 5
    assert len(log.read_text().split()) == 2

import subprocess
import sys

import numpy as np
import pytest
import torch

from tests.trainables.data.tiny import write_idx, write_vision
from trainables.config import DataConfig
from trainables.data.images import fingerprint, load

PARTS = [("fashion", None), ("mnist", None), ("emnist", "digits"), ("emnist", "letters")]


def config(root, dataset="mnist", variant=None, **changes):
    sizes = {"n_train": 60, "n_validation": 40, "n_test": 50}
    return DataConfig(dataset=dataset, variant=variant, source=str(root), **(sizes | changes))


def identities(split):
    return {pixels.numpy().tobytes() for pixels in split.pixels}


@pytest.mark.parametrize(("dataset", "variant"), PARTS)
def test_splits_are_disjoint_bytes_that_become_numbers_from_0_to_1(dataset, variant, tmp_path):
    write_vision(tmp_path, dataset, variant)

    splits = load(config(tmp_path, dataset, variant))

    parts = [splits.train, splits.validation, splits.test]
    assert [len(part) for part in parts] == [60, 40, 50]
    assert len(set.union(*map(identities, parts))) == 150
    assert splits.image_shape == (1, 28, 28)
    assert splits.classes == (26 if variant == "letters" else 10)
    for part in parts:
        assert part.pixels.dtype == torch.uint8
        images = part.images(torch.arange(10))
        assert images.dtype == torch.float32
        assert (images.min(), images.max()) == (part.pixels[:10].min() / 255, 1)


@pytest.mark.parametrize(("dataset", "variant"), PARTS)
def test_a_label_stays_with_its_image(dataset, variant, tmp_path):
    write_vision(tmp_path, dataset, variant)

    test = load(config(tmp_path, dataset, variant)).test

    lines = test.pixels[:, 0].transpose(1, 2) if dataset == "emnist" else test.pixels[:, 0]
    bright = (lines == 255).all(dim=2).int().argmax(dim=1)
    assert torch.equal(bright, 1 + test.labels)


def test_emnist_stands_upright(tmp_path):
    raw = write_vision(tmp_path, "emnist")
    glyph = np.zeros((28, 28))
    glyph[4:24, 6] = glyph[23, 6:16] = 200  # an L: a long stroke down, a short one to the right at its foot
    write_idx(raw / "emnist-digits-test-images-idx3-ubyte", np.stack([glyph.T] * 60))

    seen = load(config(tmp_path, "emnist")).test.pixels[0, 0]

    assert np.array_equal(seen, glyph)


def test_letters_are_counted_from_a(tmp_path):
    write_vision(tmp_path, "emnist", "letters")

    labels = load(config(tmp_path, "emnist", "letters")).test.labels

    assert (labels.min(), labels.max()) == (0, 25)


def test_first_takes_the_first_images_of_the_file(tmp_path):
    raw = write_vision(tmp_path, "mnist")
    stored = np.frombuffer((raw / "train-images-idx3-ubyte").read_bytes(), np.uint8, offset=16).reshape(-1, 1, 28, 28)

    train = load(config(tmp_path, subset="first")).train

    assert np.array_equal(train.pixels, stored[:60])


@pytest.mark.parametrize("variant", ["digits", "letters"])
def test_packed_and_unpacked_files_give_the_same_splits(variant, tmp_path):
    write_vision(tmp_path / "plain", "emnist", variant)
    write_vision(tmp_path / "packed", "emnist", variant, packed=True)

    plain, packed = (load(config(tmp_path / name, "emnist", variant)) for name in ("plain", "packed"))

    assert fingerprint(plain) == fingerprint(packed)


def test_an_unpacked_file_comes_before_a_packed_one(tmp_path):
    raw = write_vision(tmp_path, "mnist")
    before = fingerprint(load(config(tmp_path)))
    (raw / "train-images-idx3-ubyte.gz").write_bytes(b"not read")

    assert fingerprint(load(config(tmp_path))) == before


def test_a_fingerprint_sees_the_seed_and_the_sizes(tmp_path):
    write_vision(tmp_path, "mnist")
    changes = [{}, {"seed": 1}, {"n_train": 50}, {"n_validation": 50}, {"n_test": 40}]

    prints = [fingerprint(load(config(tmp_path, **change))) for change in changes]

    assert len(set(prints)) == len(changes)
    assert fingerprint(load(config(tmp_path))) == prints[0]


@pytest.mark.parametrize("part", ["pixels", "labels"])
@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_fingerprint_sees_a_single_bit(split, part, tmp_path):
    write_vision(tmp_path, "mnist")
    splits = load(config(tmp_path))
    before = fingerprint(splits)

    getattr(getattr(splits, split), part).view(-1)[-1] ^= 1

    assert fingerprint(splits) != before


def test_reading_leaves_a_read_only_folder_as_it_is(tmp_path):
    raw = write_vision(tmp_path, "emnist", packed=True)
    for path in [*raw.iterdir(), raw, raw.parent, tmp_path]:
        path.chmod(0o555)
    before = {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")]}

    load(config(tmp_path, "emnist"))

    after = {path: path.stat().st_mtime_ns for path in [tmp_path, *tmp_path.rglob("*")]}
    for path in (tmp_path, raw.parent, raw):
        path.chmod(0o755)  # so that it can be removed
    assert after == before


def test_unpacked_files_need_no_torchvision(tmp_path):
    write_vision(tmp_path, "mnist")
    program = (
        "import sys; from trainables.config import DataConfig; from trainables.data.images import load;"
        f"load(DataConfig(dataset='mnist', source={str(tmp_path)!r}, n_train=9, n_validation=9, n_test=9));"
        "sys.exit('torchvision' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "mean", "fewest", "most"), [("fashion", 0.2860, 6000, 6000), ("mnist", 0.1307, 5421, 6742)]
)
def test_the_real_files_hold_what_is_known_of_them(dataset, mean, fewest, most, data_root):
    splits = load(config(data_root, dataset, n_train=50_000, n_validation=10_000, n_test=10_000))

    pixels = torch.cat([splits.train.pixels, splits.validation.pixels])
    counts = torch.cat([splits.train.labels, splits.validation.labels]).bincount()
    assert pixels.double().mean() / 255 == pytest.approx(mean, abs=1e-4)
    assert (counts.min(), counts.max()) == (fewest, most)
    assert len(splits.test.labels.bincount()) == 10

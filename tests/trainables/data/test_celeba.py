import hashlib
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.functional import interpolate

from tests.trainables.data.tiny import write_celeba
from trainables.config import DataConfig
from trainables.data import celeba
from trainables.data.images import fingerprint, load
from trainables.data.selection import select

# Of 64 images 57 are for training: 64 x 9 / 10, rounded down.


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    write_celeba(root)
    return root


def config(root, **changes):
    return DataConfig(
        dataset="celeba", source=str(root), **({"n_train": 40, "n_validation": 17, "n_test": 7} | changes)
    )


def smaller(path):
    """The recipe once more, by torch in floating point: 66 rows and 54 columns, of which 56 and 48 are kept."""
    pixels = torch.tensor(np.asarray(Image.open(path)).copy()).permute(2, 0, 1)[None].double()
    resized = interpolate(pixels, size=(66, 54), mode="bilinear", antialias=True, align_corners=False)
    return resized[0, :, 5:61, 3:51]


def test_images_are_resized_and_cropped_as_in_the_paper(made):
    train = load(config(made, subset="first")).train

    for row in (0, 1, 39):
        wanted = smaller(made / "celeba" / "img_align_celeba" / f"{row + 1:06}.jpg")
        assert (train.pixels[row] - wanted).abs().max() <= 1  # Pillow rounds between rows and columns


def test_nine_tenths_are_for_training_and_the_rest_for_testing(made):
    splits = load(config(made))

    test, rest = splits.test.pixels, torch.cat([splits.train.pixels, splits.validation.pixels])
    assert (len(test), len(rest)) == (7, 57)
    assert len(torch.cat([test, rest]).flatten(1).unique(dim=0)) == 64
    with pytest.raises(ValueError, match="some of the 7 test images"):
        load(config(made, n_test=8))


def test_the_last_image_of_the_list_is_a_test_image(made):
    wanted = smaller(made / "celeba" / "img_align_celeba" / "000064.jpg")

    distances = (load(config(made)).test.pixels - wanted).abs().amax(dim=(1, 2, 3))

    assert distances.min() <= 1


def test_men_are_class_1(made):
    splits = load(config(made, subset="first"))

    assert splits.classes == 2
    assert splits.image_shape == (3, 56, 48)
    assert splits.train.labels.tolist() == [int(number % 3 > 0) for number in range(1, 41)]


def test_images_are_bytes_that_become_numbers_from_0_to_1(made):
    train = load(config(made)).train

    images = train.images(torch.arange(len(train)))

    assert train.pixels.dtype == torch.uint8
    assert images.dtype == torch.float32
    assert 0 <= images.min() < 0.2 < 0.8 < images.max() <= 1


def test_only_the_selected_images_are_read(made, tmp_path):
    wanted = config(tmp_path / "copy", n_train=5, n_validation=4, n_test=3)
    shutil.copytree(made, tmp_path / "copy")
    stocks = celeba.stocks(wanted)
    rows = select(wanted, stocks.training.labels, stocks.test.labels)
    kept = {*rows.train.tolist(), *rows.validation.tolist(), *(57 + row for row in rows.test.tolist())}
    for row in set(range(64)) - kept:
        (tmp_path / "copy" / "celeba" / "img_align_celeba" / f"{row + 1:06}.jpg").unlink()

    assert len(kept) == 12
    assert fingerprint(load(wanted)) == fingerprint(load(config(made, n_train=5, n_validation=4, n_test=3)))


def test_the_seed_decides_which_images_are_drawn(made):
    once, again, other = (fingerprint(load(config(made, seed=seed))) for seed in (0, 0, 1))

    assert once == again != other


def test_reading_writes_nothing(made):
    before = {path: path.stat().st_mtime_ns for path in [made, *made.rglob("*")]}

    load(config(made))

    assert {path: path.stat().st_mtime_ns for path in [made, *made.rglob("*")]} == before


def test_nine_tenths_of_the_whole_are_the_papers_182339():
    assert celeba.WHOLE * 9 // 10 == 182_339


def test_the_whole_list_must_have_the_published_checksum(made, tmp_path, monkeypatch):
    from torchvision.datasets import CelebA

    content = (made / "celeba" / "list_attr_celeba.txt").read_bytes()
    monkeypatch.setattr(celeba, "WHOLE", 64)
    with pytest.raises(ValueError, match="with 64 images its MD5 is 75e246fa4810816ffd6ee81facbd244c; got"):
        load(config(made))

    monkeypatch.setattr(CelebA, "file_list", [("id", hashlib.md5(content).hexdigest(), "list_attr_celeba.txt")])
    assert len(load(config(made)).train) == 40

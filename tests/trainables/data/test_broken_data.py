import pytest

from tests.trainables.data.broken import BROKEN, GOOD, data_config
from trainables.pipeline import data_fingerprint


def listing(folder):
    return {path: path.lstat().st_mtime_ns for path in [folder, *folder.rglob("*")]}


@pytest.mark.parametrize("kind", GOOD)
def test_the_data_that_is_broken_below_is_good_before(kind, tmp_path):
    assert len(data_fingerprint(data_config(GOOD[kind](tmp_path)))) == 64


def test_there_are_many_kinds_of_broken_data_of_every_data_set():
    assert len(BROKEN) >= 60
    assert {kind.partition(":")[0] for kind in BROKEN} == {"fonts", "fashion", "mnist", "emnist", "celeba"}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_data_is_refused_in_one_line_that_names_it_and_the_way_out(kind, tmp_path):
    config = data_config(BROKEN[kind](tmp_path))
    before = listing(tmp_path)

    with pytest.raises(ValueError, match=r"; got|must be") as caught:
        data_fingerprint(config)

    message = str(caught.value)
    assert message.isprintable()  # so it is one line
    assert str(tmp_path) in message
    if config.dataset != "fonts":
        way_out = ": lower --n-" if "too few" in kind else f"--dataset {config.dataset}"
        assert way_out in message
        assert ("--download" in message) != ("too few" in kind)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("kind", "file", "told"),
    [
        ("mnist: labels for images", "train-images-idx3-ubyte", r"2051 \(images\); got 2049 \(labels\)"),
        ("mnist: images of 27x28", "train-images-idx3-ubyte", "its images are 28x28; got 27x28"),
        ("mnist: images cut off", "train-images-idx3-ubyte", r"94080 bytes \(120 x 28 x 28\).*; got 93980"),
        ("mnist: bytes after the end", "train-images-idx3-ubyte", "that its header announces; got 94084"),
        ("celeba: name leads elsewhere", "list_attr_celeba.txt", "named without a folder; got '../000002.jpg'"),
        ("celeba: name twice", "list_attr_celeba.txt", "got 63 different ones"),
        ("mnist: label 10", "train-labels-idx1-ubyte", "lie in 0 to 9; got 0 to 10"),
        ("emnist: letters with label 0", "emnist-letters-train-labels-idx1-ubyte", "lie in 1 to 26; got 0 to 25"),
        ("mnist: fewer labels than images", "train-labels-idx1-ubyte", "each of 120 images; got 119"),
        ("mnist: packed with a wrong checksum", "train-images-idx3-ubyte.gz", "MD5 is f68b3c2dcbeaaa9fbdd348bbdeb"),
        ("mnist: training images missing", "train-images-idx3-ubyte.gz", "got No such file"),
        ("mnist: folder for a file", "train-images-idx3-ubyte", "got Is a directory"),
        ("emnist: packed images cut off", "emnist-digits-train-images-idx3-ubyte.gz", "a whole gzip file; got"),
        ("celeba: grey image", "000002.jpg", r"178x218 \(width x height\) RGB; got 178x218 L"),
        ("celeba: image of another size", "000002.jpg", "RGB; got 218x178 RGB"),
        ("celeba: image cut off", "000002.jpg", "truncated"),
        ("celeba: image missing", "000002.jpg", "No such file.*needs `pip install gdown`"),
        ("celeba: value 0", "list_attr_celeba.txt", "Male is -1 or 1; got '0' for '000002.jpg'"),
        ("celeba: list has another count", "list_attr_celeba.txt", "as its first line says, 65; got 64"),
        ("celeba: whole list with a wrong checksum", "list_attr_celeba.txt", "its MD5 is 75e246fa4810816ffd6ee81f"),
        ("fonts: a font cut off", "holds a usable one", "1 unusable in .*fonts, .*cmr10.ttf"),
    ],
)
def test_what_is_expected_and_what_was_found_are_told(kind, file, told, tmp_path):
    config = data_config(BROKEN[kind](tmp_path))

    with pytest.raises(ValueError, match=f"{file}.*{told}"):
        data_fingerprint(config)

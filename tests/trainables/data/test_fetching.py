import functools
import hashlib
import shutil
import sys
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from urllib.request import urlretrieve

import pytest
from torchvision import datasets

from tests.trainables.data.tiny import write_celeba, write_vision
from trainables.config import DataConfig
from trainables.data import celeba
from trainables.data.images import download, fingerprint, load


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; of some names only the beginning, as when a line breaks."""

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        if name not in self.server.broken:
            return super().do_GET()
        content = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        return None

    def copyfile(self, source, outputfile):
        try:
            super().copyfile(source, outputfile)
        except OSError:  # torchvision looks for redirections first, and reads no further
            self.close_connection = True

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A server of tmp_path/served; `broken` names what it breaks off, `asked` what it was asked for."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    (tmp_path / "served").mkdir()
    handler = functools.partial(Handler, directory=tmp_path / "served")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked, server.broken, server.folder = [], set(), tmp_path / "served"
        server.url = f"http://127.0.0.1:{server.server_port}/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def mnist(server, tmp_path, monkeypatch):
    """Has tiny MNIST served, with its own checksums published; returns a config with an empty source."""
    files = sorted(write_vision(tmp_path / "made", "mnist", packed=True).iterdir())
    for file in files:
        shutil.copy(file, server.folder)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [server.url])
    monkeypatch.setattr(datasets.MNIST, "resources", [(file.name, md5(file)) for file in files])
    return DataConfig(dataset="mnist", source=str(tmp_path / "root"), n_train=60, n_validation=40, n_test=50)


def files_in(config):
    return sorted(path.name for path in Path(config.source).rglob("*") if path.is_file())


def test_what_is_fetched_is_what_was_served(mnist, tmp_path):
    download(mnist)

    made = DataConfig(dataset="mnist", source=str(tmp_path / "made"), n_train=60, n_validation=40, n_test=50)
    assert fingerprint(load(mnist)) == fingerprint(load(made))
    assert not (tmp_path / "root" / ".incomplete").exists()


def test_what_is_there_is_not_fetched_again(mnist, server):
    download(mnist)
    server.asked.clear()

    download(mnist)

    assert server.asked == []


def test_only_the_missing_file_is_fetched(mnist, server, tmp_path):
    raw = tmp_path / "root" / "MNIST" / "raw"
    shutil.copytree(tmp_path / "made", tmp_path / "root")
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()

    download(mnist)

    assert set(server.asked) == {"t10k-labels-idx1-ubyte.gz"}
    assert len(load(mnist).test) == 50


def test_what_was_whole_before_stays_where_it_is_when_fetching_fails(mnist, server, tmp_path):
    raw = tmp_path / "root" / "MNIST" / "raw"
    shutil.copytree(tmp_path / "made", tmp_path / "root")
    (raw / "t10k-labels-idx1-ubyte.gz").unlink()
    server.broken.add("t10k-labels-idx1-ubyte.gz")
    before = sorted(tmp_path.joinpath("root").rglob("*"))

    with pytest.raises(ValueError, match="must come over the network"):
        download(mnist)

    assert sorted(tmp_path.joinpath("root").rglob("*")) == before


def test_damaged_files_are_replaced(mnist, tmp_path):
    download(mnist)
    damaged = tmp_path / "root" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    damaged.write_bytes(damaged.read_bytes()[:999])
    with pytest.raises(ValueError, match="train-images-idx3-ubyte must be"):
        load(mnist)

    download(mnist)

    assert len(load(mnist).train) == 60


def test_a_broken_line_is_told_in_one_line_and_leaves_only_whole_files(mnist, server):
    server.broken.add("train-images-idx3-ubyte.gz")
    whole = [name for name, _ in datasets.MNIST.resources if name not in server.broken]
    before = [name for name, _ in datasets.MNIST.resources].index("train-images-idx3-ubyte.gz")

    with pytest.raises(ValueError, match=r"mnist must come over the network into .*root; got .*--download`$") as caught:
        download(mnist)

    assert str(caught.value).isprintable()
    assert files_in(mnist) == sorted(whole)[:before]
    with pytest.raises(ValueError, match="No such file"):
        load(mnist)


def test_the_next_try_fetches_only_what_was_broken_off(mnist, server):
    server.broken.add("train-labels-idx1-ubyte.gz")
    with pytest.raises(ValueError, match="must come over the network"):
        download(mnist)
    server.broken.clear()
    server.asked.clear()

    download(mnist)

    assert set(server.asked) == {"train-labels-idx1-ubyte.gz"}
    assert len(load(mnist).train) == 60


def test_files_with_another_checksum_are_not_kept(mnist, server, tmp_path):
    for file in server.folder.iterdir():
        file.write_bytes(b"<html>Please log in</html>")

    with pytest.raises(ValueError, match="corrupted"):
        download(mnist)

    assert not (tmp_path / "root").exists()


def test_no_server_is_told_in_one_line(mnist, server, tmp_path):
    datasets.MNIST.mirrors[:] = ["http://127.0.0.1:1/"]

    with pytest.raises(ValueError, match="Connection refused") as caught:
        download(mnist)

    assert str(caught.value).isprintable()
    assert not (tmp_path / "root").exists()


def test_a_file_where_the_folder_should_be_is_told_in_one_line(mnist, tmp_path):
    (tmp_path / "root").write_text("no folder")

    with pytest.raises(ValueError, match=r"into .*root; got (NotADirectory|FileExists)Error") as caught:
        download(mnist)

    assert str(caught.value).isprintable()


def test_too_few_images_are_not_mended_by_fetching(mnist, server):
    download(mnist)
    server.asked.clear()

    with pytest.raises(ValueError, match="lower --n-train"):
        download(DataConfig(dataset="mnist", source=mnist.source, n_train=500))

    assert server.asked == []


def test_nothing_is_written_to_a_log(mnist, capfd):
    download(mnist)

    assert capfd.readouterr() == ("", "")


def test_emnist_comes_in_one_archive(server, tmp_path, monkeypatch):
    files = write_vision(tmp_path / "made", "emnist", "letters", packed=True).iterdir()
    with zipfile.ZipFile(server.folder / "gzip.zip", "w") as archive:
        for file in files:
            archive.write(file, f"gzip/{file.name}")
    monkeypatch.setattr(datasets.EMNIST, "url", server.url + "gzip.zip")
    monkeypatch.setattr(datasets.EMNIST, "md5", md5(server.folder / "gzip.zip"))
    sizes = {"n_train": 60, "n_validation": 40, "n_test": 50}
    fetched, made = (
        DataConfig(dataset="emnist", variant="letters", source=str(tmp_path / name), **sizes)
        for name in ("root", "made")
    )

    download(fetched)

    assert fingerprint(load(fetched)) == fingerprint(load(made))


def celeba_archives(made, folder):
    """Writes the six files that torchvision wants of CelebA, from a made tree; returns its table of them."""
    folder.mkdir()
    names = sorted(path.name for path in (made / "img_align_celeba").iterdir())
    shutil.copy(made / "list_attr_celeba.txt", folder)
    rows = {"identity_CelebA.txt": " 1", "list_eval_partition.txt": " 0"}
    for name, row in rows.items():
        (folder / name).write_text("\n".join(f"{image}{row}" for image in names) + "\n")
    for name in ("list_bbox_celeba.txt", "list_landmarks_align_celeba.txt"):
        (folder / name).write_text("\n".join([str(len(names)), "x", *(f"{image} 1" for image in names)]) + "\n")
    with zipfile.ZipFile(folder / "img_align_celeba.zip", "w") as archive:
        for image in names:
            archive.write(made / "img_align_celeba" / image, f"img_align_celeba/{image}")
    return [(f"{folder.name}/{path.name}", md5(path), path.name) for path in folder.iterdir()]


@pytest.fixture
def drive(server, monkeypatch):
    """Stands in for gdown, and our server for Google's."""
    gdown = ModuleType("gdown")
    gdown.download = lambda id, output, **_: urlretrieve(server.url + id, output)
    monkeypatch.setitem(sys.modules, "gdown", gdown)


def celeba_config(root):
    return DataConfig(dataset="celeba", source=str(root), n_train=40, n_validation=17, n_test=7)


def test_celeba_is_fetched_and_unpacked(drive, server, tmp_path, monkeypatch):
    files = celeba_archives(write_celeba(tmp_path / "made"), server.folder / "celeba")
    monkeypatch.setattr(datasets.CelebA, "file_list", files)

    download(celeba_config(tmp_path / "root"))

    assert fingerprint(load(celeba_config(tmp_path / "root"))) == fingerprint(load(celeba_config(tmp_path / "made")))


def test_a_damaged_image_of_celeba_is_unpacked_anew_without_fetching(drive, server, tmp_path, monkeypatch):
    made = write_celeba(tmp_path / "root")
    monkeypatch.setattr(datasets.CelebA, "file_list", celeba_archives(made, tmp_path / "aside"))
    for file in (tmp_path / "aside").iterdir():
        file.replace(made / file.name)
    (made / celeba.IMAGES / "000007.jpg").write_bytes(b"damaged")

    download(celeba_config(tmp_path / "root"))

    assert len(load(celeba_config(tmp_path / "root")).train) == 40
    assert server.asked == []
    assert not (tmp_path / "root" / ".incomplete").exists()


def test_celeba_without_gdown_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gdown", None)  # importing it fails, wherever it is installed

    with pytest.raises(ValueError, match="pip install gdown") as caught:
        download(DataConfig(dataset="celeba", source=str(tmp_path / "root")))

    assert str(caught.value).isprintable()
    assert not (tmp_path / "root").exists()


@pytest.mark.data
@pytest.mark.slow
def test_the_real_files_come_with_the_published_checksums(server, tmp_path, monkeypatch, data_root):
    for file in (data_root / "FashionMNIST" / "raw").iterdir():
        shutil.copy(file, server.folder)
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [server.url])
    fetched, original = (DataConfig(dataset="fashion", source=str(root)) for root in (tmp_path / "root", data_root))

    download(fetched)

    assert fingerprint(load(fetched)) == fingerprint(load(original))

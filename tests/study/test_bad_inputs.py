"""Whatever is wrong before a trial starts: status 2, one line on stderr, nothing written.

A row is what makes it wrong, beside its name: a command line, and what has to lie in the folder or the environment.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from study.launch import main
from study.storage.journal import Journal
from tests.study.conftest import begin
from tests.study.processes import Driver

LONG, SMALL, NOBODY = "n" * 300, ["--scale", "smoke"], os.geteuid() != 0


def nothing() -> None:
    """Leaves the folder as the fixture made it."""


@dataclass(frozen=True)
class Row:
    """A bad input.

    Attributes:
        arrange: called in the folder where the command will run.
        environment: set for it; None unsets.
        within: a word that the message must have, so that no row is refused for another's reason.
    """

    line: str | Sequence[str]
    within: str = ""
    arrange: Callable[[], object] = nothing
    environment: tuple[tuple[str, str | None], ...] = ()

    @property
    def words(self) -> list[str]:
        return self.line.split() if isinstance(self.line, str) else list(self.line)


def link(name, to):
    return lambda: Path(name).symlink_to(to)


def forbidden(name):
    def arrange():
        Path(name).mkdir(parents=True, exist_ok=True)
        Path(name).chmod(0)

    return arrange


def studied(damage=nothing):
    """A study that has begun, in runs/tiny, and what then happened to it."""

    def arrange():
        begin(Path("runs")).__exit__(None, None, None)
        damage()

    return arrange


COPIES = [Path("runs/tiny/journal/000001.jsonl"), Path("runs/tiny/journal/copy/000001.jsonl")]


def journal(change):
    """Replaces the bytes of the journal's segment, in both copies."""

    def damage():
        for segment in COPIES:
            segment.write_bytes(change(segment.read_bytes()))

    return studied(damage)


def unlink_copies():
    for segment in COPIES:
        segment.unlink()


def events(*kinds, **config):
    """A journal that is whole and holds these events; the first is a study's with its config changed."""

    def damage():
        (line,) = COPIES[0].read_text().splitlines()
        unlink_copies()
        first = json.loads(line)["event"]
        first["config"] |= config
        with Journal(Path("runs/tiny/journal")) as written:
            for event in (first, *kinds) if config or not kinds or "config" not in kinds[0] else kinds:
                written.append(event)

    return studied(damage)


def replaced(path, how="mkdir"):
    def damage():
        Path(path).unlink(missing_ok=True)
        Path(path).mkdir() if how == "mkdir" else Path(path).write_text("")

    return studied(damage)


def folder_gone():
    Path("gone").mkdir()
    os.chdir("gone")
    Path("../gone").rmdir()


def mnist(content):
    def arrange():
        Path("images/MNIST/raw").mkdir(parents=True)
        for part in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
            Path(f"images/MNIST/raw/{part}-ubyte").write_bytes(content)

    return arrange


RESUME = "--resume runs/tiny"
USAGE = [
    Row("--bogus", "--bogus"), Row("surplus", "surplus"), Row("-x"), Row("--tri 3", "--tri"), Row("--trials"),
    Row("--resume"), Row("--architectures"), Row("--dry-run=yes", "dry-run"), Row("--no-confirm=1"), Row("-- x", "x"),
    Row("--space moon", "moon"), Row("--dataset cifar", "cifar"), Row("--architectures alexnet", "alexnet"),
    Row("--architectures conv conv", "distinct"), Row("--norm l1", "l1"), Row("--scale huge", "huge"),
    Row("--sampler cmaes", "cmaes"), Row("--scheduler asha", "asha"), Row("--halving often", "often"),
    Row("--constraint val_error<", "constraint"), Row("--constraint val_loss<0.2", "val_loss"),
    Row("--constraint val_error<2"), Row("--variant tame", "tame"), Row(["--dataset", ""]),
    Row(["--scale", "smoke\n"]),
]  # fmt: skip
NUMBERS = [
    Row("--epsilon 0"), Row("--epsilon nan", "nan"), Row("--epsilon 2", "epsilon"), Row("--epsilon inf"),
    Row("--epsilon 1e999"), Row("--eta -1"), Row("--eta=-inf"), Row("--epsilon 0_1"), Row(["--epsilon", "٠.٣"]),
    Row(["--epsilon", ""]), Row("--trials 0"), Row("--trials many"), Row("--trials 1.5"), Row("--trials 1e3"),
    Row("--trials nan"), Row(["--trials", ""]), Row(["--trials", "٣"]), Row(["--trials", "²"]),
    Row(["--trials", " 3"]), Row("--trials 1_000"), Row("--trials 99999999999"), Row("--seeds 0"),
    Row("--seeds 5000", "1000"), Row("--n-train 1"), Row(["--n-train", "9" * 5000]), Row("--n-attacked 600"),
    Row("--n-test 50"), Row("--epochs 0"), Row("--epochs 0x10"), Row("--grace 0"), Row("--factor 1"),
    Row("--factor nan"), Row("--factor 1e9", "factor"), Row("--replicates 21", "replicates"),
    Row("--sampler gp --trials 301", "300"), Row("--concurrency 0"), Row("--seed -1"),
    Row("--seed 2147483648", "2147483647"), Row("--cpus-per-trial 0"), Row("--gpus-per-trial 0"),
    Row("--backend fused --space manifold --dataset mnist", "classifiers"), Row("--slots 0"),
    Row("--backend dedicated --slots 4", "dedicated"), Row("--backend gpu", "fused"),
    Row("--gpus-per-trial 1.5", "fraction"), Row("--memory-per-trial inf"), Row("--memory-per-trial lots"),
]  # fmt: skip
NAMES = [
    Row("--name ../elsewhere", "name"), Row("--name a/b", "name"), Row("--name taken", "exists"),
    Row(["--name", ""], "name"), Row("--name .", "name"), Row("--name ..", "name"), Row("--name .hidden", "name"),
    Row("--name=-dash", "name"), Row("--name -dash"), Row("--name naïve", "name"), Row("--name 研究", "name"),
    Row(["--name", "two words"], "name"), Row(["--name", "line\nbreak"], "name"), Row(["--name", "nul\0"], "name"),
    Row(["--name", LONG], "too long"),
]  # fmt: skip
PATHS = [
    Row("--runs occupied/file --name x"), Row("--runs moon://x", "moon"), Row("--runs s3://", "s3"),
    Row("--resume moon://x/y", "moon"), Row("--resume file:///nowhere/at/all", "nowhere"),
    Row([*SMALL, "--runs", "/proc/none", "--name", "x"], "/proc/none"),
    Row([*SMALL, "--name", "x"], "runs/x", link("runs/x", "nowhere")), Row(["--runs", LONG], "too long"),
    Row([*SMALL, "--runs", "loop"], "loop", link("loop", "loop")), Row("--data-root nowhere", "nowhere"),
    Row("--data-root occupied/file"), Row("--data-root broken", "broken"),
    Row("--data-root loop", "", link("loop", "loop")), Row(["--data-root", LONG], "too long"),
    Row(["--data-root", "a\nb"], "a b"), Row("--fonts-dir nowhere", "nowhere"), Row("--fonts-dir empty", "empty"),
    Row("--fonts-dir occupied/file"), Row("--fonts-dir loop", "", link("loop", "loop")),
    Row("--fonts-dir occupied", "", lambda: Path("occupied/a.ttf").touch()), Row("--resume nowhere", "nowhere"),
    Row("--resume empty", "empty"), Row("--resume occupied/file"), Row(["--resume", ""]),
    Row("--resume loop", "", link("loop", "loop")), Row(["--resume", LONG], "too long"),
    Row(["--resume", "no\nwhere"], "no where"), Row("--name x", "current", folder_gone),
    Row("--dataset mnist", "data"), Row("--dataset celeba --data-root empty"),
    Row("--dataset mnist --data-root images", "images", mnist(b"")),
    Row("--dataset mnist --data-root images", "images", mnist(b"\x00\x00\x08\x03\xff\xff\xff\xff")),
    Row("--dataset mnist --data-root images", "images", mnist(os.urandom(4096))),
]  # fmt: skip
RESUMED = [
    Row(RESUME, "journal", studied(unlink_copies)),
    Row(RESUME, "journal", journal(lambda whole: b"")), Row(RESUME, "journal", journal(lambda whole: whole[:40])),
    Row(RESUME, "line 1", journal(lambda whole: whole[:40] + b"\n")),
    Row(RESUME, "line 1", journal(lambda _: os.urandom(99) + b"\n")),
    Row(RESUME, "line 2", journal(lambda whole: whole + whole)),
    Row(RESUME, "version", events(flavour="sweet")),
    Row(RESUME, "version", events(trials="many")), Row(RESUME, "version", events(data=None)),
    Row(RESUME, "version", events(sampler="cmaes")),
    Row(RESUME, "version", events({"kind": "finished", "trial_id": "ghost", "state": "COMPLETE", "message": None})),
    Row(RESUME, "journal", events({"kind": "note", "config": None})),
    Row(RESUME, "version", events({"kind": "asked", "flavour": "sweet"})),
    Row(RESUME, "000001.jsonl", replaced("runs/tiny/journal/000001.jsonl")),
    Row(RESUME, "lock", replaced("runs/tiny/journal/lock")), Row("--resume runs/tiny/study.json", "", studied()),
    Row(f"{RESUME} --trials 3", "--trials", studied()),
    Row(f"{RESUME} --name other --runs r", "--name --runs", studied()),
    Row(f"{RESUME} --address 127.0.0.1:9 --cpus-per-trial 0", "cpus", studied()),
]  # fmt: skip
TOGETHER = [
    Row("--data-root a --fonts-dir b"), Row("--download", "--download"),
    Row("--dataset mnist --variant hard", "variant"), Row("--dataset mnist --fonts-dir empty", "--fonts-dir"),
    Row("--dataset mnist --download --dry-run", "--dry-run"), Row("--resume empty --trials 3"),
    Row("--resume empty --dry-run", "--dry-run"), Row("--dataset emnist --variant easy"),
    Row("--dataset mnist --constraint val_on_manifold_error<0.2", "val_on_manifold_error"),
    Row("--accept-changes", "--resume"), Row([*SMALL, "--warm-start", "empty"], "--warm-start"),
    Row([*SMALL, "--warm-start", "nowhere"], "--warm-start"),
    Row("--scheduler none --halving pause --grace 3", "--halving --grace"),
    Row("--epochs 4 --grace 4", "--grace 4"), Row("--scale smoke --strong-images 20", "--strong-images"),
    Row("--space claims --no-confirm", "--no-confirm"),
]  # fmt: skip
KINDS = [
    Row("--manifold", "--manifold"), Row("--manifold moon", "moon"), Row("--manifold known moon", "moon"),
    Row("--manifold affine affine", "distinct"), Row("--manifold known affine known", "distinct"),
    Row("--dataset mnist --manifold known", "known for fonts alone"),
    Row("--dataset mnist --manifold affine known", "known for fonts alone"),
    Row("--dataset mnist --manifold learned affine known", "known for fonts alone"),
    Row("--space manifold --dataset mnist --manifold learned affine", "leave it out"),
    Row("--space manifold --manifold known learned", "leave it out"),
    Row("--space manifold --dataset mnist --checkpoint best-clean", "is of its last epoch"),
    Row("--checkpoint best", "invalid choice"),
    Row("--space manifold --dataset mnist --attack-precision bfloat16", "are learned without attacks"),
    Row("--attack-precision half", "invalid choice"),
    Row("--space manifold --manifold learned learned", "distinct"),
    Row("--manifold known affine --gamma 1", "--gamma"),
    Row("--manifold known affine --manifold-train n", "--manifold-train"),
    Row("--manifold known learned --latent-box 2.0", "--latent-box"),
    Row("--resume runs/tiny --manifold known affine", "--manifold", studied()),
]  # fmt: skip
ADDRESSES = [
    Row([*SMALL, f"--address={address}"], "--address")
    for address in (
        "", "nowhere", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:9", "127.0.0.1:-1", "127.0.0.1:99999",
        "127.0.0.1:ray", "127.0.0.1:6379:1", ":9", "[::1", "[::1]:", "[::1]:9", "[:::]:9", "::::", "ray://127.0.0.1:9",
        "256.1.1.1:9", "a b:9", f"{LONG}:9", "127.0.0.1:٩", "line\nbreak:9",
    )
]  # fmt: skip
NOWHERE = (("RAY_AUTH_TOKEN_PATH", "/nowhere/token"),)
ENVIRONMENT = [
    Row([*SMALL, "--address", "auto"], "--address", environment=(("RAY_ADDRESS", "nonsense"),)),
    Row([*SMALL, "--address", "auto"], "--address", environment=(("RAY_ADDRESS", "127.0.0.1:99999"),)),
    Row([*SMALL, "--address", "auto"], "--address", environment=(("RAY_ADDRESS", None), ("RAY_TMPDIR", "/nowhere"))),
    Row([*SMALL, "--name", "x"], "RAY_AUTH_TOKEN_PATH", environment=NOWHERE),
    Row([*SMALL, "--name", "x"], "TMPDIR", environment=(("RAY_TMPDIR", "/proc/none"),)),
    Row([*SMALL, "--name", "x"], "TMPDIR", environment=(("RAY_TMPDIR", None), ("TMPDIR", "occupied/file"))),
    Row("--bogus", "--bogus", environment=(("COLUMNS", "garbage"),)),
    Row("--bogus", "--bogus", environment=(("COLUMNS", "-7"), ("LC_ALL", "nonsense"))),
    Row([*SMALL, "--address", "127.0.0.1:9"], "--address", environment=(("HOME", None),)),
]
RIGHTS = [
    Row([*SMALL, "--runs", "closed/runs"], "closed", forbidden("closed")),
    Row("--data-root closed", "closed", forbidden("closed")), Row("--fonts-dir closed", "closed", forbidden("closed")),
    Row(RESUME, "", studied(lambda: Path("runs/tiny/journal").chmod(0))),
    Row(RESUME, "lock", studied(lambda: Path("runs/tiny/journal/lock").chmod(0))),
]  # fmt: skip
USUAL = [*USAGE, *NUMBERS, *NAMES, *PATHS, *RESUMED, *TOGETHER, *KINDS, *ADDRESSES, *ENVIRONMENT]
ROWS = [*USUAL, *(RIGHTS if NOBODY else [])]


def named(row):
    first = repr(" ".join(row.words))[1:-1]
    return f"{first[:60]} {' '.join(f'{name}={value}' for name, value in row.environment)}".strip()


def contents(folder):
    """Everything below a folder: names, kinds and bytes."""
    found = {}
    for path in sorted(folder.rglob("*")):
        found[path] = path.read_bytes() if path.is_file() else os.path.islink(path)
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("runs/taken").mkdir(parents=True)
    Path("empty").mkdir()
    Path("occupied").mkdir()
    Path("occupied/file").write_text("")
    Path("broken/FONTS").mkdir(parents=True)
    Path("broken/FONTS/prototypes.npz").write_bytes(b"no archive")
    return tmp_path


def test_there_are_at_least_sixty_rows_and_no_two_are_the_same():
    assert len(ROWS) >= 60
    assert len({(tuple(row.words), row.arrange, row.environment) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_a_bad_input_is_refused_on_one_line_and_leaves_nothing(row, folder, monkeypatch, capfd):
    row.arrange()
    for name, value in row.environment:
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    before = contents(folder)

    status = main(row.words)

    said = capfd.readouterr().err
    assert (status, said.count("\n")) == (2, 1), said
    assert said.startswith("study.launch: ")
    assert row.within in said
    assert contents(folder) == before


@pytest.mark.slow
@pytest.mark.parametrize("place", ["/dev/full", "a pipe that nobody reads"])
def test_a_study_that_cannot_speak_does_not_start(place, folder):
    if place.startswith("/"):
        place = os.open(place, os.O_WRONLY)
    else:
        unread, place = os.pipe()
        os.close(unread)
    driver = Driver(*SMALL, "--name", "x", stdout=place)
    os.close(place)

    status, _, said = driver.finish()

    assert (status, said.count("\n")) == (2, 1), said
    assert "stdout" in said
    assert driver.gone(within=10)
    assert not Path("runs/x").exists()

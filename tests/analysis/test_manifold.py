"""What a report says of a learned manifold."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.departures import departure_sentences, measures
from analysis.formats import percent
from analysis.load import StudyUnreadable
from analysis.manifold import manifold_rows, manifold_sentences
from analysis.pictures import draw_pictures
from analysis.report import write_report
from tests.analysis.pages import html
from tests.analysis.synthetic import write_study

QUALITY = {
    "images": 500, "l1": 30.5, "l2": 2.94, "error": 0.067, "reconstruction_error": 0.02, "sample_error": None,
    "deviation": 0.9, "cube": 1.9, "outside": 0.01, "eta": 0.3, "success": 0.4, "agreement": 0.97,
}  # fmt: skip
MODEL = {"kind": "learned", "agnostic": False, "images": "all", "latent": 10, "gamma": 1.0, "box": "minmax"}


DISTANCES = {  # kind: lengths, distances to the manifold, what lies beyond the neighbours' span
    "none": ([0.0, 0.0], [0.2, 0.4], [0.0, 0.0]),
    "regular": ([1.0, 2.0], [0.9, 1.8], [0.5, 1.0]),
    "on-manifold": ([1.5, 1.0], [1e-7, 1e-7], [0.3, 0.2]),
    "random": ([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]),
}


def with_manifold(
    folder: Path, quality: dict[str, Any] | None = QUALITY, kinds: tuple[str, ...] = tuple(DISTANCES), **model: Any
) -> Path:
    run_dir = write_study(folder)
    names = ("length", "to_manifold", "beyond_neighbours")
    tables = [pa.table({"kind": [kind] * 2, **dict(zip(names, DISTANCES[kind], strict=True))}) for kind in kinds]
    pq.write_table(pa.concat_tables(tables), run_dir / "results" / "distances.parquet")
    pictures = {"images": np.zeros((1, 10, 1, 28, 28), np.uint8), "samples": np.full((3, 10, 1, 28, 28), 200, np.uint8)}
    np.savez(run_dir / "results" / "manifold.npz", **(pictures if quality else {}))
    told = {"model": MODEL | model, "digest": "abc", "quality": quality}
    (run_dir / "results" / "manifold.json").write_text(json.dumps(told))
    return run_dir


def test_a_study_without_one_says_nothing(tmp_path: Path) -> None:
    run_dir = write_study(tmp_path)
    study = analysis.load(run_dir)

    assert (manifold_rows(study), manifold_sentences(study)) == ([], [])
    assert 'id="manifold"' not in html(run_dir)


def test_every_measure_has_a_value_and_a_meaning(tmp_path: Path) -> None:
    rows = {name: value for name, value, _ in manifold_rows(analysis.load(with_manifold(tmp_path)))}

    assert rows["reconstruction, L2"] == "2.94"
    assert rows["label agreement"] == "97.0\N{NO-BREAK SPACE}%"
    assert rows["reference error, samples"] == "–"


@pytest.mark.parametrize(
    ("model", "says", "not_said"),
    [
        ({}, "is told the label", "without a discriminator"),
        ({"agnostic": True}, "one VAE-GAN for all classes", "is told the label"),
        ({"gamma": 0.0}, "without a discriminator", "one VAE-GAN for all"),
        ({"images": "n"}, "the very images that the classifiers train on", "has seen more images"),
    ],
)
def test_what_the_numbers_cannot_say_is_said(tmp_path: Path, model: dict[str, Any], says: str, not_said: str) -> None:
    text = " ".join(manifold_sentences(analysis.load(with_manifold(tmp_path, **model))))

    assert says in text
    assert not_said not in text


@pytest.mark.parametrize(("lost", "hardly"), [(0.02, False), (0.49, False), (0.5, True), (0.9, True), (None, False)])
def test_what_is_no_manifold_is_called_that(tmp_path: Path, lost: float | None, hardly: bool) -> None:
    quality = QUALITY | {"reconstruction_error": lost}

    text = " ".join(manifold_sentences(analysis.load(with_manifold(tmp_path, quality))))

    assert ("hardly a manifold" in text) == hardly
    assert (f"errs on {percent(lost)} of what it makes" in text) if hardly else "Learn longer" not in text


def test_the_page_shows_numbers_and_pictures(tmp_path: Path) -> None:
    page = write_report(with_manifold(tmp_path))

    assert "label agreement" in page.read_text()
    assert "data:image/png;base64,iVBOR" in page.read_text()
    assert (page.parent / "manifold.png").read_bytes().startswith(b"\x89PNG")


def test_a_known_manifold_has_distances_and_no_quality(tmp_path: Path) -> None:
    page = write_report(with_manifold(tmp_path, quality=None, kind="known"))

    assert "that the data was drawn from" in page.read_text()
    assert "label agreement" not in page.read_text()
    assert "Gauss-Newton" in page.read_text()
    assert not (page.parent / "manifold.png").exists()
    assert (page.parent / "departures.png").read_bytes().startswith(b"\x89PNG")


def test_distances_are_relative_to_the_perturbation_and_angles(tmp_path: Path) -> None:
    found = measures(analysis.load(with_manifold(tmp_path)))

    far, relative, angle = found["regular"]
    assert far.tolist() == [0.9, 1.8]
    assert relative.tolist() == pytest.approx([0.9, 0.9])
    assert angle.tolist() == pytest.approx([30, 30])
    assert found["none"][0].tolist() == [0.2, 0.4]
    assert found["none"][1:] == (None, None)


def test_the_control_is_said_beside_the_claim(tmp_path: Path) -> None:
    text = " ".join(departure_sentences(analysis.load(with_manifold(tmp_path, kind="known"))))

    assert "2 successful regular and 2 successful on-manifold" in text
    assert "further than 1.35 from the manifold, 90% of their" in text
    assert "of the on-manifold ones, 1e-07" in text
    assert "random perturbations (100%)" in text


@pytest.mark.parametrize("kinds", [("none",), ("none", "on-manifold"), ("none", "regular", "random")])
def test_attacks_that_never_succeed_are_left_out(tmp_path: Path, kinds: tuple[str, ...]) -> None:
    assert "Distances of perturbed test images" in html(with_manifold(tmp_path, kinds=kinds))


def test_damaged_distances_are_said(tmp_path: Path) -> None:
    run_dir = with_manifold(tmp_path)
    (run_dir / "results" / "distances.parquet").write_bytes(b"PAR1")

    with pytest.raises(StudyUnreadable, match="distances"):
        analysis.load(run_dir)


def test_damaged_pictures_are_said(tmp_path: Path) -> None:
    run_dir = with_manifold(tmp_path)
    (run_dir / "results" / "manifold.npz").write_bytes(b"PK")

    with pytest.raises(StudyUnreadable, match="pictures"):
        analysis.load(run_dir)


def test_pictures_of_three_channels_are_drawn() -> None:
    assert draw_pictures({"faces": np.zeros((2, 10, 3, 56, 48), np.uint8)}).startswith(b"\x89PNG")

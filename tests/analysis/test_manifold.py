"""What a report says of a learned manifold."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import analysis
from analysis.load import StudyUnreadable
from analysis.manifold import manifold_rows, manifold_sentences
from analysis.pictures import draw_pictures
from analysis.report import write_report
from tests.analysis.synthetic import write_study

QUALITY = {
    "images": 500, "l1": 30.5, "l2": 2.94, "error": 0.067, "reconstruction_error": 0.02, "sample_error": None,
    "deviation": 0.9, "cube": 1.9, "outside": 0.01, "eta": 0.3, "success": 0.4, "agreement": 0.97,
}  # fmt: skip
MODEL = {"kind": "learned", "agnostic": False, "images": "all", "latent": 10, "gamma": 1.0, "box": "minmax"}


def with_manifold(folder: Path, **model: Any) -> Path:
    run_dir = write_study(folder)
    pictures = {"images": np.zeros((1, 10, 1, 28, 28), np.uint8), "samples": np.full((3, 10, 1, 28, 28), 200, np.uint8)}
    np.savez(run_dir / "results" / "manifold.npz", **pictures)
    told = {"model": MODEL | model, "digest": "abc", "quality": QUALITY}
    (run_dir / "results" / "manifold.json").write_text(json.dumps(told))
    return run_dir


def test_a_study_without_one_says_nothing(tmp_path: Path) -> None:
    run_dir = write_study(tmp_path)
    study = analysis.load(run_dir)

    assert (manifold_rows(study), manifold_sentences(study)) == ([], [])
    assert 'id="manifold"' not in write_report(run_dir).read_text()


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


def test_the_page_shows_numbers_and_pictures(tmp_path: Path) -> None:
    page = write_report(with_manifold(tmp_path))

    assert "label agreement" in page.read_text()
    assert "data:image/png;base64,iVBOR" in page.read_text()
    assert (page.parent / "manifold.png").read_bytes().startswith(b"\x89PNG")


def test_damaged_pictures_are_said(tmp_path: Path) -> None:
    run_dir = with_manifold(tmp_path)
    (run_dir / "results" / "manifold.npz").write_bytes(b"PK")

    with pytest.raises(StudyUnreadable, match="pictures"):
        analysis.load(run_dir)


def test_pictures_of_three_channels_are_drawn() -> None:
    assert draw_pictures({"faces": np.zeros((2, 10, 3, 56, 48), np.uint8)}).startswith(b"\x89PNG")

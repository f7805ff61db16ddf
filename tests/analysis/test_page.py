import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.cards import cards
from analysis.exports import front_csv
from analysis.findings import Findings
from analysis.summary import summary
from tests.analysis.pages import contents, html
from tests.analysis.synthetic import BASELINES, data_json, read_rows, write_study

METRICS = ["error", "robust error", "on-manifold error", "affine error", "success rate"]
DATASETS = [
    (("fonts", "hard"), "FONTS (hard)"),
    (("fashion", None), "Fashion-MNIST"),
    (("mnist", None), "MNIST"),
    (("emnist", "digits"), "EMNIST digits"),
    (("emnist", "letters"), "EMNIST letters"),
    (("celeba", None), "CelebA"),
]


def page_of(folder: Path, *data: str | None, **changes: Any) -> dict[str, Any]:
    """Returns the words and tables of a study of two small networks, or of the one in the folder."""
    if data:
        study: dict[str, Any] = {"architectures": ("conv", "resnet")} | changes | {"dataset": data_json(*data)}
        write_study(folder, **study)
    return contents(analysis.load(folder))


@pytest.mark.parametrize(("data", "name"), DATASETS)
def test_data_sets_are_called_what_people_call_them(tmp_path: Path, data: tuple[str, str | None], name: str) -> None:
    sentence = page_of(tmp_path, *data, trials=4)["sentences"][0]

    assert sentence == (
        f"8 configurations of conv and resnet ×1/8 were trained on 1,000 images of {name}; 8 gave a result."
    )


@pytest.mark.parametrize(("data", "missing"), [(("fonts", "hard"), None), (("celeba", None), "on-manifold error")])
def test_tables_have_columns_for_what_was_measured(tmp_path: Path, data: tuple[str, str], missing: str | None) -> None:
    found = page_of(tmp_path, *data)

    assert found["metrics"] == [metric for metric in METRICS if metric != missing]
    assert {len(row["metrics"]) for row in found["members"] + found["baselines"]} == {len(found["metrics"])}


def test_a_metric_that_only_validation_has_keeps_its_column(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path)
    rewrite(folder, "confirmations", lambda _: {"test_affine_error": None, "test_on_manifold_error": float("nan")})

    found = page_of(folder)

    assert found["metrics"] == METRICS
    assert {tuple(row["metrics"][2:4]) for row in found["members"]} == {("–", "–")}


def test_before_the_confirmation_baselines_have_their_affine_error_on_validation(tmp_path: Path) -> None:
    found = page_of(tmp_path, "mnist", None, seeds=0)
    trials = [row for row in read_rows(tmp_path, "trials") if row["label"]]

    assert [row["metrics"][2] for row in found["baselines"]] == [f"{row['val_affine_error']:.3f}" for row in trials]


def test_eta_is_said_to_hold_for_what_was_measured_within_it(tmp_path: Path) -> None:
    threat = {"norm": "l2", "epsilon": 1.5, "eta": 0.2}
    found = page_of(tmp_path, "mnist", None, threat_model=threat)

    assert "η = 0.2 for affine transformations of the image. Robust" in found["pareto_caption"]
    assert found["metrics_meaning"] == (
        "Beyond the pixels, by the same attack: affine error is under translation, shear, scale and rotation of the "
        "image; a mean over the radii 0.05, 0.1, 0.15 and 0.2 (L2)."
    )


def test_both_errors_beyond_the_pixels_are_explained_where_both_were_measured(run_dir: Path) -> None:
    found = page_of(run_dir)

    assert "η = 0.3 on the manifold and for affine transformations of the image. Robust" in found["pareto_caption"]
    assert "on-manifold error is under changes of an image's code on the data's manifold" in found["metrics_meaning"]
    assert "affine error is under translation" in found["metrics_meaning"]
    assert "each is a mean over the radii 0.075, 0.15, 0.225 and 0.3 (L∞)." in found["metrics_meaning"]


def test_a_study_that_measured_nothing_within_eta_says_so(run_dir: Path, rewrite: Callable[..., None]) -> None:
    for table, split in (("trials", "val"), ("confirmations", "test")):
        nothing = {f"{split}_affine_error": None, f"{split}_on_manifold_error": None}
        rewrite(run_dir, table, lambda _, nothing=nothing: nothing)  # type: ignore[misc] # a default

    found = page_of(run_dir)

    assert "η = 0.3 (nothing was measured with it)." in found["pareto_caption"]
    assert found["metrics_meaning"] == ""


def test_the_csv_and_the_summary_hold_the_errors_that_were_measured(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, dataset=data_json("fashion", None)))

    row = next(csv.DictReader(io.StringIO(front_csv(summary(study)))))
    member = summary(study)["architectures"]["conv"]["front"][0]

    assert float(row["test_affine_error"]) == member["test_affine_error"] > 0
    assert "test_affine_error_low" in row
    assert not [column for column in [*row, *member] if "on_manifold" in column]


def test_the_transformations_of_a_mixture_stand_in_their_place(tmp_path: Path) -> None:
    found = page_of(tmp_path, "fashion", None)
    place = BASELINES["affine"].index("Reg+AdvTrans")
    config = read_rows(tmp_path, "trials")[place]

    radii = [config[f"config.roles.{threat}.radius"] for threat in ("pixel", "affine")]
    assert "those of (clean · image · transformation) examples" in found["settings_meaning"]
    told = dict(zip(found["settings"], found["trials"][place]["settings"], strict=True))
    assert told["shares"] == "0.50 · 0.25 · 0.25"
    assert told["radii"] == f"{radii[0]:.3g} · {radii[1]:.3g}"
    assert told["learning rate"] == "0.01"


def test_a_mixture_names_every_threat_that_some_trial_trains_on(run_dir: Path, rewrite: Callable[..., None]) -> None:
    affine = {f"config.roles.affine.{key}": 0.25 for key in ("share", "weight", "radius")}
    rewrite(run_dir, "trials", lambda row: affine if row["label"] == "Normal" else dict.fromkeys(affine))

    found = page_of(run_dir)

    assert "those of (clean · image · manifold · transformation) examples" in found["settings_meaning"]
    assert found["trials"][0]["settings"][1] == "0.75 · – · – · 0.25"


def test_captions_say_what_panels_are_where_there_are_several(tmp_path: Path) -> None:
    several = page_of(tmp_path / "2", "fonts", "hard")
    together = page_of(tmp_path / "1", "fonts", "hard", architectures=("conv",))

    for caption in ("pareto_caption", "success_caption"):
        assert several[caption].startswith("One panel for each network, all on the same axes. ")
        assert "panel" not in together[caption]
    assert "Pale lines repeat the fronts of the other networks." in several["pareto_caption"]
    assert "Pale lines" not in together["pareto_caption"]


def test_the_comparison_names_its_data_and_how_the_papers_methods_differ(tmp_path: Path) -> None:
    caption = page_of(tmp_path, "emnist", "digits")["success_caption"]

    assert "at 1,000 training images of EMNIST digits, read from their figures" in caption
    assert "means over 5 models (3 for Reg+AdvTrans), trained by the paper's schedule. Their DataAugm takes" in caption


def test_the_comparison_on_fonts_names_the_papers_own_typefaces(run_dir: Path) -> None:
    caption = page_of(run_dir)["success_caption"]

    assert "(3 for Reg+OnTrue), trained by the paper's schedule on typefaces of its own. Their RandTrue" in caption
    assert "DataAugm" not in caption


def test_a_caption_says_why_mnist_has_no_stars(tmp_path: Path) -> None:
    caption = page_of(tmp_path, "mnist", None)["success_caption"]

    assert caption.endswith("could be compared only if the data set is FONTS (hard) or EMNIST digits, not MNIST.")


def test_a_width_that_study_json_does_not_name_is_that_of_the_trials(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, ("conv", "resnet"), trials=2))
    older = analysis.Study(
        name=study.name,
        config={key: value for key, value in study.config.items() if key != "widths"},
        trials=study.trials,
        curves=study.curves,
        confirmations=study.confirmations,
    )

    assert (older.width("resnet"), older.width("vit")) == (0.125, 1.0)


def test_seeds_that_attain_nothing_leave_no_broken_path(run_dir: Path, rewrite: Callable[..., None]) -> None:
    seeds = sorted({row["seed"] for row in read_rows(run_dir, "confirmations")})
    rewrite(run_dir, "confirmations", lambda row: {"test_robust_error": 1.0} if row["seed"] == seeds[0] else {})
    rewrite(run_dir, "confirmations", lambda row: {"test_robust_error": 1.0} if row["architecture"] == "mlp" else {})

    paths = re.findall(r' d="(.*?)"', html(run_dir))

    assert [path for path in paths if path and not path.startswith("M")] == []
    assert [path for path in paths if "LZ" in path or "nan" in path] == []


def test_cards_of_trials_that_differ_in_anything_differ(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    folder = write_study(tmp_path, ("conv",))
    numbers = {"config.roles.pixel.steps": 40, "config.roles.pixel.loss": "ce", "config.optimiser.weight_decay": 1e-4}
    rewrite(folder, "trials", lambda row: numbers)
    findings = Findings(study=analysis.load(folder))
    assert not any(findings.details.values())  # nothing differs

    first = findings.confirmed[0].trial_id
    rewrite(folder, "trials", lambda row: {"config.roles.pixel.loss": "trades"} if row["trial_id"] == first else {})
    findings = Findings(study=analysis.load(folder))

    told = {card["trial_id"]: dict(card["rows"]) for card in cards(findings)}
    assert told[first]["image"] == "loss trades"
    assert {rows["image"] for trial, rows in told.items() if trial != first} == {"loss ce"}

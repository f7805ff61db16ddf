"""What a report says where trials had a choice of what to train along."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import analysis
from analysis.manifold import manifold_sentences
from analysis.movement import along, choice_meaning, kinds
from tests.analysis.pages import contents, html
from tests.analysis.synthetic import write_study
from tests.analysis.test_manifold import with_manifold

KINDS = ["known", "learned", "learned-agnostic", "affine"]
ROLE = {"roles.manifold.share": 0.25}


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "–"),
        ({"roles.pixel.share": 0.5}, "–"),
        ({"roles.affine.share": 0.5}, "affine"),
        ({**ROLE, "roles.manifold.on": "known"}, "known"),
        ({**ROLE, "roles.manifold.on.model.agnostic": False, "roles.manifold.on.box": "2.0"}, "learned, 2.0"),
        (
            {**ROLE, "roles.manifold.on.model.agnostic": True, "roles.manifold.on.box": "minmax"},
            "learned-agnostic, minmax",
        ),
    ],
)
def test_a_configuration_says_its_kind_and_its_box(config: dict[str, Any], says: str) -> None:
    assert along(config) == says


def test_a_study_of_one_kind_says_nothing_of_a_choice(tmp_path: Path) -> None:
    study = analysis.load(write_study(tmp_path, manifold={"kind": "known"}))

    assert (kinds(study), choice_meaning(study)) == ((), "")
    assert "trained along" not in contents(study)["settings"]
    assert contents(study)["settings_meaning"].endswith("adversary in training.")


def test_a_study_of_several_shows_what_every_trial_trained_along(tmp_path: Path, rewrite: Callable[..., None]) -> None:
    run_dir = write_study(tmp_path, manifold={"kind": "known", "kinds": KINDS})
    boxed = {"config.roles.manifold.on.model.agnostic": False, "config.roles.manifold.on.box": "2.0"}
    rewrite(run_dir, "trials", lambda row: boxed if row["label"] == "OnTrue" else dict.fromkeys(boxed))

    found = contents(analysis.load(run_dir))

    trials = {each["label"]: each for each in found["trials"]}
    told = dict(zip(found["settings"], trials["OnTrue"]["settings"], strict=True))
    assert told["trained along"] == "learned, 2.0"
    assert dict(zip(found["settings"], trials["Normal"]["settings"], strict=True))["trained along"] == "–"
    assert "all are measured on the first" in found["settings_meaning"]
    assert "trained along" in html(run_dir)


def test_boxes_are_explained_only_where_something_is_learned(tmp_path: Path) -> None:
    meanings = [
        choice_meaning(
            analysis.load(write_study(tmp_path / kind, manifold={"kind": "known", "kinds": ["known", kind]}))
        )
        for kind in ("affine", "learned")
    ]

    assert ["minmax" in meaning for meaning in meanings] == [False, True]


def test_the_quality_of_the_first_manifold_is_not_taken_for_that_of_others(tmp_path: Path) -> None:
    run_dir = with_manifold(tmp_path)
    alone = " ".join(manifold_sentences(analysis.load(run_dir)))
    told = json.loads((run_dir / "results" / "manifold.json").read_text())
    told["model"]["kinds"] = KINDS
    (run_dir / "results" / "manifold.json").write_text(json.dumps(told))

    among = " ".join(manifold_sentences(analysis.load(run_dir)))

    assert among == f"{alone} Of other manifolds that trials trained along nothing was measured, nor how good they are."

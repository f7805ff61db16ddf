"""What the study asked of its trials holds in the report, and what is not there yet is said."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.attacks import attacks_section
from analysis.bands import bands
from analysis.cautions import cautions
from analysis.charts.fronts import front_chart
from analysis.claims.figures import figures
from analysis.constraints import violations
from analysis.cost import search_trace
from analysis.drawing import rendered
from analysis.findings import Findings
from analysis.front import confirmed_fronts
from analysis.prose import what_was_found
from analysis.schema import IMPORTANCE
from analysis.sections.choosing import command
from tests.analysis.grids import as_claimed, grid, rows
from tests.analysis.pages import html
from tests.analysis.synthetic import read_rows, write_table
from tests.analysis.under_attack import attack

Rewrite = Callable[..., None]


def asked(folder: Path, *constraints: str) -> analysis.Study:
    path = folder / "study.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"constraints": constraints}))
    return analysis.load(folder)


def measured(folder: Path, trial_id: str, metric: str) -> float:
    (value,) = [row[metric] for row in read_rows(folder, "trials") if row["trial_id"] == trial_id]
    return float(value)


def test_what_violates_a_constraint_is_on_no_front_and_the_reason_is_told(run_dir: Path) -> None:
    free = confirmed_fronts(analysis.load(run_dir))[0]
    worst = max(free.members, key=lambda c: measured(run_dir, c.trial_id, "val_error")).trial_id
    bound = measured(run_dir, worst, "val_error")

    study = asked(run_dir, f"val_error<{bound!r}")
    front = confirmed_fronts(study)[0]

    assert worst not in [c.trial_id for c in front.candidates]
    assert dict(front.excluded)[worst] == f"violates val_error<{bound!r}"
    kept = [c.trial_id for c in free.candidates if measured(run_dir, c.trial_id, "val_error") < bound]
    assert [c.trial_id for c in front.candidates] == kept
    assert f"violates val_error<{bound!r}" in html(run_dir).replace("&lt;", "<")


@pytest.mark.parametrize(
    ("relation", "violates"), [("<", True), ("<=", False), (">", True), (">=", False)]
)  # of a value on the bound
def test_bounds_belong_to_what_they_say(run_dir: Path, relation: str, violates: bool) -> None:
    value = measured(run_dir, "conv-000", "val_robust_error")

    assert ("conv-000" in violations(asked(run_dir, f"val_robust_error{relation}{value!r}"))) is violates


def test_what_was_not_measured_violates_its_constraint(run_dir: Path, rewrite: Rewrite) -> None:
    rewrite(run_dir, "trials", lambda row: {"val_success_rate": None})

    found = violations(asked(run_dir, "val_success_rate<0.5"))

    assert set(found) == {row["trial_id"] for row in read_rows(run_dir, "trials") if row["state"] == "COMPLETE"}


def test_replicates_count_for_their_configuration(run_dir: Path, rewrite: Rewrite) -> None:
    own = measured(run_dir, "conv-000", "val_error")
    again = next(row for row in read_rows(run_dir, "trials") if row["trial_id"] == "conv-000")
    write_table(
        run_dir,
        "trials",
        [
            *read_rows(run_dir, "trials"),
            again | {"trial_id": "conv-900", "replicate_of": "conv-000", "label": None, "val_error": own + 0.2},
        ],
    )

    assert "conv-000" in violations(asked(run_dir, f"val_error<{own + 0.09!r}"))
    assert "conv-000" not in violations(asked(run_dir, f"val_error<{own + 0.11!r}"))


@pytest.mark.parametrize("text", ["val_loss<0.2", "val_error", "test_error<0.2"])
def test_what_is_no_constraint_is_said(run_dir: Path, text: str) -> None:
    with pytest.raises(analysis.StudyUnreadable, match="restore the file"):
        violations(asked(run_dir, text))


def test_candidates_that_wait_for_their_first_seed_are_counted(run_dir: Path) -> None:
    every = {row["trial_id"] for row in read_rows(run_dir, "confirmations")}
    few = sorted(every)[:2]
    write_table(
        run_dir, "confirmations", [row for row in read_rows(run_dir, "confirmations") if row["trial_id"] in few]
    )
    study = analysis.load(run_dir)

    assert any(
        said.startswith(f"2 of {len(every)} candidates have been retrained")
        for said in cautions(study, confirmed_fronts(study))
    )


def test_a_study_whose_candidates_are_all_measured_says_nothing_of_it(run_dir: Path) -> None:
    study = analysis.load(run_dir)

    assert not [said for said in cautions(study, confirmed_fronts(study)) if "retrained" in said]


def test_networks_that_always_fail_have_no_difference_to_draw(run_dir: Path, rewrite: Rewrite) -> None:
    rewrite(run_dir, "confirmations", lambda row: {"test_robust_error": 1.0})

    assert rendered(bands(analysis.load(run_dir)), "png")


def test_departures_may_be_negative() -> None:
    own: list[dict[str, Any]] = rows(as_claimed, noise=0.02, kind="learned")
    nearer = [row | {"regular_departure": row["regular_departure"] - 2} for row in own if "regular_departure" in row]

    for draw in figures(grid(nearer, "learned")).values():
        assert rendered(draw(), "png")


def test_flags_about_a_manifold_alone_are_not_called_none(run_dir: Path) -> None:
    attack(run_dir, flagged=[])
    front = confirmed_fronts(analysis.load(run_dir))[0]
    named = front.members[0].trial_id
    table = [
        row | ({"flag_evidence": ["reconstruction_gap: 4"]} if row["trial_id"] == named and row["flags"] == [] else {})
        for row in read_rows(run_dir, "confirmations")
    ]
    write_table(run_dir, "confirmations", table)

    told = attacks_section(analysis.load(run_dir))["sentences"]

    assert any("1 candidate raised one about a manifold alone" in sentence for sentence in told)


def test_where_all_are_doubtful_that_is_the_reason(run_dir: Path) -> None:
    free = confirmed_fronts(analysis.load(run_dir))
    attack(run_dir, flagged=[c.trial_id for front in free for c in front.candidates])
    study = analysis.load(run_dir)
    findings = Findings(study=study)

    assert "strong attacks leave" in what_was_found(study, findings.fronts)
    assert "test error" in front_chart(findings, findings.fronts[0])


def test_importance_says_of_how_many_trials(run_dir: Path) -> None:
    row = {"architecture": "conv", "objective": "val_error", "parameter": "lr", "importance": 0.4, "low": 0.1}
    table = pa.Table.from_pylist([row | {"high": 0.6, "n": 27}], schema=IMPORTANCE)
    pq.write_table(table, run_dir / "results" / "importance.parquet")

    assert "27 trials" in html(run_dir)


def test_a_command_names_the_folder_only_where_the_journal_lies(run_dir: Path) -> None:
    told = partial(command, candidate=confirmed_fronts(analysis.load(run_dir))[0].candidates[0])
    assert f"runs/{analysis.load(run_dir).name} " in told(analysis.load(run_dir))

    (run_dir / "journal").mkdir()
    assert f"{run_dir} " in told(analysis.load(run_dir))


def test_where_nobody_keeps_to_a_constraint_that_is_the_reason(run_dir: Path) -> None:
    assert search_trace(analysis.load(run_dir), "conv").volumes[-1] > 0
    study = asked(run_dir, "val_error<0.0001")

    assert what_was_found(study, confirmed_fronts(study)).startswith("No confirmed candidate keeps to the study's")
    assert search_trace(study, "conv").volumes[-1] == 0

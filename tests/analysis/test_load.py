import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import analysis
from analysis.schema import METADATA, TRIALS


def damage_text(path: Path) -> None:
    path.write_text("{ half a")


def rename_a_column(path: Path) -> None:
    table = pq.read_table(path)
    names = [name.replace("val_error", "error") for name in table.schema.names]
    pq.write_table(table.rename_columns(names).replace_schema_metadata(METADATA), path)


def hold_text_in_a_number(path: Path) -> None:
    table = pq.read_table(path)
    at = table.schema.get_field_index("epochs")
    pq.write_table(table.set_column(at, "epochs", pa.array(["six"] * len(table))), path)


def age(path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(METADATA | {b"disentangle.schema": b"0"}), path)


def forget_the_version(path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def forget_epsilon(path: Path) -> None:
    config = json.loads(path.read_text())
    del config["threat_model"]["epsilon"]
    path.write_text(json.dumps(config))


TRIALS_FILE = "results/trials.parquet"
DAMAGES = [
    ("study.json", Path.unlink, "a study has a study.json"),
    ("study.json", damage_text, "must be readable JSON"),
    ("study.json", lambda path: path.write_text("[]"), "must hold a JSON object; got list"),
    ("study.json", forget_epsilon, "must hold threat_model.epsilon as int or float; got None"),
    (TRIALS_FILE, Path.unlink, "a study has trials.parquet"),
    (TRIALS_FILE, damage_text, "must be a Parquet file"),
    (TRIALS_FILE, rename_a_column, "val_error missing"),
    (TRIALS_FILE, hold_text_in_a_number, "must hold epochs as int64; got string"),
    (TRIALS_FILE, age, "must have schema version 1; got 0"),
    (TRIALS_FILE, forget_the_version, "must have schema version 1; got none"),
    ("results/curves.parquet", Path.unlink, "a study has curves.parquet"),
]


@pytest.mark.parametrize(("name", "damage", "message"), DAMAGES)
def test_a_damaged_study_is_refused_in_one_sentence(
    run_dir: Path, name: str, damage: Callable[[Path], None], message: str
) -> None:
    damage(run_dir / name)

    with pytest.raises(analysis.StudyUnreadable, match=message) as caught:
        analysis.load(run_dir)

    assert "\n" not in str(caught.value)


CONTRADICTIONS = [
    ("trials", {"trial_id": "twice"}, "every trial has an id of its own"),
    ("trials", {"state": "SLEEPING"}, "a state is one of"),
    ("trials", {"architecture": None}, "names its architecture"),
    ("confirmations", {"trial_id": "stranger", "seed": None}, "confirmed once per seed"),
]


@pytest.mark.parametrize(("table", "change", "message"), CONTRADICTIONS)
def test_tables_that_contradict_each_other_are_refused(
    run_dir: Path, rewrite: Callable[..., None], table: str, change: dict[str, object], message: str
) -> None:
    rewrite(run_dir, table, lambda _: change)

    with pytest.raises(analysis.StudyUnreadable, match=message):
        analysis.load(run_dir)


def test_confirmations_of_unknown_trials_are_refused(run_dir: Path, rewrite: Callable[..., None]) -> None:
    rewrite(run_dir, "confirmations", lambda row: {"trial_id": f"other-{row['trial_id']}"})

    with pytest.raises(analysis.StudyUnreadable, match="only trials of the study are confirmed"):
        analysis.load(run_dir)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(analysis.StudyUnreadable, match="there is none at"):
        analysis.load(tmp_path / "nowhere")


def test_a_path_may_be_a_string(run_dir: Path) -> None:
    assert analysis.load(str(run_dir)).name == "synthetic"


def test_a_study_before_its_confirmation_is_whole(run_dir: Path) -> None:
    (run_dir / "results" / "confirmations.parquet").unlink()

    study = analysis.load(run_dir)

    assert len(study.confirmations) == 0
    assert study.evaluation["split"] == "validation"


def test_all_columns_of_the_schema_are_read(run_dir: Path) -> None:
    assert set(TRIALS.names) <= set(analysis.load(run_dir).trials.schema.names)


def test_radii_are_fractions_of_epsilon(run_dir: Path) -> None:
    assert analysis.load(run_dir).radii == pytest.approx((0.075, 0.15, 0.225, 0.3))


def test_accesses_to_the_test_split_are_counted(run_dir: Path) -> None:
    study = analysis.load(run_dir)

    assert study.test_accesses == len(study.confirmations) > 0

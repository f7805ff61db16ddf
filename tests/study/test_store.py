import json
import math

import pyarrow.parquet as pq
import pytest

from analysis import load
from analysis.schema import TABLES
from study.desk import Desk
from study.errors import Refused, StudyBusy
from study.storage.state import Model
from study.storage.store import Store, create, finite, recall, resume_command
from tests.study.conftest import MODEL, begin, reopened, said, tell, tiny, work


def rows(store, table):
    return pq.read_table(store.run_dir / "results" / f"{table}.parquet").to_pylist()


def test_a_closed_study_is_the_same_when_it_is_opened_again(tmp_path):
    with begin(tmp_path) as store:
        work(Desk(store), 0.25, 0.5)

    with reopened(store) as again:
        assert again.state == store.state
        assert again.config == tiny()


def test_the_tables_are_what_the_analysis_reads(tmp_path):
    with begin(tmp_path) as store:
        desk = Desk(store)
        first = work(desk, 0.25, 0.5)
        desk.next()
        store.confirmed(first.trial_id, 99, said(2, 0.3, 0.6), None, Model(**MODEL), None)
        store.test_opened("confirmation", first.trial_id, 99)

    study = load(store.run_dir)

    assert study.trials.select(["trial_id", "state", "val_robust_error"]).to_pylist() == [
        {"trial_id": "conv-000", "state": "COMPLETE", "val_robust_error": 0.5},
        {"trial_id": "mlp-000", "state": "RUNNING", "val_robust_error": None},
    ]
    assert study.confirmations["test_error"].to_pylist() == [0.3]
    assert study.curves["epoch"].to_pylist() == [1, 2]
    assert study.test_accesses == 1


def test_tables_have_the_schemas_columns_first_then_config_and_radii(tmp_path):
    with begin(tmp_path) as store:
        desk = Desk(store)
        for _ in range(6):
            work(desk, 0.25, 0.5)

    table = pq.read_table(store.run_dir / "results" / "trials.parquet")

    assert table.schema.names[: len(TABLES["trials"])] == TABLES["trials"].names
    assert {"val_robust_error_at_0.075", "val_robust_error_at_0.3", "config.roles.pixel.share"} < set(
        table.column_names
    )
    assert table["config.roles.pixel.share"].to_pylist()[:4] == [None, None, 0.5, 0.5]
    assert json.loads(table.schema.metadata[b"disentangle.threat_model"])["epsilon"] == 0.3


def test_a_row_names_the_manifold_that_a_trial_trained_on_where_that_is_another(tmp_path):
    with begin(tmp_path) as store:
        desk = Desk(store)
        for trained in (None, "def"):
            trial = desk.next()
            model = Model(**MODEL, trained_manifold_digest=trained)
            store.reported(trial.trial_id, said(1, 0.4, None), model)

    read = load(store.run_dir).trials

    assert read.select(["manifold_digest", "trained_manifold_digest"]).to_pylist() == [
        {"manifold_digest": "abc", "trained_manifold_digest": None},
        {"manifold_digest": "abc", "trained_manifold_digest": "def"},
    ]


def test_tables_are_written_now_and_then_and_at_the_end(tmp_path):
    with begin(tmp_path) as store:
        store.refresh_tables()
        Desk(store).next()
        store.refresh_tables()
        assert rows(store, "trials") == []

    assert len(rows(store, "trials")) == 1


def test_a_table_names_the_data_but_not_where_it_lies(tmp_path):
    source = "/home/somebody/data/prototypes.npz"
    data = tiny().data.__class__(n_train=20, n_validation=10, n_test=10, source=source)
    with begin(tmp_path, data=data) as store:
        Desk(store).next()

    assert [row["config.data.source"] for row in rows(store, "trials")] == ["prototypes.npz"]
    assert json.loads((store.run_dir / "study.json").read_text())["dataset"]["source_name"] == "prototypes.npz"


def test_a_trial_that_starts_again_says_everything_anew(store):
    desk = Desk(store)
    trial = desk.next()
    for epoch, error in [(1, 0.9), (2, 0.8), (1, 0.7)]:
        tell(desk, trial, epoch, error, None)

    assert [report["error"] for report in trial.curve] == [0.7]


def test_numbers_that_json_cannot_hold_become_none():
    said = {"a": math.nan, "b": {"c": math.inf, "d": 1.5}, "e": "nan"}

    assert finite(said) == {"a": None, "b": {"c": None, "d": 1.5}, "e": "nan"}


def test_weights_lie_beside_their_config(store):
    store.keep_weights("conv-000-7", b"weights", {"seed": 7})

    models = store.run_dir / "models"
    assert {path.name for path in models.iterdir()} == {"conv-000-7.safetensors", "conv-000-7.json"}
    assert (models / "conv-000-7.safetensors").read_bytes() == b"weights"


def test_a_second_study_of_the_same_name_is_refused(tmp_path):
    with begin(tmp_path):
        pass

    with pytest.raises(Refused, match="exists"):
        create(tmp_path / "tiny", {})


def test_a_second_driver_is_refused(store):
    with pytest.raises(StudyBusy, match="one driver"):
        reopened(store)


@pytest.mark.parametrize("content", [None, "empty"])
def test_only_a_study_that_has_begun_can_be_recalled(tmp_path, content):
    if content:
        (tmp_path / "journal").mkdir()

    with pytest.raises(Refused, match=r"a study that has begun lies in a folder such as runs.NAME; .* has no journal"):
        recall(tmp_path)


def test_a_study_of_another_version_cannot_be_recalled(tmp_path):
    with Store(tmp_path, {"config": {**tiny().to_dict(), "moons": 3}, "threat_model": {}}):
        pass

    with pytest.raises(Refused, match="the version that began it"):
        recall(tmp_path)


def test_the_command_to_resume_can_be_pasted_into_a_shell(tmp_path):
    assert resume_command(tmp_path / "my runs").endswith("--resume '" + str(tmp_path / "my runs") + "'")

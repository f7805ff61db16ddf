"""The epoch that models are of, from the command line to the words of the report; `trainables` has how it is chosen."""

import json

import pyarrow.parquet as pq
import pytest

import analysis
from analysis.page import sections
from analysis.schema import EPOCHS, MAY_LACK, TABLES
from analysis.summary import summary
from study.confirmation import jobs
from study.desk import Desk
from study.errors import Refused
from study.options import read_options
from study.plan import described
from study.search.warm import fitting
from study.storage.provenance import describe
from study.storage.state import Model
from tests.study.conftest import MODEL, begin, said, tell, tiny

LAST, CLEAN, ROBUST = (
    {"epoch": n, "error": e, "robust_error": r} for n, e, r in [(2, 0.4, 0.8), (1, 0.2, None), (1, 0.3, 0.6)]
)
TOLD = {"of_epoch": 1, "picks": {"last": LAST, "best-clean": CLEAN, "best-robust": ROBUST}}


def studied(folder, **changes):
    """A study of which a trial is complete and confirmed."""
    with begin(folder, **changes) as store:
        desk = Desk(store)
        trial = desk.next()
        tell(desk, trial, 1, 0.2, None)
        tell(desk, trial, 2, 0.2, 0.6, **TOLD)
        desk.end(trial.trial_id)
        store.confirmed(trial.trial_id, 99, said(2, 0.25, 0.65, **TOLD), None, Model(**MODEL), None)
    return store


@pytest.mark.parametrize("kind", ["last", "best-clean", "best-robust"])
def test_the_command_line_reaches_the_trials_and_their_confirmation(tmp_path, kind):
    config = read_options(["--name", "n", *([] if kind == "last" else ["--checkpoint", kind])]).config
    assert config.checkpoint == kind

    store = studied(tmp_path, checkpoint=kind)
    (job, *_) = jobs(store)
    assert store.config.base("conv", 0).checkpoint == job.config.get("checkpoint", "last") == kind
    assert ("checkpoint" in job.trial.config) == (kind != "last")
    assert json.loads((store.run_dir / "study.json").read_text())["checkpoint"] == kind


def test_tables_say_which_epoch_a_model_is_of_and_what_was_best(tmp_path):
    study = analysis.load(studied(tmp_path, checkpoint="best-clean").run_dir)

    expected = {
        "checkpoint": "best-clean", "of_epoch": 1,
        "last_epoch": 2, "last_val_error": 0.4, "last_val_robust_error": 0.8,
        "best_clean_epoch": 1, "best_clean_val_error": 0.2, "best_clean_val_robust_error": None,
        "best_robust_epoch": 1, "best_robust_val_error": 0.3, "best_robust_val_robust_error": 0.6,
    }  # fmt: skip
    names = [field.name for field in EPOCHS]
    assert study.trials.select(names).to_pylist() == study.confirmations.select(names).to_pylist() == [expected]
    assert study.trials["val_error"].to_pylist() == [0.2]
    assert study.curves.select(["epoch", "val_error", "val_robust_error"]).to_pylist() == [
        {"epoch": 1, "val_error": 0.2, "val_robust_error": None},
        {"epoch": 2, "val_error": 0.4, "val_robust_error": 0.8},  # as the model was, and not what it left
    ]


def test_tables_of_before_there_was_a_choice_are_read(tmp_path):
    run_dir = studied(tmp_path).run_dir
    for name in set(TABLES) - set(MAY_LACK) | {"confirmations"}:
        path = run_dir / "results" / f"{name}.parquet"
        table = pq.read_table(path)
        pq.write_table(table.drop([field.name for field in EPOCHS if field.name in table.schema.names]), path)

    assert analysis.load(run_dir).trials["checkpoint"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("best-robust", "Every model is of the epoch at which its robust error on validation was lowest"),
        ("best-clean", "Every model is of the epoch at which its error on validation was lowest"),
        ("last", None),
    ],
)
def test_the_report_and_the_plan_say_it(tmp_path, kind, words):
    study = analysis.load(studied(tmp_path, checkpoint=kind).run_dir)

    sentences = " ".join(sections(study)[0].content["sentences"])
    assert words in sentences if words else "epoch" not in sentences
    assert summary(study)["checkpoint"] == kind
    assert (f"the {kind} epoch" in described(tiny(checkpoint=kind), [], 1)) == (kind != "last")


def test_a_warm_start_is_from_a_study_of_the_same_epoch(tmp_path):
    earlier = studied(tmp_path, checkpoint="best-robust").run_dir
    same, other = (describe(tiny(checkpoint=c), command="", data_fingerprint="f00d") for c in ("best-robust", "last"))

    assert [trial.trial_id for trial in fitting(earlier, same)] == ["conv-000"]
    with pytest.raises(Refused, match="has --checkpoint best-robust, this one last"):
        fitting(earlier, other)

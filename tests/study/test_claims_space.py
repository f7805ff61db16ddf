"""A study of the grid of the claims: the engine that searches runs what is fixed beforehand."""

import json
import math
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from analysis import load
from analysis.claims.grid import grids
from search_spaces.tradeoff import tradeoff
from study.costs import gradient_evaluations
from study.desk import Desk
from study.launch import main
from study.options import read_options
from study.plan import described, plan
from study.search.point import to_config
from study.storage import provenance
from study.storage.provenance import describe
from study.storage.tables import grid as cells
from tests.study.conftest import begin, said, tell, tiny
from tests.study.processes import Driver
from trainables.config import DataConfig, ThreatModel, TrialConfig
from trainables.pipeline import prepare

HYPOTHESES = {"strong_error": 0.2, "strong_success": 0.7, "regular_examples": 3, "regular_departure": 0.9}


def small(**changes):
    """A grid too small to mean anything: five strategies at two sizes, one of them twice, with two seeds."""
    data = DataConfig(n_train=200, n_validation=10, n_test=20)
    values = {"space": "claims", "architectures": ("mlp",), "data": data, "sizes": (100, 200), "at_updates": (100,)}
    values |= {"trials": 30, "scheduler": "none", "attacked_strongly": 5, "n_attacked": 10, "attempts": 1}
    return tiny(**values | changes)


def finish(desk, error, **changes):
    trial = desk.next()
    tell(desk, trial, trial.config["epochs"], error, 0.9, hypotheses=HYPOTHESES, **changes)
    return desk.end(trial.trial_id)


def cell(config, method, size, fixed="epochs", seed=0):
    point = {"method": method, "n_train": size, "fixed": fixed, "seed": seed}
    return to_config(point, config.base("mlp", 0))


# -- what a cell is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["Normal", "RegAdv", "OnTrue"])
def test_a_cell_trains_as_the_baseline_of_a_search_does(method):
    config = small(steps=10)
    baseline = to_config(dict(tradeoff(10).baselines)[method], config.base("mlp", 0))

    trial = cell(config, method, 200)

    assert trial.clean_weight == baseline.clean_weight or method != "Normal"
    assert [(r.threat, r.share, r.radius, r.steps, r.slack) for r in trial.roles] == [
        (r.threat, r.share, r.radius, r.steps, r.slack) for r in baseline.roles
    ]
    assert [r.step_size for r in trial.roles] == pytest.approx([r.step_size for r in baseline.roles])
    assert trial.optimiser.learning_rate == baseline.optimiser.learning_rate


def test_the_papers_steps_are_the_papers():
    (role,) = cell(small(steps=40), "RegAdv", 200).roles

    assert (role.steps, role.step_size * role.radius) == (40, pytest.approx(0.005))


def test_the_norm_of_the_study_scales_steps_as_in_a_search():
    config = small(threat_model=ThreatModel(norm="l2", epsilon=1.5))
    baseline = to_config(dict(tradeoff(5).baselines)["RegAdv"], config.base("mlp", 0))

    assert cell(config, "RegAdv", 200).roles[0].step_size == pytest.approx(baseline.roles[0].step_size)


def test_random_transformations_take_no_steps():
    assert cell(small(), "DataAugm", 200).roles[0].steps == 0


def test_fixed_updates_are_as_many_and_the_learning_rate_falls_by_as_much():
    config = small(epochs=6)
    few, many = cell(config, "Normal", 100, "updates"), cell(config, "Normal", 200)

    assert [t.epochs * math.ceil(t.data.n_train / t.batch_size) for t in (few, many)] == [12, 12]
    assert few.optimiser.decay**few.epochs == pytest.approx(many.optimiser.decay**many.epochs)
    assert cell(config, "Normal", 100).epochs == 6


def test_cells_of_one_seed_share_it_and_others_do_not():
    config = small()

    first = {cell(config, method, size).seed for method in ("Normal", "AdvTrans") for size in (100, 200)}

    assert first == {config.fresh_seeds()[0]}
    assert cell(config, "Normal", 100, seed=1).seed == config.fresh_seeds()[1]


@pytest.mark.parametrize("sizes", [(100, 200), (200, 1000), (1000, 2500)])  # 24 typefaces: 1, 5 and 11 rounds of them
def test_training_sets_contain_one_another_and_test_sets_are_the_same(sizes):
    config = small(sizes=sizes, at_updates=sizes[:1], data=replace(small().data, n_train=sizes[1]))
    few, many = (prepare(cell(config, "Normal", size)).training.splits for size in sizes)

    assert (few.train.theta == many.train.theta[: sizes[0]]).all()
    assert (few.train.glyphs == many.train.glyphs[: sizes[0]]).all()
    assert (few.test.theta == many.test.theta).all()


# -- what the engine makes of it -------------------------------------------------------------------------------------


def test_every_cell_is_handed_out_once_and_its_look_at_test_recorded_before(tmp_path):
    with begin(tmp_path, small) as store:
        desk = Desk(store)
        first = desk.next()
        assert [access["trial_id"] for access in provenance.test_accesses(store.run_dir)] == ["mlp-000"]
        tell(desk, first, 2, 0.3, 0.9, hypotheses=HYPOTHESES)
        ended = [desk.end("mlp-000"), *(finish(desk, 0.4) for _ in range(29))]

        assert desk.next() is None
        assert desk.exhausted
        assert [trial.state for trial in ended] == ["COMPLETE"] * 30
        assert ended[12].config["epochs"] == 4  # of fixed updates: reports of epoch 2 are not its last
        accesses = provenance.test_accesses(store.run_dir)
        assert [(access["purpose"], access["seed"]) for access in accesses] == [
            ("claims", trial.config["seed"]) for trial in ended
        ]


def test_the_tables_have_cells_among_the_confirmations_and_nothing_of_test_under_validation(tmp_path):
    with begin(tmp_path, small) as store:
        desk = Desk(store)
        for _ in range(29):
            finish(desk, 0.4)
        finish(desk, 0.9, infeasible="collapsed")
        assert len(cells(store.state)) == 30

    study = load(store.run_dir)
    confirmed = study.confirmations.to_pylist()
    assert {row["trial_id"] for row in confirmed} == {f"mlp-{number:03d}" for number in range(15)}
    assert [row["test_error"] for row in confirmed] == [0.4] * 29 + [None]
    assert set(study.trials["val_error"].to_pylist()) == set(study.curves["val_error"].to_pylist()) == {None}
    last = study.claims.to_pylist()[-1]
    assert (last["method"], last["n_train"], last["fixed"], last["message"]) == (
        "AdvTrans",
        100,
        "updates",
        "collapsed",
    )
    (grid,) = grids(study)
    assert (grid.kind, grid.sizes, grid.missing, len(grid.seeds)) == ("known", (100, 200), 1, 2)
    assert study.is_grid


def test_a_search_has_no_such_table(tmp_path):
    with begin(tmp_path) as store:
        tell(Desk(store), Desk(store).next(), 2, 0.3, 0.9)

    assert not (store.run_dir / "results" / "claims.parquet").exists()
    assert not load(store.run_dir).is_grid


def test_the_command_line_describes_it():
    config = read_options(["--space", "claims", "--scale", "laptop"]).config
    told = describe(config, command="", data_fingerprint="")

    assert (config.sizes, config.at_updates) == ((250, 500, 1000, 2500, 5000), (250, 1000))
    assert (config.trials, config.seeds, config.architectures) == (5 * 7 * 3, 3, ("conv",))
    assert config.data.n_train == 5000
    assert told["grid"] == {"sizes": [250, 500, 1000, 2500, 5000], "at_updates": [250, 1000]}
    assert told["evaluation"]["split"] == "test"
    assert type(config).from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_at_the_papers_scale_the_subsets_are_the_papers():
    config = read_options(["--space", "claims", "--scale", "paper"]).config

    assert (config.data.subset, config.epochs, config.steps, config.sizes[-1]) == ("first", 20, 40, 40_000)


def test_images_have_two_sizes_and_are_transformed_where_no_manifold_is_learned():
    config = read_options(["--space", "claims", "--scale", "laptop", "--dataset", "mnist"]).config

    assert (len(config.sizes), config.kinds, config.trials) == (2, ("affine",), 4 * 3 * 3)
    assert [trial.evaluation.strong for trial in [config.base("conv", 0)]] == [200]


@pytest.mark.parametrize(("sizes", "again"), [("300 3000", (300,)), ("250 300 500", (250,)), ("300", ())])
def test_some_of_the_chosen_sizes_have_fixed_updates(sizes, again):
    config = read_options(["--space", "claims", "--scale", "laptop", "--sizes", *sizes.split()]).config

    assert config.at_updates == again


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sampler", "random"], "got --sampler"),
        (["--n-train", "300"], "got --n-train"),
        (["--constraint", "val_error<0.2"], "got --constraint"),
        (["--sizes", "500", "250"], "rise; got 500 250"),
        (["--trials", "1000"], "a grid of 40 trials"),
        (["--manifold", "known", "affine"], "one manifold"),
        (["--manifold", "affine"], "which is known; got --manifold affine"),
    ],
)
def test_what_makes_no_sense_for_it_is_refused_on_one_line(capfd, options, says):
    assert main(["--space", "claims", "--scale", "demo", *options]) == 2
    told = capfd.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert says in told.err


def test_sizes_are_for_a_grid(capfd):
    assert main(["--sizes", "100", "200"]) == 2
    assert "of --space claims" in capfd.readouterr().err


def test_a_plan_counts_cells_and_the_cost_of_measuring_them():
    config = small()

    made = plan(config, "mlp", confirm=False)

    told = described(config, [made], 1)
    assert (made.searched, made.candidates) == (0, 0)
    assert "100, 200 training examples; again for as many updates as the largest: 100" in told
    assert "15 cells of the grid" in told
    plain = cell(config, "Normal", 200)
    assert made.search > 30 * gradient_evaluations(plain) / 4


def test_the_estimate_of_its_cost_is_an_upper_bound():
    trial = cell(
        small(
            epochs=4, data=DataConfig(n_train=1000, n_validation=10, n_test=50), sizes=(1000,), at_updates=(), trials=10
        ),
        "RegAdv",
        1000,
    )

    *_, last = prepare(trial).reports()

    assert last.infeasible is None
    assert last.gradient_evaluations <= gradient_evaluations(trial)
    assert last.hypotheses["strong_success"] is not None
    assert last.hypotheses["label_agreement"] in (None, 1.0)


def test_a_trial_without_strong_attacks_is_named_as_before():
    assert "strong" not in TrialConfig().to_dict()["evaluation"]
    assert TrialConfig.from_dict(TrialConfig().to_dict()) == TrialConfig()
    assert said(1, 0.5, None)["hypotheses"] == {}


# -- a real one ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    sizes = ["--sizes", "250", "1000", "--seeds", "1", "--epochs", "3", "--n-test", "200", "--n-attacked", "20"]
    scale = ["--space", "claims", "--scale", "smoke", "--architectures", "mlp", "--trials", "10"]
    status, out, err = Driver(*scale, *sizes, "--runs", runs, "--name", "grid", "--concurrency", "1").finish()
    assert (status, err) == (0, "")
    assert "on test" in out
    assert "inconclusive" in out
    return runs / "grid"


@pytest.mark.ray
@pytest.mark.slow
def test_a_grid_is_run_and_answered(run_dir):
    study = load(run_dir)
    (grid,) = grids(study)

    assert len(study.trials) == len(study.claims) == 10
    assert study.test_accesses == 10
    assert grid.methods == ("Normal", "RegAdv", "DataAugm", "OnTrue", "AdvTrans")
    normal = grid.pick(grid.seeds[0])("regular_departure", "epochs")["Normal"][1000]
    assert 0.9 < normal <= 1.01
    summary = json.loads((run_dir / "report" / "summary.json").read_text())
    assert [claim["claim"] for claim in summary["claims"]["mlp"]["claims"]] == [1, 2, 3, 4, 5]
    assert (run_dir / "report" / "claim-3-mlp.svg").is_file()
    assert (run_dir / "report" / "claims.csv").is_file()
    assert pq.read_table(run_dir / "results" / "claims.parquet")["updates"].to_pylist()[0] == 30


@pytest.mark.ray
@pytest.mark.slow
def test_a_cell_is_reproduced_with_all_that_was_measured_of_it(run_dir, capfd):
    assert main(["--reproduce", str(run_dir), "mlp-005"]) == 0

    told = capfd.readouterr().out
    assert "regular_departure" in told
    assert "equal: every recorded number" in told

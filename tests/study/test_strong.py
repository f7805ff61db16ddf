"""Which confirmed models come under strong attacks, and that each does once."""

import pyarrow.parquet as pq
import pytest

from analysis import load
from analysis.front import confirmed_fronts
from study.desk import Desk
from study.errors import Refused
from study.options import read_options
from study.search.front import already_attacked, attacked_models, confirmed_front
from study.storage.models import digest
from study.storage.state import Model
from study.storage.store import Store, recall
from study.strong import StrongAttacks
from study.strong_config import StrongConfig
from study.watch import main
from tests.study.conftest import LEDGER, MODEL, begin, said, under_attack, work

FAST = StrongConfig(strength="fast", images=5)
ERRORS = {  # on test: error, robust error
    "conv-000": (0.1, 0.9), "conv-001": (0.2, 0.5), "conv-002": (0.3, 0.6),
    "mlp-000": (0.1, 0.8), "mlp-001": (0.2, 0.4), "mlp-002": (0.4, 0.3),
}  # fmt: skip


def search(store):
    """Ends all trials, of which none dominates another."""
    desk = Desk(store)
    for number in range(6):
        work(desk, 0.2 + 0.1 * (number // 2), 0.8 - 0.1 * (number // 2))


def once(run_dir, capsys):
    assert main([str(run_dir), "--once"]) == 0
    return capsys.readouterr().out


def confirm(store, errors=ERRORS):
    """Confirms all trials; the weights of a model are its name."""
    for trial_id, pair in errors.items():
        for seed in store.config.fresh_seeds():
            name = f"{trial_id}-{seed}"
            store.keep_weights(name, name.encode(), {})
            store.confirmed(trial_id, seed, said(2, *pair), None, Model(**MODEL), digest(name.encode()))


def confirmed(folder, strong=FAST, **changes):
    store = begin(folder, strong=strong, **changes)
    search(store)
    confirm(store)
    return store


@pytest.fixture
def store(tmp_path):
    with confirmed(tmp_path) as store:
        yield store


def chosen(store):
    return [trial.trial_id for trial, _ in attacked_models(store.state, store.config)]


def left(stage):
    return [job.name for job in stage.jobs() if not stage.done(job)]


def answer(*flags, error=0.7):
    return {"found": under_attack(error, flags), "ledger": LEDGER}


def attack_all(store, error=0.7):
    stage = StrongAttacks(store, "manifolds")
    for job in stage.jobs():
        stage.keep(job, answer(error=error))
    return stage


def test_members_of_the_confirmed_front_are_attacked_and_of_their_seeds_the_first(store):
    models = attacked_models(store.state, store.config)

    assert [trial.trial_id for trial, _ in models] == ["conv-000", "conv-001", "mlp-000", "mlp-001", "mlp-002"]
    assert {seed for _, seed in models} == {store.config.fresh_seeds()[0]}


def test_the_front_is_the_one_that_the_report_shows(store):
    attack_all(store)
    flagged = StrongAttacks(store, "manifolds").jobs()[1]
    StrongAttacks(store, "manifolds").keep(flagged, answer("chance_level"))
    store.refresh_tables(now=True)

    shown = {front.architecture: [c.trial_id for c in front.members] for front in confirmed_fronts(load(store.run_dir))}

    seeds, doubtful = store.config.fresh_seeds(), {flagged.trial.trial_id}
    assert doubtful == {"conv-001"}
    for name, members in shown.items():
        assert [t.trial_id for t in confirmed_front(store.state, name, seeds, doubtful)] == members != []


def test_the_ends_of_a_front_are_its_best_by_each_objective(tmp_path):
    with confirmed(tmp_path, StrongConfig(strength="fast", images=5, of="ends")) as store:
        assert chosen(store) == ["conv-000", "conv-001", "mlp-000", "mlp-002"]


def test_all_candidates_may_be_attacked_and_more_of_their_seeds(tmp_path):
    with confirmed(tmp_path, StrongConfig(strength="fast", images=5, seeds=2, of="all")) as store:
        models = attacked_models(store.state, store.config)

        assert [seed for _, seed in models] == [seed for seed in store.config.fresh_seeds() for _ in range(6)]
        assert {trial.trial_id for trial, _ in models} == set(store.state.trials)


def test_without_a_strength_nothing_is_attacked(tmp_path):
    with confirmed(tmp_path, StrongConfig()) as store:
        assert chosen(store) == []


def test_what_a_flag_takes_from_the_front_makes_room_for_others(store):
    stage = StrongAttacks(store, "manifolds")
    for job in stage.jobs():
        stage.keep(job, answer(*["chance_level"] * (job.trial.trial_id == "conv-001")))

    assert chosen(store) == ["conv-001", "conv-000", "conv-002", "mlp-000", "mlp-001", "mlp-002"]
    assert left(stage) == [f"conv-002-{store.config.fresh_seeds()[0]}"]


def test_a_model_is_attacked_once_and_again_if_it_or_the_budget_is_another(store):
    stage = attack_all(store)
    assert left(stage) == []

    first = store.config.fresh_seeds()[0]
    store.confirmed("mlp-000", first, said(2, 0.1, 0.8), None, Model(**MODEL), "another")
    assert left(stage) == [f"mlp-000-{first}"]

    store.strengthened({"images": 6})
    assert len(left(StrongAttacks(store, "manifolds"))) == 5


def test_what_failed_is_recorded_and_not_tried_for_ever(store):
    stage = StrongAttacks(store, "manifolds")
    job = stage.jobs()[0]

    said = stage.keep(job, {"failed": "its worker died 4 times"})

    assert said.failed
    assert "died 4 times" in said.said
    assert job.name not in left(stage)
    assert job.name in left(StrongAttacks(store, "manifolds"))  # of the driver that comes next
    store.refresh_tables(now=True)
    rows = pq.read_table(store.run_dir / "results" / "confirmations.parquet").to_pylist()
    (row,) = [row for row in rows if row["strong_message"] is not None]
    assert (row["trial_id"], row["flags"], row["strong_robust_error"]) == ("conv-000", None, None)


def test_images_come_from_the_most_robust_model_of_another_architecture(store):
    stage = StrongAttacks(store, "manifolds")
    first = store.config.fresh_seeds()[0]
    sources = {}
    for job in stage.jobs():
        _, others, how, _ = stage.arguments(job)
        sources[job.trial.architecture] = [weights.decode() for _, weights in others]

    assert sources == {"conv": [f"mlp-002-{first}"], "mlp": [f"conv-001-{first}"]}
    assert how == {"strength": "fast", "images": 5, "seed": 0}


def test_of_one_architecture_images_come_from_another_candidate(tmp_path):
    with begin(tmp_path, strong=FAST, architectures=("conv",)) as store:
        desk = Desk(store)
        trials = [work(desk, 0.3, 0.6).trial_id for _ in range(3)]
        confirm(store, {trial_id: ERRORS[trial_id] for trial_id in trials})
        stage = StrongAttacks(store, "manifolds")
        sources = {job.trial.trial_id: stage.arguments(job)[1][0][1].decode() for job in stage.jobs()}
        first = store.config.fresh_seeds()[0]

    assert sources == {"conv-000": f"conv-001-{first}", "conv-001": f"conv-002-{first}"}


def test_weights_that_are_gone_or_damaged_are_not_attacked(store):
    stage = StrongAttacks(store, "manifolds")
    gone, damaged, *_ = stage.jobs()
    store.weights(gone.name).unlink()
    store.weights(damaged.name).write_bytes(b"other")

    for job in (gone, damaged):
        with pytest.raises(OSError, match="as it was confirmed"):
            stage.arguments(job)


def test_tables_have_what_was_found(store):
    attack_all(store)
    store.refresh_tables(now=True)
    study = load(store.run_dir)

    rows = [row for row in study.confirmations.to_pylist() if row["flags"] is not None]
    assert len(rows) == 5
    for row in rows:
        assert row["flags"] == []
        assert row["strong_robust_error"] == pytest.approx(0.7)
        assert row["strong_on_manifold_error"] == pytest.approx(0.7)
        assert row["strong_affine_error"] is None
        assert (row["strong_images"], row["strong_queries"]) == (5, 300)
    assert len(study.attack_curves) == 5 * 2 * 5
    assert study.ledger["queries"].to_pylist() == 5 * [None, 168]
    assert study.config["config"]["strong"] == {"strength": "fast", "images": 5, "seeds": 1, "of": "front"}


def test_another_budget_is_for_a_study_that_goes_on(tmp_path):
    run_dir = confirmed(tmp_path, StrongConfig())
    with run_dir as store:
        place = store.run_dir
    request = read_options(["--resume", str(place), "--strong", "fast", "--strong-images", "7"])
    assert request.strong == {"strength": "fast", "images": 7}

    with Store(place) as store:
        store.strengthened(request.strong)
        assert len(chosen(store)) == 5

    assert recall(place).strong == StrongConfig(strength="fast", images=7)
    with Store(place) as store:
        assert store.config.strong.images == 7


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--strong", "heavy"], "invalid choice"),
        (["--strong-images", "11", "--n-test", "10"], "some of 10 test images; got 11"),
        (["--strong-seeds", "3", "--seeds", "2"], "some of 2 seeds; got 3"),
        (["--strong", "fast", "--space", "manifold", "--dataset", "mnist"], "on classifiers"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(options, says):
    with pytest.raises(Refused, match=says):
        read_options(options)


def test_a_scales_budget_is_cut_to_what_there_is():
    strong = read_options(["--scale", "paper", "--n-test", "400", "--n-attacked", "9", "--seeds", "2"]).config.strong

    assert strong == StrongConfig(strength="standard", images=400, seeds=2, of="all")


def test_a_study_that_knows_nothing_of_strong_attacks_goes_on_without(tmp_path):
    with confirmed(tmp_path, StrongConfig()) as store:
        plain = store.config.to_dict()
        del plain["strong"]

        assert type(store.config).from_dict(plain) == store.config
        store.state.study["config"].pop("strong")
        assert store.state.strong == StrongConfig()


def test_watching_tells_of_strong_attacks(tmp_path, capsys):
    with confirmed(tmp_path) as store:
        stage = StrongAttacks(store, "manifolds")
        first, second, *_ = stage.jobs()
        stage.keep(first, answer())
        store.test_opened(stage.purpose, second.trial.trial_id, second.seed)

        picture = once(store.run_dir, capsys)

        assert "1 of 5 models" in picture
        assert f"strong attacks, conv-001 RegAdv, seed {second.seed}" in picture

    assert "stopped: no driver" in once(store.run_dir, capsys)
    with Store(store.run_dir) as store:
        attack_all(store)
        assert len(already_attacked(store.state, store.config)) == 5
    assert "ended: all is searched and confirmed" in once(store.run_dir, capsys)

from study.confirmation import Confirmation, candidates, jobs
from study.desk import Desk
from tests.study.conftest import begin, fail, work


def test_candidates_are_the_front_and_all_baselines_of_each_architecture(tmp_path):
    with begin(tmp_path, trials=9, architectures=("conv",)) as store:
        desk = Desk(store)
        for number in range(5):
            work(desk, 0.5, 0.9 - number / 100)
        failed = desk.next()
        fail(desk, failed, "it broke")
        for error, robust in [(0.1, 0.99), (0.6, 0.95), (0.4, 0.4)]:
            work(desk, error, robust)

        chosen = [trial.number for trial in candidates(store.state, ("conv",))]

    assert chosen == [0, 1, 2, 3, 4, 6, 8]  # 5 failed, 7 is dominated and no baseline


def test_all_candidates_are_retrained_with_the_same_fresh_seeds_on_test(store):
    desk = Desk(store)
    for _ in range(4):
        work(desk, 0.5, 0.9)

    todo = jobs(store)

    trials = {"conv-000", "conv-001", "mlp-000", "mlp-001"}
    rounds = [todo[start : start + 4] for start in (0, 4)]
    assert [{job.seed for job in each} for each in rounds] == [{seed} for seed in store.config.fresh_seeds()]
    assert [{job.trial.trial_id for job in each} for each in rounds] == [trials, trials]
    assert len(todo) == 8
    for job in todo:
        assert job.config["evaluation"]["split"] == "test"
        assert job.config["seed"] == job.seed
        kept = {key: value for key, value in job.config.items() if key not in ("seed", "evaluation")}
        assert kept == {key: job.trial.config[key] for key in kept}


def test_long_and_short_ones_take_turns_and_the_longest_of_the_last_seed_come_first(store):
    desk = Desk(store)
    for seconds in (1.0, 5.0, 3.0):
        work(desk, 0.5, 0.9, seconds=seconds)
    first, last = store.config.fresh_seeds()

    todo = [(job.trial.trial_id, job.seed) for job in jobs(store)]

    conv, mlp, other = "conv-000", "mlp-000", "conv-001"
    assert todo == [(mlp, first), (conv, first), (other, first), (mlp, last), (other, last), (conv, last)]


def test_what_failed_is_tried_again_by_the_next_driver_and_by_this_one_no_more(store):
    work(Desk(store), 0.5, 0.9)
    stage = Confirmation(store, "manifolds")
    job = stage.jobs()[0]
    assert not stage.done(job)

    stage.keep(job, {"failed": "out of memory"})

    assert stage.done(job)
    assert not Confirmation(store, "manifolds").done(job)

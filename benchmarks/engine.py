"""What the engine takes around trials: of trials that do nothing, and of a whole study.

Run by `benchmarks/overhead.py`.
"""

import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from study.config import StudyConfig
from study.resources import Resources
from study.storage.journal import read
from study.storage.provenance import describe
from study.storage.store import create
from trainables.config import DataConfig
from trainables.report import EpochReport, Said

NOTHING = EpochReport(epoch=1, train_loss=1.0, error=0.5, robust_error=0.5, robust_error_at={"0.3": 0.5})


def do_nothing(point: Mapping[str, Any]) -> None:
    """A trial that has its result at once."""
    from ray import tune

    errors = np.random.default_rng(int(point["config"]["seed"])).uniform(size=2)
    report = replace(NOTHING, error=float(errors[0]), robust_error=float(errors[1]))
    model = {"parameters": 1, "device": "cpu", "manifold_digest": None}
    tune.report({"said": Said(report=asdict(report), model=model)})


def no_op(trials: int, workers: int, repeats: int) -> None:
    """Prints how fast a study goes whose trials do nothing, proposed at random."""
    seconds = [_no_op(trials, workers) for _ in range(repeats)]
    milliseconds = [1000 * each / trials for each in seconds]
    print(
        f"| {workers} | {trials} | {np.median(milliseconds):.1f} [{min(milliseconds):.1f}, {max(milliseconds):.1f}] "
        f"| {60_000 / np.median(milliseconds):,.0f} |",
        flush=True,
    )


def _no_op(trials: int, workers: int) -> float:
    """Runs one study in a process of its own, and returns the seconds from the first question to the last answer."""
    command = [sys.executable, __file__, str(trials), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


def run_no_op(trials: int, workers: int) -> float:
    """Runs one study in this process."""
    from study.cluster import connected

    config = StudyConfig(
        name="no-op", architectures=("mlp",), data=DataConfig(n_train=20, n_validation=10, n_test=10), n_attacked=10,
        trials=trials, epochs=1, sampler="random", steps=5,
    )  # fmt: skip
    with TemporaryDirectory() as folder, connected(None, workers) as cluster:
        from study.desk import Desk
        from study.execution import run_search
        from study.interrupt import Interrupt
        from study.monitoring.lines import Lines
        from study.monitoring.metrics import Metrics
        from study.monitoring.watch import Watches

        description = describe(config, command="", data_fingerprint="none")
        with create(Path(folder) / "no-op", description) as store, Interrupt() as interrupt:
            watch = Watches(Lines(config), Metrics(config))
            watch.began(store.state, cluster, store.run_dir)
            began = time.perf_counter()
            run_search(Desk(store), do_nothing, watch, interrupt, needs={"mlp": Resources()}, room=lambda: workers)
            seconds = time.perf_counter() - began
            assert sum(trial.state == "COMPLETE" for trial in store.state.trials.values()) == trials
    return seconds


def whole_study(run_dir: Path, wall: float, concurrency: int) -> None:
    """Prints which part of a finished study's wall time no trial was training or being measured.

    Args:
        run_dir: of the study, which was run in one go.
        wall: seconds that the whole command took.
        concurrency: trials at a time.
    """
    events = list(read(run_dir / "journal"))
    last = {}
    for event in events:
        if event["kind"] == "report":
            last[event["trial_id"]] = event["report"]["seconds"]
    confirmed = [event["report"]["seconds"] for event in events if event["kind"] == "confirmed" and event["report"]]
    training = (sum(last.values()) + sum(confirmed)) / concurrency
    times = [datetime.fromisoformat(event["time"]) for event in events]
    print(
        f"{run_dir.name}: {wall:.0f} s in all, {(times[-1] - times[0]).total_seconds():.0f} s from the first event to "
        f"the last; {len(last)} trials and {len(confirmed)} confirmations train and are measured for {training:.0f} s "
        f"with {concurrency} at a time; outside of that {1 - training / wall:.1%}"
    )


if __name__ == "__main__":
    print(run_no_op(int(sys.argv[1]), int(sys.argv[2])))

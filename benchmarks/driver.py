"""What a study's driver takes while it grows: time and memory by trials, with very many workers.

    python benchmarks/driver.py [--workers 1000] [--trials 10000] [--samplers random tpe]

Workers are simulated: in turn they say that another epoch is over, with errors of the analytic surface of
`suggestion`. All else is what a study's driver does: questions to the sampler, halving, the
journal on disk, checkpoints at rungs and the tables, written anew every ten seconds. Memory is what the process holds
(VmRSS), whose peak is printed at the end.
"""

import argparse
import random
import sys
import time
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from engine import NOTHING
from hardware import describe
from suggestion import errors

from study.config import StudyConfig
from study.desk import Desk
from study.scheduling.pareto_halving import Decision
from study.storage.provenance import describe as provenance
from study.storage.state import Trial
from study.storage.store import Store, create
from trainables.config import DataConfig
from trainables.report import Said

STEPS = 10  # lines of the table
CHECKPOINT = bytes(100_000)
CHANCE = random.Random(0)
MODEL = {"parameters": 1, "device": "cpu", "manifold_digest": None}


def memory(line: str = "VmRSS") -> float:
    """Returns what this process holds, in MB."""
    return int(Path("/proc/self/status").read_text().partition(f"{line}:")[2].split()[0]) / 1000


def config(sampler: str, trials: int) -> StudyConfig:
    """A study of one network and eight epochs, with rungs after 2 and 4."""
    data = DataConfig(n_train=20, n_validation=10, n_test=10)
    names = {"architectures": ("mlp",), "data": data, "n_attacked": 10, "epochs": 8, "grace": 2, "steps": 5}
    return StudyConfig(name="simulated", trials=trials, sampler=sampler, **names)


def said(store: Store, trial: Trial) -> Said:
    """The next report of a trial, with a checkpoint at rungs."""
    epoch, rungs = trial.epoch + 1, store.config.rungs()
    error, robust = errors(trial.point)
    late = 0.5**epoch * CHANCE.random()
    report = {**asdict(NOTHING), "epoch": epoch, "error": error + late, "robust_error": robust + late}
    return Said(report=report, model=MODEL, checkpoint=CHECKPOINT if epoch in rungs else None)


def grow(sampler: str, workers: int, trials: int, folder: Path) -> None:
    """Runs a study of so many trials with so many workers, and prints a line whenever a tenth has ended."""
    study = config(sampler, trials)
    description = provenance(study, command="driver.py", data_fingerprint="none")
    with create(folder / "simulated", description) as store:
        desk, busy, ended = Desk(store), [], 0
        started = since = time.perf_counter()
        while not desk.exhausted:
            while len(busy) < workers and (trial := desk.next()):
                busy.append(trial.trial_id)
            for trial_id in list(busy):
                trial = store.state.trials[trial_id]
                if desk.hear(trial_id, said(store, trial)) is Decision.CONTINUE and trial.state == "RUNNING":
                    continue
                desk.end(trial_id)
                busy.remove(trial_id)
                ended += 1
                if ended % (trials // STEPS) == 0:
                    now = time.perf_counter()
                    spent = 1000 * (now - since) / (trials // STEPS)
                    print(f"| {sampler} | {ended} | {spent:.1f} | {memory():.0f} |", flush=True)
                    since = now
            store.refresh_tables()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    print(f"{sampler}: {time.perf_counter() - started:.0f} s, peak {memory('VmHWM'):.0f} MB, on disk {size:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--samplers", nargs="+", default=["random", "tpe"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{describe()}; {arguments.workers} workers, {memory():.0f} MB before the first trial")
    print("| sampler | trials that have ended | ms a trial | MB |\n| --- | --- | --- | --- |")
    for sampler in arguments.samplers:
        with TemporaryDirectory() as folder:
            grow(sampler, arguments.workers, arguments.trials, Path(folder))


if __name__ == "__main__":
    sys.exit(main())

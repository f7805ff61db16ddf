"""What a trial needs, measured before the first one: a few steps of the costliest, in a process of its own.

    python -m study.probe < configs.json

reads a list of trials and prints a list of findings. Every trial is measured in a fork of a process that has imported
all there is to import, so that imports are paid for once and no trial's memory counts for the next.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from study.config import StudyConfig
from study.costs import gradient_evaluations, shortened, without_attacks
from study.resources import Resources
from study.search.point import to_config
from study.storage.provenance import usable_cpus
from trainables.allocation import ready_to_compute
from trainables.config import AnyTrialConfig, TrialConfig, trial_from_dict
from trainables.provision import load_data
from trainables.trials import rehearsed

SAMPLES = 200  # points that the costliest is looked for among
PAYS = 0.9  # of n processors' work, at least, is what n threads must do: else n trials do more
MOST_THREADS = 8
MARGIN = 1.25  # of the memory that a trial adds to its imports
RAYS_OWN = 320 * 2**20  # bytes that a process holds more where it is one of Ray's
GRAIN = 64 * 2**20  # bytes that memory is rounded up to, so that trials that differ little share processes
LIMIT = 60.0  # seconds; of imports, and of every trial: one that takes longer says nothing

Findings = dict[str, Any]


def costliest(config: StudyConfig, architecture: str) -> AnyTrialConfig:
    """Returns the trial of an architecture that takes most: learned manifolds first, then gradient evaluations."""
    space, base = config.search_space(), config.base(architecture, 0)
    rng = np.random.default_rng(config.seed)
    points = [point for _, point in space.baselines] + [space.sample(rng) for _ in range(SAMPLES)]
    return max((to_config(point, base, config.learned) for point in points), key=_demand)


def _demand(trial: AnyTrialConfig) -> tuple[int, int]:
    """Returns how many learned manifolds a trial holds, and how many gradient evaluations it makes."""
    held = {trial.manifold, trial.moved_on} - {None} if isinstance(trial, TrialConfig) else ()
    return len(held), gradient_evaluations(trial)


def probed(
    config: StudyConfig, known: Mapping[str, Findings], *, joined: bool, most_threads: int = 1
) -> dict[str, Findings]:
    """Returns what was found of every architecture, measuring those that are not known yet.

    Args:
        config: of the study.
        known: what the study found before; a study that goes on keeps its threads, since sums depend on them.
        joined: whether trials run on a cluster that was joined: then its nodes measure.
        most_threads: to try; 1 where the numbers of a study are to be the same again.
    """
    new = [costliest(config, name).to_dict() for name in config.architectures if name not in known]
    if joined and new:
        import ray  # after its environment is set, see `study.cluster`

        task = ray.remote(num_cpus=1, max_retries=1)(probe)
        found = [
            findings for each in ray.get([task.remote([trial], most_threads) for trial in new]) for findings in each
        ]
    else:
        found = probe(new, most_threads) if new else []
    return {**known, **{findings["architecture"]: findings for findings in found}}


def probe(trials: Sequence[Mapping[str, Any]], most_threads: int = 1) -> list[Findings]:
    """Measures trials, given as dictionaries, on this machine; as a Ray task, on the one where it runs.

    Args:
        trials: `to_dict` of the config of each.
        most_threads: to try, where a machine has as many processors.

    Returns:
        per trial `architecture`, `import_bytes`, `peak_bytes` and `seconds` of a few steps by threads; or `failed`, a
        reason.
    """
    asked = json.dumps({"trials": list(trials), "most_threads": most_threads})
    ours = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([ours, os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "study.probe"]
    limit = LIMIT * (1 + len(trials))
    try:
        done = subprocess.run(
            command, input=asked, env=environment, capture_output=True, text=True, timeout=limit, check=True
        )
        found: list[Findings] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return [{"architecture": trial["architecture"], "failed": " ".join(str(error).split())} for trial in trials]
    return found


def needed(findings: Findings | None) -> Resources:
    """Returns what a trial takes by what was found of it; a processor and no memory where nothing was."""
    if findings is None or "failed" in findings:
        return Resources()
    alone = findings["seconds"]["1"]
    paying = [int(n) for n, seconds in findings["seconds"].items() if alone >= PAYS * int(n) * seconds or int(n) == 1]
    own = RAYS_OWN + findings["import_bytes"] + MARGIN * (findings["peak_bytes"] - findings["import_bytes"])
    return Resources(cpus=max(paying), memory_bytes=GRAIN * -int(-own // GRAIN))


def measure(trial: Mapping[str, Any], most_threads: int) -> Findings:
    """Trains a few steps of a trial in this process, which has done nothing else, and says what that took."""
    config = trial_from_dict(trial)
    ready_to_compute()
    torch.set_num_threads(1)
    imported = _status("VmRSS")
    kept = load_data(config.data)  # whole, as a trial holds it
    short = shortened(config)
    next(rehearsed(short).reports())
    del kept
    return {
        "architecture": config.architecture,
        "import_bytes": imported,
        "peak_bytes": _status("VmHWM"),
        "seconds": _seconds(short, min(most_threads, usable_cpus())),
    }


def _seconds(short: AnyTrialConfig, most_threads: int) -> dict[str, float]:
    """Returns what the same steps take with 1, 2, 4 ... threads, up to the first number that does not pay."""
    seconds = {}
    for threads in (2**k for k in range(most_threads.bit_length())):
        torch.set_num_threads(threads)
        seconds[str(threads)] = _epoch_seconds(short)
        if seconds["1"] < PAYS * threads * seconds[str(threads)]:
            break
    return seconds


def _epoch_seconds(short: AnyTrialConfig) -> float:
    reports = rehearsed(without_attacks(short)).reports()
    started = time.perf_counter()
    next(reports)
    return time.perf_counter() - started


def _status(name: str) -> int:
    """Returns a line of the kernel's about this process, in bytes: VmRSS now, VmHWM the most since its start."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{name}:")).split()[1])


def in_a_fork(trial: Mapping[str, Any], most_threads: int) -> Findings:
    """Measures a trial in a fork of this process, which has imported what it needs."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(theirs, trial, most_threads))
    process.start()
    theirs.close()
    found: Findings = {"architecture": trial["architecture"]}
    try:
        found = ours.recv() if ours.poll(LIMIT) else found | {"failed": f"a few steps took longer than {LIMIT:g} s"}
    except EOFError:
        found |= {"failed": "its process died, perhaps for lack of memory"}
    process.kill()
    process.join()
    return found


def _send(pipe: Connection, trial: Mapping[str, Any], most_threads: int) -> None:
    try:
        found = measure(trial, most_threads)
    except Exception as error:
        found = {"architecture": trial["architecture"], "failed": " ".join(f"{type(error).__name__}: {error}".split())}
    pipe.send(found)


def main() -> None:
    """Reads what to measure from stdin and writes what was found to stdout."""
    asked = json.load(sys.stdin)
    found = [in_a_fork(trial, asked["most_threads"]) for trial in asked["trials"]]
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()

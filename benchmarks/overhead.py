"""What a study costs beside training.

    python benchmarks/overhead.py --simulate [--samplers tpe nsga2 gp random] [--seeds 12] [--capped 900 300]
    python benchmarks/overhead.py --no-op [--trials 200] [--workers 1 2 4]
    python benchmarks/overhead.py --study [--data-root DATA] [--dataset fonts] [--scale laptop] [--runs DIR]

--simulate asks every sampler for a trial after 100 to 10,000 finished ones and prints how long it takes; then it
searches analytic errors with TPE's capped history and with all of it, paired by seed, and prints the difference.
--no-op runs studies whose trials have their results at once. --study runs one in earnest, from the command line, and
prints which part of its wall time no trial was training or being measured.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from engine import no_op, whole_study
from hardware import describe
from suggestion import SIZES, capped, growth

from study.choices import SAMPLERS
from study.storage.provenance import usable_cpus


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--simulate", action="store_true", help="time questions; trains nothing")
    what.add_argument("--no-op", action="store_true", help="time studies of trials that do nothing")
    what.add_argument("--study", action="store_true", help="time a whole study")
    parser.add_argument("--samplers", nargs="+", choices=SAMPLERS, default=list(SAMPLERS))
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="finished trials, at most")
    parser.add_argument("--seeds", type=int, default=12, help="of the comparison; below 2 leaves it out")
    parser.add_argument("--capped", type=int, nargs=2, default=[900, 300], help="trials, and of them the newest kept")
    parser.add_argument("--trials", type=int, default=200, help="of --no-op")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4], help="of --no-op")
    parser.add_argument("--repeats", type=int, default=3, help="of --no-op")
    parser.add_argument("--data-root", help="of --study; without it, the typefaces that are installed")
    parser.add_argument("--dataset", default="fonts", help="of --study")
    parser.add_argument("--scale", default="laptop", help="of --study")
    parser.add_argument("--runs", help="of --study: keep it there")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(describe(), flush=True)
    if options.simulate:
        simulate(options)
    elif options.no_op:
        print("| workers | trials | ms a trial: median [least, most] | trials a minute |\n| --- | --- | --- | --- |")
        for workers in options.workers:
            no_op(options.trials, workers, options.repeats)
    else:
        run_study(options)


def simulate(options: argparse.Namespace) -> None:
    print(f"{options.seeds} seeds")
    growth(options.samplers, tuple(size for size in SIZES if size <= options.largest))
    if options.seeds >= 2:
        capped(*options.capped, options.seeds)


def run_study(options: argparse.Namespace) -> None:
    with TemporaryDirectory() as folder:
        runs, name = Path(options.runs or folder), f"{options.dataset}-{options.scale}"
        given = ["--dataset", options.dataset, "--scale", options.scale, "--runs", str(runs), "--name", name]
        data = ["--data-root", options.data_root] if options.data_root else []
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "study.launch", *given, *data], check=True, stdout=subprocess.DEVNULL)
        whole_study(runs / name, time.perf_counter() - started, usable_cpus())


if __name__ == "__main__":
    main()

"""Trains configurations of the tradeoff space to the end and records errors after every epoch, for replay.

    python benchmarks/record_curves.py --data-root DIR --lines FILE [--processes 2] [--epochs E] [--trials 120]
    python benchmarks/record_curves.py --lines FILE --table benchmarks/curves/fonts-laptop.parquet

FONTS at the laptop scale, conv and mlp: the space's baselines, then random points. The first form appends a line to
FILE for every trial that ends, and goes on where it was interrupted; the second makes the table that
`benchmarks/scheduling.py --replay` reads. Robust error is measured as the search measures it, in the image alone and
without the paper's attack; what measuring costs is counted beside what training costs.
"""

import argparse
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from hardware import describe
from pyarrow import parquet

from study.config import StudyConfig
from study.options import read_options
from study.search.point import to_config
from trainables.columns import flat
from trainables.config import Architecture, EvaluationConfig, TrialConfig
from trainables.evaluation.asked import Subject
from trainables.evaluation.measure import under_attack
from trainables.evaluation.tally import Tally
from trainables.pipeline import prepare
from trainables.training.loop import train

ARCHITECTURES: tuple[Architecture, ...] = ("conv", "mlp")
Point = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A trial to record.

    Attributes:
        measure: how its robust error is measured after every epoch.
    """

    number: int
    label: str | None
    config: TrialConfig
    measure: EvaluationConfig

    @property
    def key(self) -> str:
        return f"{self.config.architecture}-{self.number:03d}"


def study(data_root: str, epochs: int | None) -> StudyConfig:
    """Returns the study at laptop scale that trials are taken from."""
    words = ["--space", "tradeoff", "--scale", "laptop", "--name", "curves", "--data-root", data_root, "--dry-run"]
    return read_options([*words, *(["--epochs", str(epochs)] if epochs else [])]).config


def points(config: StudyConfig, architecture: Architecture, count: int) -> list[tuple[str | None, Point]]:
    """Returns the baselines with their names, then points that depend on architecture and number alone."""
    space = config.search_space()
    drawn = [
        (None, space.sample(np.random.default_rng((ARCHITECTURES.index(architecture), number))))
        for number in range(len(space.baselines), count)
    ]
    return [*space.baselines[:count], *drawn]


def tasks(config: StudyConfig, count: int) -> list[Task]:
    """Returns the trials of both architectures in turn, so that a recording that is cut short has as many of each."""
    measure = replace(config.evaluation(), paper_attempts=0)
    drawn = {architecture: points(config, architecture, count) for architecture in ARCHITECTURES}
    return [
        Task(
            number=number,
            label=drawn[architecture][number][0],
            config=to_config(
                drawn[architecture][number][1], config.base(architecture, config.trial_seed(architecture, number))
            ),
            measure=measure,
        )
        for number in range(count)
        for architecture in ARCHITECTURES
    ]


def record(task: Task) -> str:
    """Trains one trial to its end and returns what it was and how it went, as a line of JSON."""
    torch.set_num_threads(1)
    config, tally, epochs = task.config, Tally(), []
    own = EvaluationConfig(n_attacked=2, steps=1, paper_attempts=0)  # the loop's last; ours follows every epoch
    training = prepare(replace(config, evaluation=own)).training
    for report in train(training):
        subject = Subject(
            classifier=training.classifier, folded=training.folded(), split=training.splits.validation, tally=tally
        )
        measured = None
        if not report.infeasible:
            measured = under_attack(subject, {}, config.threat_model, task.measure, config.data.seed).robust_error
        epochs.append(
            {
                "epoch": report.epoch,
                "error": report.error,
                "robust_error": measured,
                "training_evaluations": training.tally.gradient_evaluations,
                "measurement_evaluations": tally.gradient_evaluations,
                "infeasible": report.infeasible,
            }
        )
    kept = {"number": task.number, "architecture": config.architecture, "label": task.label}
    return json.dumps({"key": task.key, **kept, "config": config.to_dict(), "epochs": epochs})


def recorded(lines: Path) -> list[dict[str, Any]]:
    """Returns what a file holds; a torn last line, of a recording that was killed, counts for nothing."""
    if not lines.exists():
        return []
    whole = [line for line in lines.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return [json.loads(line) for line in whole]


def record_all(config: StudyConfig, options: argparse.Namespace) -> None:
    """Records what is missing from the file, and appends it trial by trial."""
    done = recorded(options.lines)
    left = [task for task in tasks(config, options.trials) if task.key not in {one["key"] for one in done}]
    options.lines.parent.mkdir(parents=True, exist_ok=True)
    options.lines.write_text("".join(json.dumps(one) + "\n" for one in done))
    print(f"{describe()}; {len(done)} recorded, {len(left)} to go", flush=True)
    with (
        options.lines.open("a") as file,
        ProcessPoolExecutor(options.processes, multiprocessing.get_context("spawn")) as pool,
    ):
        for number, future in enumerate(as_completed([pool.submit(record, task) for task in left])):
            file.write(future.result() + "\n")
            file.flush()
            print(f"{number + 1} of {len(left)}", flush=True)


def write_table(lines: Path, table: Path) -> None:
    """Writes a row for every trial and epoch, with the configuration's columns."""
    constant = ("data.source", "threat_model", "evaluation")
    rows = []
    for one in sorted(recorded(lines), key=lambda one: (one["architecture"], one["number"])):
        named = {name: one[name] for name in ("architecture", "number", "label")}
        settings = {name: value for name, value in flat(one["config"]).items() if not any(c in name for c in constant)}
        rows += [named | settings | epoch for epoch in one["epochs"]]
    names = sorted({name for row in rows for name in row})
    table.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table({name: [row.get(name) for row in rows] for name in names}), table, compression="zstd")
    print(f"{table}: {len(rows)} epochs of {len({(r['architecture'], r['number']) for r in rows})} trials")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", required=True, type=Path, metavar="FILE", help="JSON lines; recordings append to it")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write this table, and record nothing")
    parser.add_argument("--data-root", metavar="DIR")
    parser.add_argument("--processes", type=int, default=2, help="of one thread each")
    parser.add_argument("--trials", type=int, default=120, help="per architecture")
    parser.add_argument("--epochs", type=int, help="the laptop scale's without it")
    options = parser.parse_args()
    if options.table:
        write_table(options.lines, options.table)
    elif options.data_root:
        record_all(study(options.data_root, options.epochs), options)
    else:
        parser.error("a recording needs --data-root, a table --table")


if __name__ == "__main__":
    main()

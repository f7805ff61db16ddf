"""A study whose trials misbehave, each in its own way; run by `test_execution` in a process of its own."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def misbehaving(point: Mapping[str, Any]) -> None:
    """Does what the trial's number says."""
    from ray import tune

    from tests.study.conftest import MODEL, said
    from trainables.report import Said
    from trainables.tune import trainable

    def say(*report: Any, **changes: Any) -> None:
        tune.report({"said": Said(report=said(*report, **changes), model=MODEL)})

    number = int(point["trial_id"].split("-")[1])
    if number == 0:
        say(2, 0.25, 0.5)
    elif number == 1:
        raise RuntimeError("the trial\nbroke")
    elif number == 2:
        os._exit(1)
    elif number == 4:
        say(1, 0.9, None, infeasible="it collapsed")
    elif number == 5:
        data = point["config"]["data"] | {"source": "/nowhere"}
        trainable({**point, "config": point["config"] | {"data": data}})


def deadly(point: Mapping[str, Any]) -> None:
    """Kills its worker, whatever the trial."""
    os._exit(1)


def main(runs: Path, trainable: str) -> None:
    from study.cluster import connected
    from study.interrupt import Interrupt
    from study.resources import Resources
    from tests.study.conftest import begin

    with begin(runs, trials=7, architectures=("mlp",)) as store, connected(None, 2) as cluster:
        from study.desk import Desk
        from study.execution import run_search
        from study.monitoring.lines import Lines

        watch = Lines(store.config)
        with Interrupt() as interrupt:
            watch.began(store.state, cluster, store.run_dir)
            run_search(Desk(store), globals()[trainable], watch, interrupt, needs={"mlp": Resources()}, room=lambda: 2)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

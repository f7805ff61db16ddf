"""Prints what Ray's agents tell Prometheus of a study; run by `test_metrics` in a process of its own."""

import json
import re
import sys
import urllib.request
from pathlib import Path

WITHIN = 90  # seconds


def scraped() -> list[str]:
    """Returns the lines about studies, of all agents that listen."""
    import ray

    listed = Path(ray._private.worker._global_node.get_temp_dir_path()) / "prom_metrics_service_discovery.json"
    targets = json.loads(listed.read_text())[0]["targets"] if listed.is_file() else []
    lines = []
    for target in targets:
        try:
            with urllib.request.urlopen(f"http://{target}/metrics", timeout=5) as answer:
                lines += answer.read().decode().splitlines()
        except OSError:
            continue
    return [line for line in lines if line.startswith("ray_disentangle_")]


def main(run_dir: Path, wanted: int) -> None:
    from study.cluster import connected
    from study.storage.journal import read
    from study.storage.state import folded
    from study.storage.store import recall
    from tests.study.processes import wait_for

    config, state = recall(run_dir), folded(read(run_dir / "journal"))
    with connected(None, 1) as cluster:
        from study.monitoring.metrics import Metrics

        watch = Metrics(config)
        watch.began(state, cluster, run_dir)
        watch.stage("confirmation", 4, 1)
        watch.ended()
        wait_for(lambda: len({re.split(r"\W", line)[0] for line in scraped()}) >= wanted, WITHIN)
        sys.stdout.write("\n".join(scraped()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

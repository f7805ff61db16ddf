"""A driver that joins a cluster, tries it out and prints what it saw, for tests that need a process of their own."""

import json
import math
import sys
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from study.cluster import Room, capacity, connected
from study.errors import Refused
from study.interrupt import Interrupt
from study.probe import probed
from study.resources import Resources
from tests.study.conftest import tiny


def main(address):
    with connected(address, None) as cluster:
        import ray

        @ray.remote(num_cpus=1)
        def seen():
            import analysis
            import search_spaces
            import study
            import trainables

            return [module.__file__ for module in (analysis, search_spaces, study, trainables)]

        say(
            files=ray.get(seen.remote()),
            capacity=[capacity(each) for each in (Resources(), Resources(cpus=2), Resources(memory_bytes=2**60))],
            room=Room(cluster, [Resources()])(),
            found=probed(tiny(architectures=("mlp",)), {}, joined=True),
            refused=refused(replace(cluster, local=True, elastic=False)),
            left=left_by_a_look(),
            fused=fused(Room(cluster, [Resources()])),
        )


def left_by_a_look():
    """What lies in a folder of which all nodes were asked whether they see it."""
    with TemporaryDirectory() as folder:
        from study.visibility import must_be_seen  # ray, which comes after its environment

        must_be_seen(Path(folder) / "manifolds", Interrupt())
        return [path.name for path in (Path(folder) / "manifolds").iterdir()]


def fused(room):
    """Which trials end in engines, of which the second never finds a node."""
    from study.engines import Engines  # as above

    config, until, over = tiny(architectures=("mlp",)).base("mlp", 0).to_dict(), time.monotonic() + 90, []
    given = {"most": math.inf, "manifolds": "", "slots": 2, "note": lambda _: None}
    with Engines(Resources(), room, **given) as engines:
        for job in range(5):
            engines.begin(job, config)
        while engines.jobs and time.monotonic() < until:
            over += [heard.job for heard in engines.heard() if heard.word.over and not heard.word.said.failed]
    return sorted(over)


def refused(local):
    """What is said where this machine has no room for a trial."""
    assert Room(local, [Resources()])() == 1
    try:
        Room(local, [Resources(), Resources(cpus=64)])
    except Refused as reason:
        return str(reason)
    return None


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

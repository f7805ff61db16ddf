"""A driver that joins a cluster, tries it out and prints what it saw, for tests that need a process of their own."""

import json
import sys

from study.cluster import Room, capacity, connected
from study.probe import probed
from study.resources import Resources
from tests.study.conftest import tiny
from tests.study.processes import wait_for


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

        say(files=ray.get(seen.remote()), capacity=capacity(Resources()), large=capacity(Resources(cpus=2)))
        say(
            room=Room(cluster, [Resources()])(),
            found=probed(tiny(architectures=("mlp",)), {}, joined=True),
        )
        wait_for(lambda: capacity(Resources()) > 1, 90)  # a node joins
        say(capacity=capacity(Resources()), large=capacity(Resources(cpus=2)), huge=capacity(Resources(cpus=3)))


def say(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])

"""Whether the nodes of a cluster see a folder of the driver's, asked before anything relies on it."""

import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from study.errors import Refused
from study.interrupt import Interrupt

PATIENCE = (
    10.0  # seconds that a node may take to see a new file: file systems over a network remember what was not there
)
LIMIT = 180.0  # seconds that all nodes may take to answer; the first task on a node waits for our code
TICK = 0.25  # seconds between two looks


def must_be_seen(folder: Path, interrupt: Interrupt, patience: float = PATIENCE) -> None:
    """Refuses a folder unless all nodes that trials may run on see, under the same path, what the driver writes there.

    Nodes without processors run no trials and are not asked; neither can be those that join later.

    Args:
        folder: that trials will read; it is made where it is not there.
        interrupt: stops the waiting.
        patience: seconds that a node may take to see a new file.

    Raises:
        Refused: if a node does not see it, or if the driver cannot write to it.
        KeyboardInterrupt: if that was asked for.
    """
    with _marker(folder) as marker:
        answers = _answers(_ask(marker, patience), interrupt)
    if found := complaint(str(folder), answers):
        raise Refused(found)


def sees(marker: str, patience: float) -> bool:
    """Tells whether a file is there, or comes within so many seconds."""
    end = time.monotonic() + patience
    while (
        not (found := os.path.isfile(marker)) and time.monotonic() < end
    ):  # which is False, too, where it may not look
        time.sleep(TICK)
    return found


def complaint(folder: str, answers: Mapping[str, bool | str]) -> str | None:
    """Returns what is wrong by the answers of nodes, or None where all see the folder.

    Args:
        folder: that they were asked for.
        answers: by a node's name: whether it sees the folder, or why it could not say.
    """
    blind = [name for name, answer in answers.items() if answer is False]
    silent = [f"{name}: {answer}" for name, answer in answers.items() if isinstance(answer, str)]
    if not blind and not silent:
        return None
    found = [f"{', '.join(blind)} did not see what the driver wrote there"] * bool(blind) + silent
    return (
        f"all nodes of a cluster must see the folder of learned manifolds, {folder}, under the same path; "
        f"{'; '.join(found)}; share it with every node, or give --manifolds a folder that is shared, "
        "or an address such as s3://bucket/manifolds"
    )


@contextmanager
def _marker(folder: Path) -> Iterator[Path]:
    """Writes a file of a name that nobody has ever looked for, and takes it away."""
    marker = folder / f".seen-by-all-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        marker.touch()
    except OSError as error:
        raise Refused(
            f"learned manifolds need a folder that can be written; {folder}: {error.strerror}; give --manifolds another"
        ) from error
    try:
        yield marker
    finally:
        marker.unlink(missing_ok=True)


def _ask(marker: Path, patience: float) -> dict[Any, Mapping[str, Any]]:
    """Asks every node by a task of its own, and returns the nodes by their answers to come."""
    task = ray.remote(num_cpus=0, max_retries=0)(sees)
    asked = {}
    for node in _alive():
        pinned = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
        placed = task.options(scheduling_strategy=pinned, name="look for the manifolds' folder")
        asked[placed.remote(str(marker), patience)] = node
    return asked


def _answers(asked: Mapping[Any, Mapping[str, Any]], interrupt: Interrupt) -> dict[str, bool | str]:
    """Waits for the answers; of nodes that have gone meanwhile there are none."""
    waiting, end = list(asked), time.monotonic() + LIMIT
    while waiting and time.monotonic() < end:
        _, waiting = ray.wait(waiting, num_returns=len(waiting), timeout=TICK)
        interrupt.check()
    there = {node["NodeID"] for node in _alive()}
    return {
        _name(node): _answer(reference, late=reference in waiting)
        for reference, node in asked.items()
        if node["NodeID"] in there
    }


def _answer(reference: Any, *, late: bool) -> bool | str:
    if late:
        return f"no answer within {LIMIT:g} seconds"
    try:
        return bool(ray.get(reference))
    except ray.exceptions.RayError as error:
        return " ".join(str(error).split())


def _alive() -> list[Mapping[str, Any]]:
    nodes = ray.nodes()  # type: ignore[no-untyped-call] # Ray's
    return [node for node in nodes if node["Alive"] and node["Resources"].get("CPU", 0) > 0]


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']}, node {node['NodeID'][:8]})"

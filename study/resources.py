"""What a trial takes of a node."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trainables.checks import must

GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What Ray keeps free for a trial, or for a candidate that is retrained.

    Attributes:
        cpus: processors; as many threads compute.
        gpus: a whole number, or a fraction of one that trials share.
        memory_bytes: of the whole process; 0 keeps none free.
    """

    cpus: int = 1
    gpus: float = 0.0
    memory_bytes: int = 0

    def __post_init__(self) -> None:
        must(self.cpus >= 1, f"a trial takes at least 1 processor; got {self.cpus}")
        shared = 0 <= self.gpus <= 1 or float(self.gpus).is_integer()
        must(shared and self.gpus >= 0, f"a trial takes whole GPUs, or a fraction of one; got {self.gpus:g}")
        must(self.memory_bytes >= 0, f"a trial takes at least 0 bytes of memory; got {self.memory_bytes}")

    def bundle(self) -> dict[str, float]:
        """Returns them by the names of Ray's nodes and placement groups, without those that are zero."""
        everything = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory_bytes}
        return {name: amount for name, amount in everything.items() if amount}

    def options(self) -> dict[str, float]:
        """Returns them by the names of `ray.remote`."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "memory": self.memory_bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """What somebody asked for instead of what is measured; None leaves that to the probe."""

    cpus: int | None = None
    gpus: float | None = None
    memory_gib: float | None = None

    def __post_init__(self) -> None:
        self.of(Resources())  # says what is out of range

    @property
    def complete(self) -> bool:
        """Tells whether nothing is left to measure; GPUs are only taken where they are asked for."""
        return self.cpus is not None and self.memory_gib is not None

    def of(self, measured: Resources) -> Resources:
        """Returns the measured ones, changed."""
        return Resources(
            cpus=measured.cpus if self.cpus is None else self.cpus,
            gpus=measured.gpus if self.gpus is None else self.gpus,
            memory_bytes=measured.memory_bytes if self.memory_gib is None else round(self.memory_gib * GIB),
        )


def fitting(node: Mapping[str, Any], each: Resources) -> int:
    """Returns how many times the resources fit on a node that offers these."""
    return int(min(node.get(name, 0) / amount for name, amount in each.bundle().items()))

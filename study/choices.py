"""What a study may be told to do, by the names that options have for it."""

from typing import Literal

Sampler = Literal["tpe", "nsga2", "gp", "random"]
SAMPLERS: tuple[Sampler, ...] = ("tpe", "nsga2", "gp", "random")
Scheduler = Literal["pareto-halving", "none"]
SCHEDULERS: tuple[Scheduler, ...] = ("pareto-halving", "none")
Halving = Literal["stop", "pause", "observe"]
HALVINGS: tuple[Halving, ...] = ("stop", "pause", "observe")
Backend = Literal["auto", "fused", "dedicated"]
BACKENDS: tuple[Backend, ...] = ("auto", "fused", "dedicated")
MOST_SLOTS = 1024
MOST_SEEDS = 1000
MOST_REPLICATES = 20
MOST_GP = 300  # trials of an architecture under --sampler gp

"""What a study would do and cost, before it does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import torch

from search_spaces.space import Point, Space
from study.config import StudyConfig
from study.costs import gradient_evaluations, sampled
from study.kinds import KINDS
from study.manifold_kinds import is_learned, to_learn
from study.monitoring.progress import duration
from study.search.point import to_config
from study.strong_config import WHOM
from trainables.config import AnyTrialConfig
from trainables.trials import rehearsed

SAMPLES = 1000  # points that averages over the space are taken of
FRONT_SHARE = 1 / 4  # of the trials that the search asks for, assumed to become candidates
REGULAR, MIXED = 1, 3  # places of baselines: attacked in the image, and on the manifold too, which takes longer there
MOST_SIGNATURES = 8  # of an architecture, where all its trials move along one manifold
INDENT = " " * 16  # of a line that belongs to the one before


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one architecture costs.

    Attributes:
        baselines: names of those that are tried.
        searched: trials beyond the baselines.
        signatures: structures that trials of the space can have.
        candidates: assumed for the confirmation; how many there are shows only after the search.
        search: gradient evaluations of the search, at most; `confirmation` likewise.
        rate: gradient evaluations a second and processor, measured now.
    """

    architecture: str
    baselines: tuple[str, ...]
    searched: int
    signatures: int
    candidates: int
    search: int
    confirmation: int
    rate: float

    @property
    def seconds(self) -> float:
        """Processor time of search and confirmation."""
        return (self.search + self.confirmation) / self.rate


def plan(config: StudyConfig, architecture: str, *, confirm: bool) -> Plan:
    """Counts what an architecture's trials will do, and measures for a second or two how fast this machine does it."""
    space, base = config.search_space(), config.base(architecture, 0)
    rng = np.random.default_rng(config.seed)
    sampled = [to_config(space.sample(rng), base, config.learned) for _ in range(SAMPLES)]
    baselines = [(label, to_config(point, base, config.learned)) for label, point in space.baselines[: config.trials]]
    searched = config.trials - len(baselines)
    average = fmean(gradient_evaluations(trial) for trial in sampled)
    seeds = config.seeds if confirm else 0
    candidates = len(baselines) + math.ceil(FRONT_SHARE * searched)
    again = fmean(gradient_evaluations(replace(trial, evaluation=config.confirmation())) for trial in sampled)
    return Plan(
        architecture=architecture,
        baselines=tuple(label for label, _ in baselines),
        searched=searched,
        signatures=len({trial.signature() for trial in [*sampled, *(trial for _, trial in baselines)]}),
        candidates=candidates if confirm else 0,
        search=round(sum(gradient_evaluations(trial) for _, trial in baselines) + searched * average),
        confirmation=round(candidates * seeds * again),
        rate=_measured_rate(to_config(_slow(space, config), base, config.learned)),
    )


def _slow(space: Space, config: StudyConfig) -> Point:
    """Returns a baseline that is among the slowest; attacks through learned decoders are slower than any other."""
    point = space.baselines[MIXED if config.learned else REGULAR][1]
    learned = [kind for kind in config.kinds if is_learned(kind)]
    return point | {"kind": learned[0], "box": "minmax"} if learned and "kind" in point else point


def _measured_rate(trial: AnyTrialConfig) -> float:
    """Trains a little, twice, and returns the second time's gradient evaluations a second."""
    torch.set_num_threads(1)  # as in a trial
    few = sampled(trial)
    *_, last = [report for _ in range(2) for report in rehearsed(few).reports()]
    return last.gradient_evaluations / last.seconds


def described(config: StudyConfig, plans: Sequence[Plan], concurrency: int) -> str:
    """Returns the plan as a person reads it."""
    data, threat = config.data, config.threat_model
    drawn = f"{data.dataset}, {data.variant}" if data.variant else data.dataset
    seconds = sum(each.seconds for each in plans) / concurrency
    lines = [
        f"Plan of {config.name}. Nothing is started or written.",
        f"  data          {drawn}: {data.n_train} examples to train on, {data.n_validation} to "
        f"choose by, {data.n_test} to confirm on; {config.n_attacked} of them attacked",
        f"  adversary     {threat.norm}, epsilon {threat.epsilon:g}, eta {threat.eta:g}",
        *_manifold(config),
        f"  trials        {config.epochs} epochs, at most {config.steps} steps of an attack{_said(config)}",
        *_grid(config),
        *(_described(each, config) for each in plans),
        *_replicates(config),
        *_attacks(config, plans),
        f"  in all        {sum(each.search + each.confirmation for each in plans):,} gradient evaluations at most",
        f"  time          about {duration(seconds)} or less with {concurrency} trial(s) at a time, at the speed "
        "measured here just now",
    ]
    return "\n".join(lines)


def _manifold(config: StudyConfig) -> list[str]:
    if not KINDS[config.space].moves:
        return [
            "  judges        two classifiers, trained before the first trial: minutes that are not in the time below"
        ]
    told = []
    if config.others:
        told.append(f"one of {', '.join(config.kinds)} in a trial; errors are measured on the first")
    if config.learned:
        agnostic = [model.model.agnostic for model in to_learn(config.learned, config.kinds)]
        who = " and ".join("one model for all classes" if each else "a model for each class" for each in agnostic)
        told.append(f"learned before the first trial, {who}: minutes that are not in the time below")
    return ["  manifold      " + ("\n" + INDENT).join(told)] if told else []


def _grid(config: StudyConfig) -> list[str]:
    if not config.is_grid:
        return []
    again = f"; again for as many updates as the largest: {_listed(config.at_updates)}" if config.at_updates else ""
    return [
        f"  grid          {_listed(config.sizes)} training examples{again}",
        f"{INDENT}{config.seeds} seeds of every cell, all measured on test; {config.attacked_strongly} examples under "
        "the strong attacks too",
    ]


def _listed(sizes: Sequence[int]) -> str:
    return ", ".join(map(str, sizes))


def _said(config: StudyConfig) -> str:
    """Returns what is unusual of trials."""
    precision = "" if config.attack_precision == "float32" else f" in {config.attack_precision}"
    epoch = "" if config.checkpoint == "last" else f"; models are of the {config.checkpoint} epoch on validation"
    return precision + epoch


def _replicates(config: StudyConfig) -> list[str]:
    if not config.replicates:
        return []
    seeds = "1 more seed" if config.replicates == 1 else f"{config.replicates} more seeds"
    return [f"  replicates    {seeds} of every point of the best fronts; that is not in the numbers below"]


def _attacks(config: StudyConfig, plans: Sequence[Plan]) -> list[str]:
    strong = config.strong
    if not strong or not any(each.candidates for each in plans):
        return []
    seeds = "1 seed" if strong.seeds == 1 else f"{strong.seeds} seeds"
    what = f"{strong.strength}, on {strong.images} test images: {WHOM[strong.of]}, {seeds} of each"
    return [f"  attacks       {what}; that is not in the time below"]


def _described(each: Plan, config: StudyConfig) -> str:
    trials = f"{len(each.baselines) + each.searched} trials of at most {each.signatures} signatures"
    baselines = list(dict.fromkeys(each.baselines))  # a cell of a grid has several seeds
    named = "cells of the grid" if config.is_grid else "baselines"
    counted = f"{len(baselines)} {named}" + ("" if config.is_grid else f" and {each.searched} of the search")
    lines = [
        f"  {each.architecture:<13} {trials}: {counted}",
        f"{named}: {', '.join(baselines)}",
        f"{each.search:,} gradient evaluations at most, {each.rate:,.0f} a second and processor",
    ]
    if config.others and each.signatures > MOST_SIGNATURES:
        lines.append(
            f"more than {MOST_SIGNATURES} signatures: trials share a fused step only where they move on the same "
            "manifold, in the same box"
        )
    if each.candidates:
        confirmed = f"about {each.candidates} candidates x {config.seeds} fresh seeds"
        lines.append(f"then {confirmed}: {each.confirmation:,} gradient evaluations at most")
    return ("\n" + INDENT).join(lines)

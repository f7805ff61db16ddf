"""The part of the page on what the search cost, and what it had found by then."""

from collections.abc import Mapping
from functools import partial
from typing import Final

import numpy as np

from analysis.charts.cost import UNITS, cost_chart
from analysis.charts.fronts import hue
from analysis.cost import ORDERS, Budget, Control, Trace, random_control, search_trace
from analysis.fidelity import by_epoch, search_and_confirmation
from analysis.findings import Findings
from analysis.formats import DASH, with_ends
from analysis.front import ConfirmedFront
from analysis.load import Study
from analysis.objectives import corner_of
from analysis.printed import costs
from analysis.prose import conditions
from analysis.sections.section import Section
from analysis.statistics import Interval

PLACES: Final = 60  # costs at which random search is looked at
MANY: Final = 500  # trials, of which orders differ less
FEWER_ORDERS: Final = 40


def section(findings: Findings) -> Section | None:
    """Returns hypervolume on validation against cost; None where no trial has given a result."""
    study = findings.study
    found = {budget: known for budget in UNITS if (known := _traces(study, budget))}
    if not found:
        return None
    hues = {name: hue(name) for name in study.architectures}
    first = next(iter(found))
    control = _controls(study, found[first], first)
    return Section(
        name="cost",
        title="Cost",
        content={
            "charts": [
                cost_chart(traces, control if budget == first else {}, budget, hues) for budget, traces in found.items()
            ],
            "networks": [(called, name) for name, called in hues.items()],
            "controlled": _is_random(study),
            "printed": first == "gradient_evaluations",
            "asked": len(study.trials),
            "sampler": study.config.get("sampler", ""),
            "corner": corner_of(study.objectives),
            "conditions": conditions(study, study.config["evaluation"]),
            "orders": [row for front in findings.fronts for row in _orders(study, front)],
        },
        figures={"cost": partial(costs, found[first], control)} if first == "gradient_evaluations" else {},
    )


def _orders(study: Study, front: ConfirmedFront) -> list[dict[str, str]]:
    """Returns a row for each objective: how early its final order of trials is known, and whether test agrees."""
    early, beside = by_epoch(study, front.architecture), search_and_confirmation(study, front)
    rows = []
    for objective in study.objectives:
        own = [(found.epoch, found.correlation) for found in early if found.objective == objective]
        own = [(epoch, found) for epoch, found in own if epoch & (epoch - 1) == 0]  # as rungs often are
        told = [f"after epoch {epoch} {_correlation(found)}" for epoch, found in own]
        candidates = beside.get(objective.name)
        if told or candidates:
            rows.append({
                "hue": hue(front.architecture),
                "name": front.architecture,
                "objective": objective.label,
                "early": "; ".join(told) or DASH,
                "beside": _correlation(candidates) if candidates else DASH,
            })  # fmt: skip
    return rows


def _correlation(found: Interval) -> str:
    return f"{with_ends(found, '.2f')} (n = {found.n})"


def _traces(study: Study, budget: Budget) -> dict[str, Trace]:
    """Returns by architecture what the search had found for its cost; empty where nothing was found or counted."""
    traces = {name: search_trace(study, name, budget) for name in study.architectures}
    traces = {name: found for name, found in traces.items() if len(found.costs) and found.volumes[-1] > 0}
    return traces if any(found.costs[-1] > 0 for found in traces.values()) else {}


def _controls(study: Study, traces: Mapping[str, Trace], budget: Budget) -> dict[str, Control]:
    """Returns by architecture what the order of trials leaves to chance; empty unless these were drawn at random."""
    rng = np.random.default_rng(0)  # the same study gives the same page
    controls: dict[str, Control] = {}
    for name, found in traces.items() if _is_random(study) else ():
        places = np.linspace(0, found.costs[-1], PLACES)
        orders = FEWER_ORDERS if len(found.costs) > MANY else ORDERS
        controls[name] = random_control(study, name, rng, at=places, budget=budget, orders=orders)
    return controls


def _is_random(study: Study) -> bool:
    return study.config.get("sampler") == "random"

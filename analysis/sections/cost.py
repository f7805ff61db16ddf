"""The part of the page on what the search cost, and what it had found by then."""

from typing import Final

import numpy as np
from markupsafe import Markup

from analysis.charts.cost import UNITS, cost_chart
from analysis.charts.fronts import hue
from analysis.cost import ORDERS, Budget, Control, random_control, search_trace
from analysis.findings import Findings
from analysis.load import Study
from analysis.objectives import corner_of
from analysis.prose import conditions
from analysis.sections.section import Section

PLACES: Final = 60  # costs at which random search is looked at
MANY: Final = 500  # trials, of which orders differ less
FEWER_ORDERS: Final = 40


def section(findings: Findings) -> Section | None:
    """Returns hypervolume on validation against cost; None where no trial has given a result."""
    study = findings.study
    charts = [chart for budget in UNITS if (chart := _chart(study, budget))]
    if not charts:
        return None
    return Section(
        name="cost",
        title="Cost",
        content={
            "charts": charts,
            "networks": [(hue(name), name) for name in study.architectures],
            "controlled": _is_random(study),
            "asked": len(study.trials),
            "sampler": study.config.get("sampler", ""),
            "corner": corner_of(study.objectives),
            "conditions": conditions(study, study.config["evaluation"]),
        },
    )


def _chart(study: Study, budget: Budget) -> Markup:
    traces = {name: search_trace(study, name, budget) for name in study.architectures}
    traces = {name: found for name, found in traces.items() if len(found.costs) and found.volumes[-1] > 0}
    if not traces or not any(found.costs[-1] > 0 for found in traces.values()):
        return Markup()
    rng = np.random.default_rng(0)  # the same study gives the same page
    controls: dict[str, Control] = {}
    for name, found in traces.items() if _is_random(study) else ():
        places = np.linspace(0, found.costs[-1], PLACES)
        orders = FEWER_ORDERS if len(found.costs) > MANY else ORDERS
        controls[name] = random_control(study, name, rng, at=places, budget=budget, orders=orders)
    return cost_chart(traces, controls, budget, {name: hue(name) for name in traces})


def _is_random(study: Study) -> bool:
    return study.config.get("sampler") == "random"

"""The part of the page on what the search cost, and what it had found by then."""

import numpy as np

from analysis.charts.cost import cost_chart
from analysis.charts.fronts import hue
from analysis.cost import ORDERS, random_control, search_trace
from analysis.findings import Findings
from analysis.objectives import corner_of
from analysis.sections.section import Section

PLACES = 60  # costs at which random search is looked at
FEWER_ORDERS = 40  # of many trials, where orders differ less
MANY = 500


def section(findings: Findings) -> Section | None:
    """Returns hypervolume on validation against gradient evaluations; None where no trial has given a result."""
    study = findings.study
    traces = {name: search_trace(study, name) for name in study.architectures}
    traces = {name: found for name, found in traces.items() if len(found.costs) and found.volumes[-1] > 0}
    if not traces or not any(found.costs[-1] > 0 for found in traces.values()):
        return None
    is_random = study.config.get("sampler") == "random"
    rng = np.random.default_rng(0)  # the same study gives the same page
    controls = {}
    for name, found in traces.items() if is_random else ():
        places = np.linspace(0, found.costs[-1], PLACES)
        orders = FEWER_ORDERS if len(found.costs) > MANY else ORDERS
        controls[name] = random_control(study, name, rng, at=places, orders=orders)
    return Section(
        name="cost",
        title="Cost",
        content={
            "chart": cost_chart(traces, controls),
            "networks": [(hue(name), name, f"{found.costs[-1] / 1e6:.3g}") for name, found in traces.items()],
            "controlled": bool(controls),
            "trials": len(study.trials),
            "sampler": study.config.get("sampler", ""),
            "corner": corner_of(study.objectives),
        },
    )

"""Claim 4: regular robustness and generalization are not contradicting goals (section 3.5)."""

from collections.abc import Iterable
from typing import Final

from analysis.claims.asking import ERROR, INDEPENDENT, MORE, NO_WORSE, NORMAL, STRONG, SUCCESS, Asking
from analysis.claims.grid import IN_IMAGE
from analysis.claims.measures import Pick, Statistic, gap, slope, within
from analysis.claims.published import COUNTER_EXAMPLE
from analysis.claims.verdicts import Claim, Finding, below

SATURATED: Final = 0.98  # a rate that is higher everywhere says nothing about what changes it
STRONGEST: Final = (
    "success of strong attacks in the image (mean over radii) per unit of test error, over training sizes"
)


def no_contradiction(ask: Asking) -> Claim:
    """Regular robustness and generalization are not contradicting goals: more examples of a strategy harm neither."""
    title = "regular robustness does not contradict generalization"
    return Claim(number=4, title=title, findings=(*_over_sizes(ask), *_between_strategies(ask)))


def rising(metric: str, methods: Iterable[str]) -> Statistic:
    """Returns the statistic that is a rate's slope over the test error, within strategies; none if it is saturated."""

    def statistic(pick: Pick) -> float | None:
        rates = {method: curve for method, curve in pick(metric, "epochs").items() if method in methods}
        told = any(value < SATURATED for curve in rates.values() for value in curve.values())
        return slope(within(pick(ERROR, "epochs"), rates, methods)) if told else None

    return statistic


def _over_sizes(ask: Asking) -> tuple[Finding, ...]:
    """Asks what becomes of robustness while more examples lower the error."""
    outside = ask.grid.outside
    return (
        ask.finding(
            "no-worse",
            "strategies without regular adversarial training lose no robustness as their error falls",
            STRONGEST,
            rising(STRONG, outside),
            NO_WORSE,
            decides=True,
        ),
        ask.finding(
            "no-worse-regular",
            "nor does regular adversarial training",
            STRONGEST,
            rising(STRONG, (IN_IMAGE,)),
            NO_WORSE,
            decides=True,
        ),
        ask.finding(
            "independent",
            "without regular adversarial training the two are independent",
            STRONGEST,
            rising(STRONG, outside),
            INDEPENDENT,
            note=COUNTER_EXAMPLE,
        ),
        ask.finding(
            "papers-rate",
            "by the paper's own rate they lose no robustness either",
            "success rate of the paper's attack per unit of test error, over training sizes",
            rising(SUCCESS, outside),
            NO_WORSE,
            note="Where this rate is above .98 in all cells it is not counted.",
        ),
    )


def _between_strategies(ask: Asking) -> tuple[Finding, ...]:
    """Asks for the trade-off that the paper sees between strategies."""
    largest = ask.grid.sizes[-1]

    def apart(metric: str) -> Statistic:
        def statistic(pick: Pick) -> float | None:
            known = pick(metric, "epochs")
            return gap(known.get(IN_IMAGE, {}), known.get(NORMAL, {}), [largest])

        return statistic

    return (
        ask.finding(
            "trade-off-error",
            "between strategies there is a trade-off: RegAdv errs more than Normal",
            f"test error of RegAdv minus Normal's, {largest} examples",
            apart(ERROR),
            MORE,
        ),
        ask.finding(
            "trade-off-robustness",
            "and is more robust",
            f"success of strong attacks on RegAdv minus that on Normal, {largest} examples",
            apart(STRONG),
            below(0.0),
        ),
    )

"""Claim 4: regular robustness and generalization are not contradicting goals (section 3.5)."""

from collections.abc import Callable, Iterable
from typing import Final

from analysis.claims.asking import ERROR, INDEPENDENT, MORE, NO_WORSE, NORMAL, SIDES, STRONG, SUCCESS, Asking
from analysis.claims.grid import IN_IMAGE
from analysis.claims.measures import Pairs, Pick, Statistic, correlation, gap, slope, within
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


def relating(ask: Asking, metric: str, methods: Iterable[str], how: Callable[[Pairs], float | None]) -> Statistic:
    """Returns the statistic that relates a rate to the test error, within strategies; saturated ones are left out."""
    seeds = [ask.grid.pick(seed)(metric, "epochs") for seed in ask.grid.seeds]
    kept = [m for m in methods if any(rate < SATURATED for curves in seeds for rate in curves.get(m, {}).values())]
    return lambda pick: how(within(pick(ERROR, "epochs"), pick(metric, "epochs"), kept))


def _over_sizes(ask: Asking) -> tuple[Finding, ...]:
    """Asks what becomes of robustness while more examples lower the error."""
    outside = ask.grid.outside
    return (
        ask.finding(
            "no-worse",
            "strategies without regular adversarial training lose no robustness as their error falls",
            STRONGEST,
            relating(ask, STRONG, outside, slope),
            NO_WORSE,
            decides=True,
        ),
        ask.finding(
            "no-worse-regular",
            "RegAdv loses no robustness as its error falls",
            STRONGEST,
            relating(ask, STRONG, (IN_IMAGE,), slope),
            NO_WORSE,
            decides=True,
        ),
        _correlated(ask, "outside", "without regular adversarial training", outside),
        _correlated(ask, "regular", "in RegAdv", (IN_IMAGE,)),
        ask.finding(
            "independent",
            "without regular adversarial training robustness is independent of the error",
            STRONGEST,
            relating(ask, STRONG, outside, slope),
            INDEPENDENT,
            note=COUNTER_EXAMPLE,
        ),
        ask.finding(
            "papers-rate",
            "by the paper's own rate strategies without regular adversarial training lose no robustness",
            "success rate of the paper's attack per unit of test error, over training sizes",
            relating(ask, SUCCESS, outside, slope),
            NO_WORSE,
            note="Strategies whose rate is above .98 in all cells are not counted.",
        ),
    )


def _correlated(ask: Asking, name: str, whose: str, methods: Iterable[str]) -> Finding:
    return ask.finding(
        f"together-{name}",
        f"robustness and accuracy do not go against each other {whose}",
        "correlation of strong attacks' success (mean over radii) and test error, over training sizes",
        relating(ask, STRONG, methods, correlation),
        SIDES,
        "correlation",
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
            "RegAdv errs more than Normal: a trade-off between strategies",
            f"test error of RegAdv minus Normal's, {largest} examples",
            apart(ERROR),
            MORE,
        ),
        ask.finding(
            "trade-off-robustness",
            "RegAdv is more robust than Normal",
            f"success of strong attacks on RegAdv minus that on Normal, {largest} examples",
            apart(STRONG),
            below(0.0),
        ),
    )

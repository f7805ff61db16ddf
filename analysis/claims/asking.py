"""How a grid is asked about a claim: the thresholds, each beside its reason, and what several claims ask alike."""

from typing import Final

from analysis.claims.grid import Grid
from analysis.claims.measures import Curve, Pick, Statistic, at_the_fewest, equal_error_ratio, gap, mean
from analysis.claims.published import published, source
from analysis.claims.verdicts import Finding, Rule, Scale, above, below, over_seeds, within
from analysis.formats import plural

NORMAL: Final = "Normal"
ERROR, SUCCESS, STRONG = "test_error", "test_success_rate", "strong_success"
ON_SUCCESS, STRONG_ON_SUCCESS = "papers_on_manifold_success", "strong_on_manifold_success"

LEAVES: Final = above(0.5)  # more of the way leads off the manifold than along it
NOT_NEARER: Final = above(-0.1)  # of the perturbation's length: less is not what "leaving" means
EXIST: Final = above(0.01)  # an attack that succeeds once in a hundred images; the paper's least is .0049
KEPT: Final = above(0.5)  # more often than not
TOGETHER: Final = above(0.5, contradicted_below=0.2)  # a quarter of the variance, against a twenty-fifth
STEEP: Final = above(0.25, contradicted_below=0.05)  # success per unit of error; the paper's least is .46
SAVES: Final = below(0.8, contradicted_above=0.95)  # a fifth of the examples, against a twentieth
COSTS: Final = above(1.1, contradicted_below=1.0)  # examples; the paper says 1.5 to 2
NO_WORSE: Final = above(-0.1)  # success lost per unit of error gained: a tenth of what RegAdv gains in the paper
INDEPENDENT: Final = within(0.1)
MORE: Final = above(0.0)
SIDES: Final = above(-0.2, contradicted_below=-0.5)  # a correlation that is not the wrong way round
NOT_MEASURED: Final = "not measured"
LEAST_FALL: Final = 0.01  # of an error, that a part can be taken of


class Asking:
    """Makes findings of a grid, with the paper's number beside each.

    Args:
        grid: is asked.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.source = source(grid)
        self.paper = published(grid)

    def finding(
        self,
        key: str,
        statement: str,
        measure: str,
        statistic: Statistic,
        rule: Rule,
        scale: Scale = "real",
        *,
        decides: bool = False,
        images: int | None = None,
        paper: str | None = None,
        note: str = "",
    ) -> Finding:
        """Returns what all seeds give of a statistic, and what the paper's curves do; `images` as in `over_seeds`."""
        found = over_seeds(self.grid.values(statistic), scale, images)
        theirs = statistic(self.paper)
        said = paper if paper is not None else ("" if theirs is None else f"{theirs:.3g}")
        if said and said != NOT_MEASURED and self.grid.dataset["dataset"] == "mnist":
            said += " (EMNIST)"
        return Finding(
            key=key,
            statement=statement,
            measure=measure,
            found=found,
            rule=rule,
            decides=decides,
            paper=said,
            note=note,
        )


def of(metric: str, method: str, fixed: str = "epochs") -> Statistic:
    """Returns the statistic that is a metric's mean over sizes, of one strategy."""
    return lambda pick: mean(pick(metric, fixed).get(method, {}))


def less(one: Statistic, other: Statistic) -> Statistic:
    """Returns the difference of two statistics of the same seed."""

    def statistic(pick: Pick) -> float | None:
        a, b = one(pick), other(pick)
        return None if a is None or b is None else a - b

    return statistic


def ratio(one: str, other: str) -> Statistic:
    """Returns the statistic of `equal_error_ratio`, of two strategies after as many epochs."""
    return lambda pick: equal_error_ratio(*_errors(pick, one, other))


def told_of_ends(ask: Asking, one: str, other: str) -> str:
    """Says where the fewest examples are too many for `ratio` to be more than a bound; empty where they are not."""
    seeds = [pick for seed in ask.grid.seeds if at_the_fewest(*_errors(pick := ask.grid.pick(seed), one, other))]
    theirs = ", and the paper's curves," if at_the_fewest(*_errors(ask.paper, one, other)) else ""
    if not seeds and not theirs:
        return ""
    return (
        f"{one} over {other}: in {plural(len(seeds), 'seed')} of {len(ask.grid.seeds)}{theirs} one of the two has that "
        "error with its fewest examples already, so that the ratio errs towards 1."
    )


def _errors(pick: Pick, one: str, other: str) -> tuple[Curve, Curve]:
    errors = pick(ERROR, "epochs")
    return errors.get(one, {}), errors.get(other, {})


def at_updates(one: str, other: str, sizes: tuple[int, ...]) -> Statistic:
    """Returns the statistic that is one strategy's error minus another's after as many updates, mean over sizes."""

    def statistic(pick: Pick) -> float | None:
        errors = pick(ERROR, "updates")
        return gap(errors.get(one, {}), errors.get(other, {}), sizes)

    return statistic

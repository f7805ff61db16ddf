"""What a grid says of the paper's claims."""

from analysis.claims.asking import Asking
from analysis.claims.generalization_claims import generalization, more_examples
from analysis.claims.grid import Grid
from analysis.claims.manifold_claims import exist, leave
from analysis.claims.robustness_claim import no_contradiction
from analysis.claims.verdicts import Claim


def answers(grid: Grid) -> tuple[Claim, ...]:
    """Returns the claims with what a grid has found of each; 5 is the sample complexity."""
    asking = Asking(grid)
    return leave(asking), exist(asking), generalization(asking), no_contradiction(asking), more_examples(asking)

"""The training strategies of the paper as named mixtures of the same parts.

Stutz, Hein and Schiele, CVPR 2019 (arXiv 1812.00740), section 3 and supplementary material. "Half" attacks half of
every batch, "full" all of it, "weak" keeps the first successful iterate; Rand* and DataAugm take the random starts of
the attack and no step. Radii are .3 for L-inf, 1.5 and .3 for L2; 40 steps of .005, in whatever unit. Unlike in the
paper's code, DataAugm's transformations lie around the identity ("uncentred" is as there), and a batch is one update.
"RandTrue whole box" is not the paper's: codes from all of the manifold's box, a control for the new data that they are.
"""

from dataclasses import dataclass, replace
from types import MappingProxyType

from trainables.config import RoleConfig, ThreatModel

STEP = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """What a batch is made of."""

    clean_weight: float = 0.5
    roles: tuple[RoleConfig, ...] = ()

    def under(self, threat_model: ThreatModel) -> "Strategy":
        """Returns the strategy at a threat model's radii, with the paper's step."""
        radii = {"pixel": threat_model.epsilon, "manifold": threat_model.eta, "affine": threat_model.eta}
        roles = (replace(r, radius=radii[r.threat], step_size=STEP / radii[r.threat]) for r in self.roles)
        return replace(self, roles=tuple(roles))


def _together(*roles: RoleConfig) -> Strategy:
    """A quarter of the batch for each of two roles, equal weights (section 3.5; the settings are published nowhere)."""
    return Strategy(clean_weight=1 / 3, roles=tuple(replace(role, share=0.25, weight=1 / 3) for role in roles))


_PIXEL, _MANIFOLD, _AFFINE = RoleConfig(threat="pixel"), RoleConfig(threat="manifold"), RoleConfig(threat="affine")

STRATEGIES = MappingProxyType(
    {
        "Normal": Strategy(clean_weight=1),
        "RegAdv": Strategy(roles=(_PIXEL,)),
        "RegAdv full": Strategy(clean_weight=0, roles=(replace(_PIXEL, share=1, weight=1),)),
        "RegAdv weak": Strategy(roles=(replace(_PIXEL, slack=0),)),
        **dict.fromkeys(("OnTrue", "OnLearned", "OnData"), Strategy(roles=(_MANIFOLD,))),
        "RandImage": Strategy(roles=(replace(_PIXEL, steps=0),)),
        **dict.fromkeys(("RandTrue", "RandLearned", "RandData"), Strategy(roles=(replace(_MANIFOLD, steps=0),))),
        **dict.fromkeys(("Reg+OnTrue", "Reg+OnLearned", "Reg+OnData"), _together(_PIXEL, _MANIFOLD)),
        "AdvTrans": Strategy(roles=(_AFFINE,)),
        "DataAugm": Strategy(roles=(replace(_AFFINE, steps=0),)),
        "RandTrue whole box": Strategy(roles=(replace(_MANIFOLD, steps=0, whole_box=True),)),
        "DataAugm uncentred": Strategy(roles=(replace(_AFFINE, steps=0, centred=False),)),
        "Reg+AdvTrans": _together(_PIXEL, _AFFINE),
    }
)

"""The trade-off between test error and robust error: how a batch is mixed, how hard its parts are attacked.

Stutz, Hein and Schiele, "Disentangling Adversarial Robustness and Generalization", CVPR 2019 (arXiv 1812.00740),
report one setting of each strategy; the space holds all of them and what lies between. Radii are fractions of the
study's epsilon and eta, step sizes are fractions of a radius. The second adversary moves along the manifold of the
data, known or learned, or along affine transformations of its images. Every architecture has at most eight
structures in it (`trainables.config.TrialConfig.signature`): clean; pixel with up to half or all of a batch, under
either loss; the second adversary; both, under either loss.
"""

from typing import Any, Literal

from search_spaces.space import Choice, LogUniform, Objective, Point, Simplex, Space, Uniform

STEP_LIMITS = (5, 10, 20, 40)
PAPER_TRAVEL = 2 / 3  # radii that the paper's 40 steps of .005 add up to, at a radius of .3

OBJECTIVES = tuple(
    Objective(name=name, label=name.replace("_", " "), unit="fraction", worst=1.0) for name in ("error", "robust_error")
)

Second = Literal["known", "learned", "learned-agnostic", "affine"]
NAMES: dict[Second, tuple[str, str, str]] = {
    "known": ("OnTrue", "Reg+OnTrue", "RandTrue"),
    "learned": ("OnLearned", "Reg+OnLearned", "RandLearned"),
    "learned-agnostic": ("OnData", "Reg+OnData", "RandData"),
    "affine": ("AdvTrans", "Reg+AdvTrans", "DataAugm"),
}
"""The paper's strategies on each manifold (on a learned one for all classes it has only the first)."""


def tradeoff(steps: int, on: Second = "known") -> Space:
    """Returns the space whose attacks in training take at most so many steps: 5, 10, 20 or 40.

    Args:
        steps: the limit.
        on: what the adversary beside the one in the image moves along.
    """
    if steps not in STEP_LIMITS:
        raise ValueError(f"steps is one of {STEP_LIMITS}, which fused steps are made for; got {steps}")
    second = "affine" if on == "affine" else "manifold"
    both, moves = f"pixel+{second}", (steps // 2, steps)
    in_pixels, along = ("threats", ("pixel", both)), ("threats", (second, both))
    searching = (f"{second}.steps", moves)  # random starting points have neither a step size nor a success
    step_size = (0.5 / steps, 4 / steps)
    return Space(
        name="tradeoff",
        parameters={
            "threats": Choice(("clean", "pixel", second, both)),
            "weights": Simplex(("clean", "pixel", second), (("pixel", in_pixels), (second, along))),
            "pixel.share": Uniform(0.1, 1.0, when=("threats", ("pixel",))),
            "mixed.pixel.share": Uniform(0.1, 0.5, when=("threats", (both,))),
            "pixel.radius": Uniform(0.2, 1.2, when=in_pixels),
            "pixel.steps": Choice(moves, when=in_pixels),
            "pixel.step_size": LogUniform(*step_size, when=in_pixels),
            "pixel.slack": Choice((None, 0, 2), when=in_pixels),
            "pixel.loss": Choice(("ce", "trades"), when=in_pixels),
            "pixel.beta": LogUniform(0.5, 10.0, when=("pixel.loss", ("trades",))),
            f"{second}.share": Uniform(0.1, 0.5, when=along),
            f"{second}.radius": Uniform(0.2, 1.2, when=along),
            f"{second}.steps": Choice((0, *moves), when=along),
            f"{second}.step_size": LogUniform(*step_size, when=searching),
            f"{second}.slack": Choice((None, 0), when=searching),
            "learning_rate": LogUniform(2e-3, 3e-2),
            "weight_decay": LogUniform(1e-6, 1e-3),
            "decay": Uniform(0.85, 1.0),
        },
        baselines=_baselines(steps, on, second),
        objectives=OBJECTIVES,
    )


def _baselines(steps: int, on: Second, second: str) -> tuple[tuple[str, Point], ...]:
    halves, thirds = 1 / 2, 1 / 3
    pixel, along = _attack("pixel", steps), _attack(second, steps)
    weights = {"clean": halves, second: halves}
    reg_adv = _point("pixel", {"clean": halves, "pixel": halves}, pixel | {"pixel.share": 0.5})
    both = _point(
        f"pixel+{second}",
        {"clean": thirds, "pixel": thirds, second: thirds},
        pixel | along | {"mixed.pixel.share": 0.25, f"{second}.share": 0.25},
    )
    starts = {f"{second}.share": 0.5, f"{second}.radius": 1.0, f"{second}.steps": 0}
    searched, mixed, random = NAMES[on]
    return (
        ("Normal", _point("clean", {"clean": 1.0}, {})),
        ("RegAdv", reg_adv),
        (searched, _point(second, weights, along | {f"{second}.share": 0.5})),
        (mixed, both),
        ("RegAdv weak", reg_adv | {"pixel.slack": 0}),
        (random, _point(second, weights, starts)),
    )


def _attack(threat: str, steps: int) -> dict[str, Any]:
    """Returns the paper's attack in training: all steps, the highest loss kept."""
    settings = {"radius": 1.0, "steps": steps, "step_size": PAPER_TRAVEL / steps, "slack": None}
    return {f"{threat}.{key}": value for key, value in settings.items()} | (
        {"pixel.loss": "ce"} if threat == "pixel" else {}
    )


def _point(threats: str, weights: dict[str, float], rest: dict[str, Any]) -> Point:
    optimiser = {"learning_rate": 0.01, "weight_decay": 1e-4, "decay": 0.95}
    return {"threats": threats, "weights": weights, **rest, **optimiser}

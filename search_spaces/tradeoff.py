"""The trade-off between test error and robust error: how a batch is mixed, how hard its parts are attacked.

Stutz, Hein and Schiele, "Disentangling Adversarial Robustness and Generalization", CVPR 2019 (arXiv 1812.00740),
report one setting of each strategy; the space holds all of them and what lies between. Radii are fractions of the
study's epsilon and eta, step sizes are fractions of a radius. The second adversary moves along the manifold of the
data, known or learned, or along affine transformations of its images. Every architecture has at most eight
structures in it (`trainables.config.TrialConfig.signature`): clean; pixel with up to half or all of a batch, under
either loss; the second adversary; both, under either loss. Where a trial chooses what its second adversary moves along,
the last three exist for every manifold, and for each latent box of a learned one.
"""

from typing import Any, Literal

from search_spaces.space import Choice, Condition, LogUniform, Objective, Point, Simplex, Space, Uniform

STEP_LIMITS = (5, 10, 20, 40)
PAPER_TRAVEL = 2 / 3  # radii that the paper's 40 steps of .005 add up to, at a radius of .3

OBJECTIVES = tuple(
    Objective(name=name, label=name.replace("_", " "), unit="fraction", worst=1.0) for name in ("error", "robust_error")
)

Second = Literal["known", "learned", "learned-agnostic", "affine"]
Box = Literal["minmax", "2.0"]
BOXES: tuple[Box, ...] = ("minmax", "2.0")
NAMES: dict[Second, tuple[str, str, str]] = {
    "known": ("OnTrue", "Reg+OnTrue", "RandTrue"),
    "learned": ("OnLearned", "Reg+OnLearned", "RandLearned"),
    "learned-agnostic": ("OnData", "Reg+OnData", "RandData"),
    "affine": ("AdvTrans", "Reg+AdvTrans", "DataAugm"),
}
"""The paper's strategies on each manifold (on a learned one for all classes it has only the first)."""


def tradeoff(steps: int, on: Second = "known", *others: Second, box: Box = "minmax") -> Space:
    """Returns the space whose attacks in training take at most so many steps: 5, 10, 20 or 40.

    Args:
        steps: the limit.
        on: what the adversary beside the one in the image moves along.
        others: what else he may move along; then points have a `kind`, and a `box` of codes where that is learned. The
            names of his parameters begin with `manifold`, whatever the kind.
        box: of the baselines, which move along the first kind.
    """
    if steps not in STEP_LIMITS:
        raise ValueError(f"steps is one of {STEP_LIMITS}, which fused steps are made for; got {steps}")
    kinds = (on, *others)
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"what is moved along is named once; got {kinds}")
    second = "affine" if kinds == ("affine",) else "manifold"
    both, moves = f"pixel+{second}", (steps // 2, steps)
    in_pixels, along = ("threats", ("pixel", both)), ("threats", (second, both))
    searching = (f"{second}.steps", moves)  # random starting points have neither a step size nor a success
    step_size = (0.5 / steps, 4 / steps)
    return Space(
        name="tradeoff",
        parameters={
            "threats": Choice(("clean", "pixel", second, both)),
            **_movement(kinds, along),
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
        baselines=_baselines(steps, kinds, second, box),
        objectives=OBJECTIVES,
    )


def _movement(kinds: tuple[Second, ...], along: Condition) -> dict[str, Choice]:
    """Returns the parameters that say what the second adversary moves along, where that is not always the same."""
    if len(kinds) == 1:
        return {}
    learned = tuple(kind for kind in kinds if _is_learned(kind))
    boxes = {"box": Choice(BOXES, when=("kind", learned))} if learned else {}
    return {"kind": Choice(kinds, when=along), **boxes}


def _baselines(steps: int, kinds: tuple[Second, ...], second: str, box: Box) -> tuple[tuple[str, Point], ...]:
    """Returns the paper's strategies on the first kind, under the names that they have there."""
    halves, thirds = 1 / 2, 1 / 3
    on, several = kinds[0], len(kinds) > 1
    moved: dict[str, Any] = ({"kind": on} | ({"box": box} if _is_learned(on) else {})) if several else {}
    pixel, along = _attack("pixel", steps), _attack(second, steps) | moved
    weights = {"clean": halves, second: halves}
    reg_adv = _point("pixel", {"clean": halves, "pixel": halves}, pixel | {"pixel.share": 0.5})
    both = _point(
        f"pixel+{second}",
        {"clean": thirds, "pixel": thirds, second: thirds},
        pixel | along | {"mixed.pixel.share": 0.25, f"{second}.share": 0.25},
    )
    starts = {f"{second}.share": 0.5, f"{second}.radius": 1.0, f"{second}.steps": 0, **moved}
    searched, mixed, random = NAMES[on]
    return (
        ("Normal", _point("clean", {"clean": 1.0}, {})),
        ("RegAdv", reg_adv),
        (searched, _point(second, weights, along | {f"{second}.share": 0.5})),
        (mixed, both),
        ("RegAdv weak", reg_adv | {"pixel.slack": 0}),
        (random, _point(second, weights, starts)),
    )


def _is_learned(kind: Second) -> bool:
    return kind.startswith("learned")


def _attack(threat: str, steps: int) -> dict[str, Any]:
    """Returns the paper's attack in training: all steps, the highest loss kept."""
    settings = {"radius": 1.0, "steps": steps, "step_size": PAPER_TRAVEL / steps, "slack": None}
    return {f"{threat}.{key}": value for key, value in settings.items()} | (
        {"pixel.loss": "ce"} if threat == "pixel" else {}
    )


def _point(threats: str, weights: dict[str, float], rest: dict[str, Any]) -> Point:
    optimiser = {"learning_rate": 0.01, "weight_decay": 1e-4, "decay": 0.95}
    return {"threats": threats, "weights": weights, **rest, **optimiser}

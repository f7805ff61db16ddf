"""The trade-off between test error and robust error: how a batch is mixed, how hard its parts are attacked.

Stutz, Hein and Schiele, "Disentangling Adversarial Robustness and Generalization", CVPR 2019 (arXiv 1812.00740),
report one setting of each strategy; the space holds all of them and what lies between. Radii are fractions of the
study's epsilon and eta, step sizes are fractions of a radius. Every architecture has at most eight structures in it
(`trainables.config.TrialConfig.signature`): clean; pixel with up to half or all of a batch, under either loss;
manifold; both, under either loss.
"""

from typing import Any

from search_spaces.space import Choice, LogUniform, Point, Simplex, Space, Uniform

STEP_LIMITS = (5, 10, 20, 40)
PAPER_TRAVEL = 2 / 3  # radii that the paper's 40 steps of .005 add up to, at a radius of .3

_PIXEL = ("threats", ("pixel", "pixel+manifold"))
_MANIFOLD = ("threats", ("manifold", "pixel+manifold"))


def tradeoff(steps: int) -> Space:
    """Returns the space whose attacks in training take at most so many steps: 5, 10, 20 or 40."""
    if steps not in STEP_LIMITS:
        raise ValueError(f"steps is one of {STEP_LIMITS}, which fused steps are made for; got {steps}")
    moves = (steps // 2, steps)
    searching = ("manifold.steps", moves)  # random starting points have neither a step size nor a success
    step_size = (0.5 / steps, 4 / steps)
    return Space(
        name="tradeoff",
        parameters={
            "threats": Choice(("clean", "pixel", "manifold", "pixel+manifold")),
            "weights": Simplex(("clean", "pixel", "manifold"), (("pixel", _PIXEL), ("manifold", _MANIFOLD))),
            "pixel.share": Uniform(0.1, 1.0, when=("threats", ("pixel",))),
            "mixed.pixel.share": Uniform(0.1, 0.5, when=("threats", ("pixel+manifold",))),
            "pixel.radius": Uniform(0.2, 1.2, when=_PIXEL),
            "pixel.steps": Choice(moves, when=_PIXEL),
            "pixel.step_size": LogUniform(*step_size, when=_PIXEL),
            "pixel.slack": Choice((None, 0, 2), when=_PIXEL),
            "pixel.loss": Choice(("ce", "trades"), when=_PIXEL),
            "pixel.beta": LogUniform(0.5, 10.0, when=("pixel.loss", ("trades",))),
            "manifold.share": Uniform(0.1, 0.5, when=_MANIFOLD),
            "manifold.radius": Uniform(0.2, 1.2, when=_MANIFOLD),
            "manifold.steps": Choice((0, *moves), when=_MANIFOLD),
            "manifold.step_size": LogUniform(*step_size, when=searching),
            "manifold.slack": Choice((None, 0), when=searching),
            "learning_rate": LogUniform(1e-3, 3e-2),
            "weight_decay": LogUniform(1e-6, 1e-2),
            "decay": Uniform(0.8, 1.0),
        },
        baselines=_baselines(steps),
    )


def _baselines(steps: int) -> tuple[tuple[str, Point], ...]:
    halves, thirds = 1 / 2, 1 / 3
    pixel, on_manifold = _attack("pixel", steps), _attack("manifold", steps)
    pixel_weights = {"clean": halves, "pixel": halves}
    manifold_weights = {"clean": halves, "manifold": halves}
    reg_adv = _point("pixel", pixel_weights, pixel | {"pixel.share": 0.5})
    on_true = _point("manifold", manifold_weights, on_manifold | {"manifold.share": 0.5})
    both = _point(
        "pixel+manifold",
        {"clean": thirds, "pixel": thirds, "manifold": thirds},
        pixel | on_manifold | {"mixed.pixel.share": 0.25, "manifold.share": 0.25},
    )
    starts = {"manifold.share": 0.5, "manifold.radius": 1.0, "manifold.steps": 0}
    return (
        ("Normal", _point("clean", {"clean": 1.0}, {})),
        ("RegAdv", reg_adv),
        ("OnTrue", on_true),
        ("Reg+OnTrue", both),
        ("RegAdv weak", reg_adv | {"pixel.slack": 0}),
        ("RandTrue", _point("manifold", manifold_weights, starts)),
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

"""The hyperparameters of the VAE-GANs that learn a manifold.

Stutz, Hein and Schiele, "Disentangling Adversarial Robustness and Generalization", CVPR 2019 (arXiv 1812.00740),
section 3.2, choose them by hand for every data set. A good manifold makes images that are near the genuine ones, and
its adversarial examples keep their labels; more dimensions help the first and may harm the second. Widths are multiples
of the study's.
"""

import math
from typing import Any

from search_spaces.space import Choice, LogUniform, Objective, Point, Space


def manifold(pixels: int) -> Space:
    """Returns the space for images of so many numbers in [0, 1].

    The worst reconstruction that counts is as far away as an even grey can be from any image: half a diagonal.
    """
    judged = ("discriminator", ("yes",))
    return Space(
        name="manifold",
        parameters={
            "models": Choice(("each class", "all classes")),
            "latent": LogUniform(4, 64),  # rounded
            "width": Choice((0.5, 1.0, 2.0)),
            "reconstruction": LogUniform(0.3, 30),
            "discriminator": Choice(("yes", "no")),
            "gamma": LogUniform(0.1, 10, when=judged),
            "learning_rate": LogUniform(5e-4, 2e-2),
        },
        baselines=(
            ("VAE-GAN", _point("each class", gamma=1.0)),
            ("VAE-GAN for all", _point("all classes", gamma=1.0)),
            ("VAE", _point("each class")),
            ("VAE for all", _point("all classes")),
        ),
        objectives=(
            Objective(
                name="reconstruction_l2",
                label="reconstruction L2",
                unit="images of range [0, 1]",
                worst=math.sqrt(pixels) / 2,
            ),
            Objective(name="label_disagreement", label="label disagreement", unit="fraction", worst=1.0),
        ),
    )


def _point(models: str, **judged: Any) -> Point:
    """Returns the paper's settings, with or without a discriminator."""
    sizes = {"models": models, "latent": 10.0, "width": 1.0, "reconstruction": 3.0, "learning_rate": 0.005}
    return {**sizes, "discriminator": "yes" if judged else "no", **judged}

"""What settings of the paper become where a norm or a network is another than its own."""

from collections.abc import Mapping

from trainables.config import Architecture

# Adam moves every coordinate by its step, whatever the norm. The paper's is .005 in a ball of .3 and, for images under
# L2, in one of 1.5: there the same fraction of the radius is a step five times as long, which would leave the ball.
STEP_SCALES: Mapping[tuple[str, str], float] = {("l2", "pixel"): 0.3 / 1.5}
# The paper's rate of .01 is one for networks with batch normalisation; a transformer stays at chance under it.
RATE_SCALES: Mapping[Architecture, float] = {"vit": 0.1}

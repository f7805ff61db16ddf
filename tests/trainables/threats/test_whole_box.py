"""Starts anywhere in the box of codes: a control, which has all the new images that a manifold can give."""

import torch

from trainables.config import DataConfig
from trainables.geometry import NORMS
from trainables.manifolds.manifold import Code
from trainables.provision import load_data
from trainables.seeding import stream
from trainables.threats.manifold import ManifoldThreat

EXAMPLES = 4000


def test_codes_are_uniform_in_the_box_whatever_the_radius_and_the_code() -> None:
    data = load_data(DataConfig(n_train=100, n_validation=50, n_test=50))
    manifold, few = data.manifolds["manifold"], torch.arange(EXAMPLES) % 100
    code = Code(
        *(part.double() if part.is_floating_point() else part for part in manifold.codes(data.splits.train, few))
    )
    threat = ManifoldThreat(manifold, code, NORMS["linf"], torch.tensor(0.1, dtype=torch.float64), whole_box=True)
    generator = stream(0, "whole box")
    gaussian = torch.randn(code.free.shape, generator=generator, dtype=torch.float64)
    uniform = torch.rand(EXAMPLES, generator=generator, dtype=torch.float64)

    delta = threat.start(gaussian, uniform)

    low, high = (bound.double() for bound in threat.box)
    places = ((code.free + delta - low) / (high - low)).sort(dim=0).values
    steps = (torch.arange(EXAMPLES, dtype=torch.float64) + 0.5) / EXAMPLES
    assert (places - steps[:, None]).abs().max() < 1.63 / EXAMPLES**0.5  # Kolmogorov and Smirnov, at 1 %
    torch.testing.assert_close(threat.at(few < 10).start(gaussian[few < 10], uniform[few < 10]), delta[few < 10])

"""What a number cost: passes through the classifier, counted per example."""

from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts per-example passes of one trial.

    Attributes:
        gradient_evaluations: backward passes through the classifier.
        forward_passes: forward passes, those that come before a backward pass included.
    """

    gradient_evaluations: int = 0
    forward_passes: int = 0

    def add(self, examples: int, *, forward: int = 0, backward: int = 0) -> None:
        """Adds so many passes for each of the examples."""
        self.forward_passes += examples * forward
        self.gradient_evaluations += examples * backward

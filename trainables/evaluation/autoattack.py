"""AutoAttack's standard set (Croce and Hein 2020, arXiv 2003.01690) as members of an ensemble, through pyautoattack.

That package is optional (`pip install ".[eval]"`). Its four attacks run on images under L-inf and L2, each
on what the earlier ones have left; every forward and backward pass that they make is counted. Images that they return
are projected into the ball and shown to the model once more: who has fallen is decided here.

Unlike there, a model of fewer than ten classes has as many targets as it has wrong classes, and one of fewer than four
is spared the targeted difference of logits ratio, which it does not have.
"""

import importlib
import importlib.metadata
import importlib.util
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

import torch
from jaxtyping import Bool
from torch import Tensor

from trainables.classifiers.foreign import Function
from trainables.evaluation.asked import CHUNK, MakeThreat, Subject, chunks
from trainables.evaluation.errors import SEEDS
from trainables.evaluation.members import FEWEST_CLASSES, Member
from trainables.geometry import NORMS

PACKAGE, INSTALL = "pyautoattack", 'pip install ".[eval]"'
TARGETS = 9
LOGGER = "auto-attack"
NAMES = MappingProxyType({"linf": "Linf", "l2": "L2"})


def installed() -> str | None:
    """Returns the version of the package, or None where there is none."""
    return importlib.metadata.version(PACKAGE) if importlib.util.find_spec(PACKAGE) else None


def standard_set(classes: int) -> tuple[Member, ...]:
    """Returns AutoAttack's standard attacks, for images, in the order in which it makes them.

    Raises:
        ModuleNotFoundError: if the package is not installed.
    """
    package, targets = importlib.import_module(PACKAGE), min(TARGETS, classes - 1)
    targeted = {"apgd-t": targets} if classes >= FEWEST_CLASSES else {}
    aims = {"apgd-ce": 1, **targeted, "fab-t": targets, "square": 1}
    return tuple(
        Foreign(
            name=f"{PACKAGE}, {attack}", white_box=attack != "square", package=package, attack=attack, targets=targets
        )
        for attack, targets in aims.items()
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign(Member):
    """One of AutoAttack's attacks, at its standard settings.

    Attributes:
        package: pyautoattack.
        attack: as the package calls it.
        targets: wrong classes that it aims at, one start for each; 1 where it aims at none.
    """

    name: str
    white_box: bool
    package: Any
    attack: str
    targets: int

    @property
    def starts(self) -> int:
        """Of an example that survives them all."""
        return self.targets

    def falls(
        self, subject: Subject, threat: MakeThreat, radius: float, lost: Bool[Tensor, "example"], rng: torch.Generator
    ) -> Bool[Tensor, "example"]:
        seed, fallen = int(torch.randint(SEEDS, (), generator=rng)), torch.zeros_like(lost)
        for some in chunks(torch.arange(len(lost))[~lost]):
            ball, labels = threat(some, torch.tensor(radius)), subject.labels(some)
            norm = next(NAMES[name] for name, known in NORMS.items() if known is ball.norm)
            foreign = self.package.AutoAttack(counted(subject), eps=radius, norm=norm, seed=seed)
            foreign.attacks_to_run = [self.attack]
            foreign.fab.n_target_classes = foreign.apgd_targeted.n_target_classes = self.targets
            with contained():
                found, _ = foreign.run_standard_evaluation(ball.anchor, labels, batch_size=CHUNK)
            fallen[some] = subject.wrong(some, ball.render(ball.project(found - ball.anchor)))
        return fallen


def counted(subject: Subject) -> Function:
    """Returns a subject's logits as a function that may be differentiated, and that counts on the subject's tally.

    A backward pass is counted when it reaches the logits, for every example of its batch.
    """

    def function(images: Tensor) -> Tensor:
        logits, examples = subject.classifier.logits(subject.folded, images), len(images)
        subject.tally.add(examples, forward=1)
        if logits.requires_grad:
            logits.register_hook(lambda _: subject.tally.add(examples, backward=1))  # type: ignore[no-untyped-call] # torch's
        return logits

    return function


@contextmanager
def contained() -> Iterator[None]:
    """Keeps what the package does to its process from outliving it: global seeds, trace functions; and its warnings.

    Its own doubts are silent, since `trainables.evaluation.flags` has those and more.
    """
    logger, tracing = logging.getLogger(LOGGER), sys.gettrace()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        logger.setLevel(level)
        sys.settrace(tracing)

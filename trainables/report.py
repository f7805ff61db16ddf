"""What a trial says after every epoch."""

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """An epoch and its errors on validation.

    Attributes:
        epoch: counted from 1.
        error: misclassified.
        robust_error: as in `EpochReport`; None where it was not measured.
    """

    epoch: int
    error: float
    robust_error: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochReport:
    """What a trial says after an epoch.

    Errors and rates are fractions in [0, 1]. Those under attack are None in epochs without an attack; those on the
    manifold are None where there is no manifold.

    Attributes:
        epoch: counted from 1.
        train_loss: mean over the epoch's batches.
        error: misclassified; after the last epoch on the split that the evaluation names, before it on validation.
            None where no classifier is trained.
        robust_error: misclassified clean or under attack in the image, mean over the radii.
        robust_error_at: the same per radius, the key being the radius to three digits.
        on_manifold_error: as `robust_error`, for the manifold threat.
        affine_error: the same for affine transformations of the image.
        success_rate: of the paper's attack, over correctly classified examples, mean over its attempts.
        on_manifold_success_rate: the same on the manifold.
        reconstruction_l2: mean over images of the L2 distance to what a manifold that is learned makes of them.
        label_disagreement: fraction of the on-manifold adversarial examples of a Normal classifier that a reference
            takes for another class; 1 where there is none.
        attack_success: of the attack that makes these examples, over correctly classified reconstructions; None
            where there is none.
        hypotheses: what the paper's claims are judged by, see `trainables.evaluation.hypotheses`; empty where nobody
            asks.
        gradient_evaluations: backward passes through what is trained or attacked, per example, since the trial began.
        forward_passes: the same for forward passes.
        seconds: wall time since the trial began; of steps that it shares with other trials, its share.
        at_chance: the error is not below that of a constant prediction; robust error then says nothing.
        infeasible: why the trial can give no point (NaN, chance level at its end), or None.
        of_epoch: in a classifier's last report, the epoch whose weights it leaves; the errors are theirs.
        picks: there too, the last, the best clean and the best robust epoch ("last", "best-clean", "best-robust"), as
            far as epochs were measured on validation.
    """

    epoch: int
    train_loss: float
    error: float | None = None
    robust_error: float | None = None
    robust_error_at: dict[str, float] = field(default_factory=dict)
    on_manifold_error: float | None = None
    affine_error: float | None = None
    success_rate: float | None = None
    on_manifold_success_rate: float | None = None
    reconstruction_l2: float | None = None
    label_disagreement: float | None = None
    attack_success: float | None = None
    hypotheses: dict[str, Any] = field(default_factory=dict)
    gradient_evaluations: int = 0
    forward_passes: int = 0
    seconds: float = 0.0
    at_chance: bool = False
    infeasible: str | None = None
    of_epoch: int | None = None
    picks: dict[str, Pick] = field(default_factory=dict)


EPOCH_REPORT_FIELDS = tuple(f.name for f in fields(EpochReport))


ALONE = "dedicated"  # the backend of a trial that trains on its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message from a trial to whoever runs it.

    Attributes:
        report: an `EpochReport` as a dictionary; None between two that are reported.
        model: what is trained: its `parameters`, `device`, `manifold_digest` and `trained_manifold_digest`; and the
            number of `threads`.
        checkpoint: all that the trial needs to go on from here, or None.
        failed: why it cannot go on; then there is nothing else.
    """

    report: dict[str, Any] | None = None
    model: dict[str, Any] = field(default_factory=dict)
    checkpoint: bytes | None = None
    failed: str | None = None

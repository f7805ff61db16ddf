"""Columns, units and directions of a study's tables. The reader owns them; `study.storage` writes.

Errors and rates are fractions in [0, 1], distances those of images of range [0, 1]; which of them a study minimises is
said in its study.json (`analysis.objectives`). Columns named `config.*` are a trial's configuration, flattened; there
are as many as the study's space needs. Where trials moved codes on another manifold in training than the one that they
are measured on, `trained_manifold_digest` names it beside `manifold_digest`; it is null for the others.
"""

from typing import Final

import pyarrow as pa

SCHEMA_VERSION: Final = "1"

STATES: Final = ("RUNNING", "PAUSED", "COMPLETE", "STOPPED", "FAILED", "INFEASIBLE")
METRICS: Final = (
    "error",
    "robust_error",
    "on_manifold_error",
    "affine_error",
    "success_rate",
    "on_manifold_success_rate",
    "reconstruction_l2",  # mean over images of their distance to what a learned manifold makes of them
    "label_disagreement",  # of on-manifold adversarial examples, those that a reference takes for another class
    "attack_success",  # of the attack that makes these
)
LATER: Final = ("reconstruction_l2", "label_disagreement", "attack_success")
"""Metrics that tables of earlier studies lack: there they are null, as is what `EPOCHS` and `STRONG` name."""
KINDS_OF_EPOCH: Final = ("last", "best-clean", "best-robust")
EPOCHS: Final = (
    pa.field("checkpoint", pa.string()),  # kind of the epoch that the model is of
    pa.field("of_epoch", pa.int64()),  # that epoch; metrics are its
    *(
        pa.field(f"{kind.replace('-', '_')}_{name}", of)
        for kind in KINDS_OF_EPOCH
        for name, of in (("epoch", pa.int64()), ("val_error", pa.float64()), ("val_robust_error", pa.float64()))
    ),
)
"""The last and the best epochs of a classifier on validation; null where nobody measured them, as once nobody did."""
LENGTHS: Final = ("reconstruction_l2",)
"""Metrics that are no fractions: they have no upper end."""
BUDGET: Final = (
    pa.field("gradient_evaluations", pa.int64()),
    pa.field("forward_passes", pa.int64()),
    pa.field("seconds", pa.float64()),
    pa.field("device", pa.string()),
)


def metrics(split: str) -> list[pa.Field]:
    """Returns the metric columns measured on "val" or "test" (`<split>_robust_error_at_*` come beside)."""
    return [pa.field(f"{split}_{name}", pa.float64()) for name in METRICS]


TRIALS: Final = pa.schema(
    [
        pa.field("trial_id", pa.string()),
        pa.field("label", pa.string()),  # the baseline's name, or null for a trial that the search asked for
        pa.field("architecture", pa.string()),
        pa.field("width", pa.float64()),
        pa.field("parameters", pa.int64()),  # of what is trained
        pa.field("state", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("replicate_of", pa.string()),
        pa.field("signature", pa.string()),
        pa.field("backend", pa.string()),
        *metrics("val"),
        pa.field("epochs", pa.int64()),  # finished
        *EPOCHS,
        pa.field("stopped_at", pa.int64()),  # epoch after which it was stopped early, or would have been, else null
        *BUDGET,
        pa.field("manifold_digest", pa.string()),  # of the one that on-manifold errors are measured on
        pa.field("message", pa.string()),  # why a trial is not COMPLETE
    ]
)
CURVES: Final = pa.schema(
    [
        pa.field("trial_id", pa.string()),
        pa.field("architecture", pa.string()),
        pa.field("epoch", pa.int64()),  # counted from 1
        pa.field("train_loss", pa.float64()),
        *metrics("val"),
        *BUDGET[:-1],
    ]
)
STRONG: Final = (
    pa.field("flags", pa.list_(pa.string())),  # why the numbers may be no evidence; empty where none, null if not asked
    pa.field("flag_evidence", pa.list_(pa.string())),  # what each says, and those that concern manifolds alone
    pa.field("strong_strength", pa.string()),  # of the attacks: "fast" or "standard"
    pa.field("strong_steps", pa.int64()),  # of gradients, from every start
    pa.field("strong_targets", pa.int64()),  # wrong classes that are aimed at
    pa.field("strong_restarts", pa.int64()),  # random starts
    pa.field("strong_queries", pa.int64()),  # of the attack that knows logits alone, from every start
    pa.field("strong_attempts", pa.int64()),  # of the paper's attack, for its success rate
    pa.field("strong_images", pa.int64()),  # that were attacked
    pa.field("strong_sources", pa.list_(pa.string())),  # models that images were transferred from
    pa.field("strong_robust_error", pa.float64()),  # over all attacks; a mean over the study's radii, as those below
    pa.field("strong_white_box_error", pa.float64()),  # over attacks that know gradients
    pa.field("strong_black_box_error", pa.float64()),  # over attacks that know logits alone
    pa.field("strong_paper_error", pa.float64()),  # under the paper's attack
    pa.field("strong_on_manifold_error", pa.float64()),  # over all attacks on codes
    pa.field("strong_affine_error", pa.float64()),  # over all transformations
    pa.field("strong_success_rate", pa.float64()),  # of the paper's attack at the study's radius
    pa.field("strong_on_manifold_success_rate", pa.float64()),
    pa.field("strong_message", pa.string()),  # why strong attacks gave nothing, else null
)
"""What strong attacks did to a confirmed model; null where none were made."""
STRONG_ERRORS: Final = tuple(field.name for field in STRONG if field.name.endswith(("_error", "_rate")))

CONFIRMATIONS: Final = pa.schema(
    [
        pa.field("trial_id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("architecture", pa.string()),
        pa.field("width", pa.float64()),
        pa.field("parameters", pa.int64()),
        pa.field("seed", pa.int64()),
        *EPOCHS,
        *metrics("test"),
        *BUDGET,
        pa.field("message", pa.string()),  # why a confirmation gave no metrics, else null
        *STRONG,
    ]
)
OF_MODEL: Final = (
    pa.field("trial_id", pa.string()),
    pa.field("architecture", pa.string()),
    pa.field("seed", pa.int64()),
)
ATTACK_CURVES: Final = pa.schema(
    [
        *OF_MODEL,
        pa.field("threat", pa.string()),  # what the adversary changes: pixel, manifold, affine
        pa.field("study_radius", pa.float64()),  # the study's own
        pa.field("radius", pa.float64()),  # from 0 to where everything may be changed
        pa.field("worst", pa.float64()),  # error of the attacked images over all attacks
        pa.field("white_box", pa.float64()),
        pa.field("black_box", pa.float64()),
        pa.field("paper", pa.float64()),
    ]
)

CLAIMS: Final = pa.schema(
    [
        pa.field("trial_id", pa.string()),
        pa.field("architecture", pa.string()),
        pa.field("method", pa.string()),  # the strategy
        pa.field("n_train", pa.int64()),
        pa.field("fixed", pa.string()),  # what is the same for all sizes: "epochs" or "updates"
        pa.field("updates", pa.int64()),
        pa.field("seed", pa.int64()),  # the same seeds in all cells
        pa.field("message", pa.string()),  # why there are no numbers, else null
        pa.field("test_error", pa.float64()),
        pa.field("test_robust_error", pa.float64()),
        pa.field("test_on_manifold_error", pa.float64()),
        pa.field("test_affine_error", pa.float64()),
        pa.field("test_success_rate", pa.float64()),  # of the paper's attack in the image
        # What follows is measured on the first attacked examples, see `trainables.evaluation.hypotheses`.
        pa.field("papers_on_manifold_success", pa.float64()),
        pa.field("strong_error", pa.float64()),
        pa.field("strong_success", pa.float64()),
        pa.field("strong_on_manifold_success", pa.float64()),
        pa.field("regular_examples", pa.int64()),
        pa.field("on_manifold_examples", pa.int64()),
        pa.field("regular_length", pa.float64()),  # L2, in image range
        pa.field("regular_departure", pa.float64()),  # distance to the manifold, as a fraction of the length
        pa.field("random_departure", pa.float64()),
        pa.field("on_manifold_departure", pa.float64()),
        pa.field("regular_angle", pa.float64()),  # to the span of training images nearby, degrees
        pa.field("random_angle", pa.float64()),
        pa.field("on_manifold_angle", pa.float64()),
        pa.field("label_agreement", pa.float64()),
        pa.field("label_agreement_before", pa.float64()),
    ]
)
"""What the paper's claims are judged by: one row a trial of a grid, measured on test; only studies of one have it."""

METADATA: Final = {
    b"disentangle.schema": SCHEMA_VERSION.encode(),
    b"disentangle.directions": b"every objective is minimised",
    b"disentangle.units": b"errors, rates, label_disagreement, attack_success: fractions in [0, 1]; "
    b"reconstruction_l2: L2 distance of images of range [0, 1]; seconds: wall time; "
    b"gradient_evaluations, forward_passes: per-example passes through what is trained",
}
"""Beside these a table carries `disentangle.threat_model`: JSON with norm, epsilon and eta."""

IMPORTANCE: Final = pa.schema(
    [
        pa.field("architecture", pa.string()),
        pa.field("objective", pa.string()),  # one of METRICS, or "front": being among the least dominated
        pa.field("parameter", pa.string()),  # of the space
        pa.field("importance", pa.float64()),  # its part of what all parameters of the objective amount to
        pa.field("low", pa.float64()),  # of an interval, or null
        pa.field("high", pa.float64()),
        pa.field("n", pa.int64()),  # trials that it was worked out from, or null
    ]
)
"""How much each hyperparameter matters: one row an architecture, objective and parameter."""

LEDGER: Final = pa.schema(
    [
        pa.field("threat", pa.string()),  # "none" where the model was looked at and not attacked
        pa.field("attack", pa.string()),
        pa.field("white_box", pa.bool_()),  # whether it knows the model's gradients
        pa.field("radius", pa.float64()),
        pa.field("attacked", pa.int64()),  # examples
        pa.field("lost", pa.int64()),  # of them, to this attack
        pa.field("restarts", pa.int64()),  # starts of an example that survives them all
        pa.field("gradient_evaluations", pa.int64()),
        pa.field("forward_passes", pa.int64()),
        pa.field("queries", pa.int64()),  # forward passes of an attack that knows nothing else; null of others
        pa.field("seconds", pa.float64()),
        pa.field("error_alone", pa.float64()),  # at this radius, if there were no other attack; null of a mere look
        pa.field("error_worst", pa.float64()),  # at this radius, over all attacks; likewise
    ]
)
"""What every number of an evaluation took: one row an attack and radius."""

TABLES: Final = {
    "trials": TRIALS,
    "curves": CURVES,
    "confirmations": CONFIRMATIONS,
    "attack_curves": ATTACK_CURVES,
    "ledger": pa.schema([*OF_MODEL, *LEDGER]),
}
MAY_LACK: Final = ("confirmations", "attack_curves", "ledger")
"""Tables that a study does not have before it has what they are of; earlier studies lack the last two."""

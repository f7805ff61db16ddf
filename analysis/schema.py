"""Columns, units and directions of a study's tables. The reader owns them; `study.storage` writes.

Errors and rates are fractions in [0, 1] and all of them are minimised. Columns named `config.*` are a trial's
configuration, flattened; there are as many as the study's space needs.
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
)
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
        pa.field("parameters", pa.int64()),  # of the classifier
        pa.field("state", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("replicate_of", pa.string()),
        pa.field("signature", pa.string()),
        pa.field("backend", pa.string()),
        *metrics("val"),
        pa.field("epochs", pa.int64()),  # finished
        pa.field("stopped_at", pa.int64()),  # epoch after which it was stopped early, or would have been, else null
        *BUDGET,
        pa.field("manifold_digest", pa.string()),
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
CONFIRMATIONS: Final = pa.schema(
    [
        pa.field("trial_id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("architecture", pa.string()),
        pa.field("width", pa.float64()),
        pa.field("parameters", pa.int64()),
        pa.field("seed", pa.int64()),
        *metrics("test"),
        *BUDGET,
        pa.field("message", pa.string()),  # why a confirmation gave no metrics, else null
    ]
)
TABLES: Final = {"trials": TRIALS, "curves": CURVES, "confirmations": CONFIRMATIONS}

METADATA: Final = {
    b"disentangle.schema": SCHEMA_VERSION.encode(),
    b"disentangle.directions": b"every error and rate is minimised",
    b"disentangle.units": b"errors and rates: fractions in [0, 1]; seconds: wall time; "
    b"gradient_evaluations, forward_passes: per-example passes through the classifier",
}
"""Beside these a table carries `disentangle.threat_model`: JSON with norm, epsilon and eta."""

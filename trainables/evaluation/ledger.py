"""What every number of an evaluation took, and what it says of errors, as plain values."""

from typing import Any

from trainables.evaluation.ensemble import Line
from trainables.evaluation.strong import Evaluation


def ledger_rows(found: Evaluation) -> list[dict[str, Any]]:
    """Returns the ledger of an evaluation, a row a line.

    Returns:
        the fields of `Line`; `queries`, the forward passes of an attack that knows nothing else; `error_alone`, the
        error at this radius if there were no other attack; and `error_worst`, that over all attacks. The last three
        are None where they mean nothing.
    """
    return [_row(line, found) for line in found.ledger]


def _row(line: Line, found: Evaluation) -> dict[str, Any]:
    attack, curves = line.restarts > 0, {name: under.curve for name, under in found.threats.items()}
    worst = {name: curve.at(line.radius) for name, curve in curves.items() if attack and name == line.threat}
    return {
        **line._asdict(),
        "queries": line.forward_passes if attack and not line.white_box else None,
        "error_alone": 1 - (line.attacked - line.lost) / found.attacked if attack else None,
        "error_worst": next(iter(worst.values()), None),
    }

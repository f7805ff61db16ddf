"""What a study went by when it began, against what it would go on with."""

from collections.abc import Mapping
from typing import Any

from study.errors import Refused
from study.storage.store import Store

NAMES: Mapping[str, str] = {
    "space_fingerprint": "search space",
    "data_fingerprint": "data",
    "threat_model": "threat model",
    "code": "code",
}
SHOWN = 12  # characters of a fingerprint


def changed(began: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Returns those entries of study.json that a study must keep and that are others now."""
    return {key: now[key] for key in NAMES if began.get(key) != now[key]}


def settle(store: Store, now: Mapping[str, Any], where: str, *, accept: bool) -> None:
    """Refuses to go on with something else than the study began with, or records that it is accepted.

    Args:
        store: of the study that goes on.
        now: what study.json would say if it began now.
        where: the study's folder, as one types it.
        accept: whether changes are accepted.

    Raises:
        Refused: for a change that is not accepted; the message has the difference.
    """
    changes = changed(store.state.study, now)
    if not changes:
        return
    if accept:
        store.accepted(changes)
        return
    named = " and ".join(NAMES[key] for key in changes)
    difference = "; ".join(_difference(key, store.state.study.get(key), value) for key, value in changes.items())
    raise Refused(
        f"a study goes on with the {named} that it began with; {where} differs: {difference}; restore it, start "
        "another study, or give --accept-changes, which is recorded"
    )


def _difference(key: str, before: Any, now: Any) -> str:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        parts = [part for part in sorted({*before, *now}) if before.get(part) != now.get(part)]
        return ", ".join(f"{part} {_shown(before.get(part))} -> {_shown(now.get(part))}" for part in parts)
    return f"{NAMES[key]} {_shown(before)} -> {_shown(now)}"


def _shown(value: Any) -> str:
    return str(value)[:SHOWN]

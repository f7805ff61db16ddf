"""A warm start: what an earlier study found, told to the sampler of a new one.

The trials are copied into the new study's journal, so that a resume needs nothing but its own folder.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from study.errors import Refused
from study.storage.journal import read
from study.storage.state import State, Trial, folded
from study.storage.store import Store

SAME = {"space_fingerprint": "search space", "threat_model": "threat model", "data_fingerprint": "data"}


def warm_up(store: Store) -> None:
    """Copies what a study is to start with into its journal, unless that has been done.

    Raises:
        Refused: if the earlier study does not fit, or is not there.
    """
    source = store.config.warm_start
    if source is None or store.state.warm:
        return
    store.warmed(Path(source).name, fitting(Path(source), store.state.study))


def fitting(run_dir: Path, study: Mapping[str, Any]) -> list[Trial]:
    """Returns the COMPLETE trials of an earlier study of architectures that a study has too, at the same width.

    Args:
        run_dir: of the earlier study; another driver may be at work on it.
        study: what the new one's study.json says.

    Raises:
        Refused: if the space, the threat model or the data differ, or if there are no such trials.
    """
    earlier = _recalled(run_dir)
    for key, name in SAME.items():
        if earlier.study[key] != study[key]:
            raise Refused(
                f"a warm start is from a study of the same {name}; {run_dir} has {str(earlier.study[key])[:50]}, this "
                f"one {str(study[key])[:50]}; choose another --warm-start, or leave it out"
            )
    of_epoch = earlier.study.get("checkpoint", "last")
    if of_epoch != study.get("checkpoint", "last"):
        raise Refused(
            f"a warm start is from a study whose models are of the same epoch; {run_dir} has --checkpoint {of_epoch}, "
            f"this one {study['checkpoint']}; give that, choose another --warm-start, or leave it out"
        )
    widths = {name: width for name, width in study["widths"].items() if earlier.study["widths"].get(name) == width}
    trials = [trial for trial in earlier.trials.values() if trial.state == "COMPLETE" and trial.replicate_of is None]
    found = [trial for trial in trials if trial.architecture in widths]
    if not found:
        raise Refused(
            f"a warm start needs a complete trial of {', '.join(study['architectures'])}, at the same width; {run_dir} "
            "has none; choose another --warm-start, or leave it out"
        )
    return found


def _recalled(run_dir: Path) -> State:
    state = folded(read(run_dir / "journal")) if (run_dir / "journal").is_dir() else State()
    if not state.study:
        raise Refused(
            f"--warm-start takes the folder of an earlier study, such as runs/NAME; {run_dir} has no journal; "
            "check the path, or leave it out"
        )
    return state

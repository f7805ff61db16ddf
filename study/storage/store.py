"""A study on disk. The driver is its only writer, and this is what it writes with."""

import math
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from study.config import StudyConfig
from study.errors import Refused
from study.storage import provenance
from study.storage.atomic import write_bytes, write_json
from study.storage.journal import Journal, read
from study.storage.state import Attacked, Model, State, Trial, folded
from study.storage.tables import write_tables

TABLES_EVERY = 10.0  # seconds between two versions of the tables


class Store:
    """An open study: every change goes to the journal first, then into the state, now and then into the tables.

    Args:
        run_dir: the study's folder, which exists.
        description: what study.json shall say of a new study; None opens one that has begun.

    Raises:
        Refused: if another driver holds it, or if it cannot be read.
    """

    def __init__(self, run_dir: Path, description: Mapping[str, Any] | None = None) -> None:
        self.run_dir = run_dir
        self._journal = _opened(run_dir / "journal")
        self.state: State = folded(self._journal.past())
        self._tables_written, self._dirty = -math.inf, True
        if description is not None:
            self._record("study", **description)
        else:
            self._record("driver", **provenance.driver())
        write_json(run_dir / "study.json", self.state.study)

    @property
    def config(self) -> StudyConfig:
        """The study's config."""
        return StudyConfig.from_dict(self.state.study["config"])

    def asked(self, trial: Trial) -> None:
        """Records that a trial was asked for."""
        known = ("trial_id", "architecture", "number", "label", "point", "params", "config", "ranked_by")
        self._record("asked", **{key: getattr(trial, key) for key in (*known, "replicate_of", "constraints")})

    def warmed(self, source: str, trials: Sequence[Trial]) -> None:
        """Records trials of an earlier study that the search starts with, all of them at once."""
        known = ("trial_id", "architecture", "number", "label", "point", "params", "config", "ranked_by")
        plain = [{key: getattr(trial, key) for key in known} | {"curve": trial.curve[-1:]} for trial in trials]
        self._record("warm", source=source, trials=plain)

    def reported(self, trial_id: str, report: Mapping[str, Any], model: Model) -> None:
        """Records what a trial says after an epoch."""
        self._record("report", trial_id=trial_id, report=finite(report), model=asdict(model))

    def paused(self, trial_id: str) -> None:
        """Records that a trial waits at a rung."""
        self._record("paused", trial_id=trial_id)

    def promoted(self, trial_id: str) -> None:
        """Records that a paused trial goes on."""
        self._record("promoted", trial_id=trial_id)

    def would_stop(self, trial_id: str, epoch: int) -> None:
        """Records that halving would have stopped a trial that goes on for comparison."""
        self._record("would_stop", trial_id=trial_id, epoch=epoch)

    def broke(self, trial_id: str, reason: str) -> None:
        """Records that a trial's worker died."""
        self._record("broke", trial_id=trial_id, reason=reason)

    def accepted(self, changes: Mapping[str, Any]) -> None:
        """Records that the study goes on with something else than it began with."""
        self._record("accepted", now=dict(changes), before={key: self.state.study.get(key) for key in changes})

    def finished(self, trial_id: str, state: str, message: str | None) -> None:
        """Records how a trial ended."""
        self._record("finished", trial_id=trial_id, state=state, message=message)

    def confirmed(
        self,
        trial_id: str,
        seed: int,
        report: Mapping[str, Any] | None,
        message: str | None,
        model: Model,
        sha256: str | None,
    ) -> None:
        """Records what a candidate gives with a fresh seed, and what its weights are."""
        plain = None if report is None else finite(report)
        content = {"report": plain, "message": message, "model": asdict(model), "sha256": sha256}
        self._record("confirmed", trial_id=trial_id, seed=seed, **content)

    def strengthened(self, given: Mapping[str, Any]) -> None:
        """Records that confirmed models are to be attacked with another budget than so far, if it is another.

        Args:
            given: what changes, see `StrongConfig.changed`.

        Raises:
            ValueError: if there is not so much.
        """
        config = self.config
        strong = config.strong.changed(given, images=config.data.n_test, seeds=config.seeds)
        if strong != config.strong:
            self._record("strengthened", strong=asdict(strong))
            write_json(self.run_dir / "study.json", self.state.study)

    def attacked(self, known: Attacked) -> None:
        """Records what strong attacks did to a confirmed model."""
        self._record("attacked", **asdict(known))

    def probed(self, findings: Mapping[str, Any]) -> None:
        """Records what was measured of trials before the first one."""
        self._record("probed", findings=dict(findings))

    def note(self, text: str) -> None:
        """Records something about the run itself."""
        self._record("note", text=text)

    def test_opened(self, purpose: str, trial_id: str, seed: int) -> None:
        """Records an access to the test split, before it happens."""
        provenance.log_test_access(self.run_dir, {"purpose": purpose, "trial_id": trial_id, "seed": seed})

    def keep_weights(self, name: str, weights: bytes, config: Mapping[str, Any]) -> None:
        """Writes a model in the safetensors format, and its config beside it."""
        write_json(self.run_dir / "models" / f"{name}.json", config)
        write_bytes(self.weights(name), weights)

    def weights(self, name: str) -> Path:
        """Returns where a model lies, or would."""
        return self.run_dir / "models" / f"{name}.safetensors"

    def _record(self, kind: str, **content: Any) -> None:
        # As it will be read: a study that goes on and one that is resumed must not differ in a tuple for a list.
        self.state.apply(self._journal.append({"kind": kind, "time": provenance.now(), **content}))
        self._dirty = True

    def refresh_tables(self, *, now: bool = False) -> None:
        """Writes the tables where something has changed and the last version is old enough."""
        if self._dirty and (now or time.monotonic() - self._tables_written >= TABLES_EVERY):
            write_tables(self.state, self.run_dir / "results", self.state.study["threat_model"])
            self._tables_written, self._dirty = time.monotonic(), False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.refresh_tables(now=True)
        finally:
            self._journal.close()


def _opened(folder: Path) -> Journal:
    try:
        return Journal(folder)
    except OSError as error:
        raise Refused(
            f"a study's journal must be one that can be written; {error.filename or folder}: {error.strerror}; "
            "mend its rights, or free its disk"
        ) from error


def finite(report: Mapping[str, Any]) -> dict[str, Any]:
    """Replaces numbers that JSON cannot hold by None; why there are some is in the report's own words."""

    def held(value: Any) -> Any:
        if isinstance(value, Mapping):
            return finite(value)
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {key: held(value) for key, value in report.items()}


def create(run_dir: Path, description: Mapping[str, Any]) -> Store:
    """Begins a study in a folder that does not exist yet.

    Raises:
        Refused: if it exists or cannot be made.
    """
    refuse_existing(run_dir)
    try:
        run_dir.mkdir(parents=True)
    except OSError as error:
        raise Refused(
            f"a study needs a folder that can be made; {run_dir}: {error.strerror}; give another --runs"
        ) from (error)
    return Store(run_dir, description)


def refuse_existing(run_dir: Path) -> None:
    """Makes sure that a new study has the place for itself.

    Raises:
        Refused: if something is there.
    """
    if run_dir.exists():
        raise Refused(
            f"a new study needs a name of its own; {run_dir} exists; give another --name, or continue it with --resume"
        )


def recall(run_dir: Path) -> StudyConfig:
    """Reads what study a folder holds.

    Raises:
        Refused: if there is nothing to resume, or nothing that can be.
    """
    try:
        events = list(read(run_dir / "journal")) if (run_dir / "journal").is_dir() else []
        first = events[0] if events else None
        if first is None or first["kind"] != "study":
            raise Refused(
                f"a study that has begun lies in a folder such as runs/NAME; {run_dir} has no journal; "
                "check the path, or start a study with --space"
            )
        return StudyConfig.from_dict(folded(events).study["config"])
    except OSError as error:
        raise Refused(
            f"a study's journal must be one that can be read; {error.filename or run_dir}: {error.strerror}; "
            "mend its rights, or restore it from a copy"
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(
            f"a study is resumed by the version that began it; {run_dir} holds another one's ({error}); "
            "use that version, or start anew"
        ) from error


def resume_command(place: Path | str) -> str:
    """Returns what a shell understands to continue the study."""
    return f"python -m study.launch --resume {shlex.quote(str(place))}"
